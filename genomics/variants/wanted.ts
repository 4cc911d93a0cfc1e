/** Where calls are wanted: in the regions of the option and of the BED file. */
import type { Contig } from '../formats/bam.ts';
import type { Bed } from '../formats/bed.ts';
import { parseLoci } from '../formats/locus.ts';
import { createRegions, type Regions } from '../formats/regions.ts';

/** By contig, lists of positions: wanted are those that are in all of them, without lists all. */
export type Wanted = (id: number) => readonly Regions[];

/**
 * `regions`: regions with commas between them, empty for anywhere; `file`: what messages call that with the contigs.
 * @throws BadUsage for a region that is none of them
 */
export function wantedOf(
  regions: string,
  bed: Bed | undefined,
  contigs: readonly Contig[],
  file: string,
): Wanted {
  const loci = parseLoci(regions, contigs, file).sort((a, b) => a.from - b.from);
  const known = new Map<number, readonly Regions[]>();
  const find = (id: number): readonly Regions[] => {
    const own = loci.filter((locus) => locus.id === id);
    const listed = {
      start: Uint32Array.from(own, ({ from }) => from),
      end: Uint32Array.from(own, ({ to }) => to),
    };
    return [
      ...(loci.length > 0 ? [createRegions(listed)] : []),
      ...(bed ? [createRegions(bed.contigs.get(contigs[id]!.name))] : []),
    ];
  };
  return (id) => {
    let found = known.get(id);
    if (!found) known.set(id, (found = find(id)));
    return found;
  };
}
