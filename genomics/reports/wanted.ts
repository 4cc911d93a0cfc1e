/** Where a run of reports looks: everywhere, in a region, or in the regions of a file. */
import { BadUsage } from '../../core/errors.ts';
import type { Context, Dataset } from '../../core/job.ts';
import type { Contig } from '../formats/bam.ts';
import { type Locus, parseLocus } from '../formats/locus.ts';
import { createRegions, type Regions } from '../formats/regions.ts';
import { bedOf } from '../formats/remembered.ts';

export type Wanted = {
  /** The region, where one was asked for. */
  readonly locus: Locus | undefined;
  /** Of a contig; none where it has none. */
  readonly regionsOf: (id: number) => Regions;
  /** From the first to the last position that is wanted of a contig; undefined where it has none. */
  readonly extentOf: (id: number) => readonly [from: number, to: number] | undefined;
};

/** Undefined for everywhere. `name` is the reads', for messages. @throws BadUsage for a region that is not there, or one beside a file */
export async function wantedOf(
  { region }: { readonly region: string },
  bed: Dataset | undefined,
  contigs: readonly Contig[],
  name: string,
  host: Pick<Context, 'open'>,
): Promise<Wanted | undefined> {
  if (region === '' && !bed) return undefined;
  if (region !== '' && bed)
    throw new BadUsage(
      'option region: found a region and --bed, expected one of them; write it into the file',
    );
  const locus = region === '' ? undefined : parseLocus(region, contigs, name);
  const file = bed && (await bedOf(bed, host));
  const known = new Map<number, Regions>();
  const listed = (id: number): Parameters<typeof createRegions>[0] => {
    if (file) return file.contigs.get(contigs[id]!.name);
    return locus?.id === id
      ? { start: Uint32Array.of(locus.from), end: Uint32Array.of(locus.to) }
      : undefined;
  };
  const regionsOf = (id: number): Regions => {
    const regions = known.get(id) ?? createRegions(listed(id));
    known.set(id, regions);
    return regions;
  };
  return {
    locus,
    regionsOf,
    extentOf(id) {
      const stretches = regionsOf(id).within(0, contigs[id]!.length);
      return stretches.length > 0 ? [stretches[0]![0], stretches.at(-1)![1]] : undefined;
    },
  };
}
