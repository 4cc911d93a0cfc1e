/** What parts call: lines of VCF in the store, and where each lies. */
import { joinLines, type VcfLines } from '../formats/vcfwriter.ts';

export type Calls = VcfLines & {
  readonly records: number;
  readonly samples: readonly string[];
};

export const joinCalls = (all: readonly Calls[]): Calls => ({
  records: all.reduce((sum, { records }) => sum + records, 0),
  samples: all[0]!.samples,
  ...joinLines(all),
});
