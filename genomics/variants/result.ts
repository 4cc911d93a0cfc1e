/** What parts call: lines of VCF in the store, and where each lies. */
import type { Stored } from '../../core/job.ts';

export type Calls = {
  readonly records: number;
  readonly samples: readonly string[];
  readonly texts: readonly Stored[];
  /** By line: contig, `[from, to)` on it, bytes. */
  readonly contig: Int32Array<ArrayBuffer>;
  readonly from: Int32Array<ArrayBuffer>;
  readonly to: Int32Array<ArrayBuffer>;
  readonly size: Int32Array<ArrayBuffer>;
};

export function joinCalls(all: readonly Calls[]): Calls {
  const column = (key: 'contig' | 'from' | 'to' | 'size'): Int32Array<ArrayBuffer> => {
    const out = new Int32Array(all.reduce((sum, one) => sum + one[key].length, 0));
    let at = 0;
    for (const one of all) {
      out.set(one[key], at);
      at += one[key].length;
    }
    return out;
  };
  return {
    records: all.reduce((sum, { records }) => sum + records, 0),
    samples: all[0]!.samples,
    texts: all.flatMap(({ texts }) => texts),
    contig: column('contig'),
    from: column('from'),
    to: column('to'),
    size: column('size'),
  };
}
