/** Cuts what is to be called into parts: runs of units, by the compressed bytes that the index tells. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Dataset, Partition, Planning } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import { halo } from '../calling/caller.ts';
import { sway } from '../calling/windows.ts';
import { placeless } from '../coverage/plan.ts';
import { openCollection } from '../formats/collection.ts';
import { readFastaIndex, type Stretch, stretchOf } from '../formats/fasta.ts';
import { joinLoci, type Locus } from '../formats/locus.ts';
import { bytesOf, hasRecords, type Span, spansOf } from '../formats/lookup.ts';
import { bedOf } from '../formats/remembered.ts';
import { unitSize } from '../kernels/units.ts';
import { readSamples, type Samples } from './samples.ts';
import type { Params } from './settings.ts';
import { wantedOf } from './wanted.ts';

/** `[from, to)` of contig `id`, in whole units: the reads over it, and its reference from `halo` bases before it on. */
export type Piece = Locus & { readonly spans: readonly Span[]; readonly reference: Stretch };
export type Part = { readonly pieces: readonly Piece[]; readonly samples: Samples; readonly cost: number };

/** What a unit costs beside its records, in compressed bytes. */
const unitCost = 256;

export async function planVariants(
  reads: readonly Dataset[],
  reference: Dataset,
  regions: Dataset | undefined,
  given: Params,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const { header, headings, members } = await openCollection(planning, reads);
  const { contigs } = header;
  const name = reads[0]!.uri;
  const fasta = await readFastaIndex(planning, reference);
  const samples = readSamples(
    headings.map((heading, i) => ({ header: heading.header, name: reads[i]!.uri })),
    given.samples,
  );
  if (given.gvcf && given.ploidy !== 2)
    throw new BadUsage(`option gvcf: found ploidy ${given.ploidy}, expected 2; leave one of the two out`);
  const bed = regions && (await bedOf(regions, planning));
  const wanted = wantedOf(given.region, bed, contigs, name);
  const units = contigs.flatMap(({ length }, id) => {
    const out: Locus[] = [];
    if (!given.gvcf && !hasRecords(members, id)) return out;
    const lists = wanted(id);
    for (let from = 0; from < length; from += unitSize) {
      const to = Math.min(length, from + unitSize);
      // Cells of a unit may begin in the one before, or end in the one behind.
      if (lists.every((list) => list.overlaps(Math.max(0, from - sway), to + sway)))
        out.push({ id, from, to });
    }
    return out;
  });
  for (const id of new Set(units.map((unit) => unit.id))) {
    const contig = contigs[id]!;
    const found = fasta.sequences.get(contig.name);
    if (found?.length !== contig.length)
      throw new BadInput(
        `FASTA: ${reference.uri} has ${found ? `${found.length} bases of ${contig.name}` : `no sequence ${contig.name}`}, expected the ${contig.length} bases that the header of ${name} says; give the reference that the reads were aligned to`,
      );
  }
  const cost = units.map(({ id, from, to }) => {
    const isLast = to >= contigs[id]!.length;
    return unitCost + bytesOf(members, id, from, isLast ? Infinity : to);
  });
  const parts = splitWeighted(cost, split).map(({ start, end }): Part => ({
    samples,
    cost: Math.round(cost.slice(start, end).reduce((sum, n) => sum + n, 0)),
    pieces: joinLoci(units.slice(start, end)).map((piece) => ({
      ...piece,
      reference: stretchOf(fasta, contigs[piece.id]!.name, Math.max(0, piece.from - halo))!,
      spans: spansOf(
        members,
        [piece.id],
        Math.max(0, piece.from - halo),
        piece.to < contigs[piece.id]!.length ? piece.to + halo : Infinity,
        contigs,
        fasta,
      ),
    })),
  }));
  if (parts.length === 0) parts.push({ samples, cost: 0, pieces: [] });
  const lost = bed && regions && placeless(bed, regions.uri, contigs, name);
  return { parts, notes: lost ? [lost] : [] };
}
