/** Cuts what is to be piled up into parts: runs of units, by the compressed bytes that the index tells. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Partition, Planning } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import { placeless } from '../coverage/plan.ts';
import type { Header } from '../formats/bam.ts';
import type { Bed } from '../formats/bed.ts';
import { type Member, openCollection } from '../formats/collection.ts';
import { type FastaIndex, readFastaIndex, type Stretch, stretchOf } from '../formats/fasta.ts';
import { bytesOf, hasRecords, placedOf, type Span, spansOf, windowOf } from '../formats/lookup.ts';
import { joinLoci, type Locus, parseLocus } from '../formats/locus.ts';
import { bedOf } from '../formats/remembered.ts';
import { someOf } from '../formats/names.ts';
import { unitSize } from '../kernels/units.ts';
import type { Params } from './settings.ts';

/** `[from, to)` of contig `id`, and where its reference lies, if it has one. */
export type Piece = Locus & { readonly reference: Stretch | null };

/** Pieces that are read in one go: the first one, and the whole contigs behind it. */
export type Run = {
  readonly pieces: readonly Piece[];
  /**
   * Where to begin, the nearest first: from position `sure` on all reads are met there that lie over a position; -1: all there are. The farther
   * ones are for piles so deep that it matters which reads were left out before.
   */
  readonly starts: readonly { readonly sure: number; readonly spans: readonly Span[] }[];
};

export type Part = { readonly runs: readonly Run[]; readonly cost: number };

/** What a base and a piece cost beside their records, in compressed bytes. */
const [baseCost, pieceCost] = [1 / 64, 256];
/** 270 Gb of genome; the largest known has 160. */
const maxUnits = 2 ** 24;

/** Splits the work into parts of about `split` compressed bytes. */
export async function planPileup(
  reads: readonly Dataset[],
  positions: Dataset | undefined,
  reference: Dataset | undefined,
  given: Params,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const { header, members } = await openCollection(planning, reads);
  const name = reads[0]!.uri;
  const bed = positions && (await bedOf(positions, planning));
  const fasta = reference ? await readFastaIndex(planning, reference) : undefined;
  const locus = given.region === '' ? undefined : parseLocus(given.region, header.contigs, name);

  const stretches = stretchesOf(header, members, locus, given.all ? undefined : bed);
  const units = stretches.flatMap(unitsOf);
  if (units.length > maxUnits)
    throw new BadInput(`BAM: contigs of ${name} have more than ${maxUnits * unitSize} bases, expected less`);
  const cost = Float64Array.from(units, (unit) => costOf(unit, header, members));
  const parts = splitWeighted(cost, split).map(({ start, end }): Part => ({
    runs: runsOf(joinLoci(units.slice(start, end)), header, members, fasta, locus?.from ?? 0),
    cost: Math.round(cost.subarray(start, end).reduce((sum, n) => sum + n, 0)),
  }));
  if (parts.length === 0) parts.push({ runs: [], cost: 0 });
  const notes: string[] = [];
  const lost = bed && positions && placeless(bed, positions.uri, header.contigs, name);
  if (lost) notes.push(lost);
  if (fasta && reference) {
    const unknown = [...new Set(stretches.map(({ id }) => header.contigs[id]!.name))].filter(
      (contig) => !fasta.sequences.has(contig),
    );
    if (unknown.length > 0)
      notes.push(
        `FASTA: ${reference.uri} lacks ${unknown.length} contigs of ${name}, their reference is shown as N: ${someOf(unknown)}`,
      );
  }
  const known =
    locus || (bed && !given.all)
      ? undefined
      : placedOf(
          members.map(({ index }) => index),
          header.contigs.map((_, id) => id),
        );
  return { parts, ...(known === undefined ? {} : { records: known }), notes };
}

/** What is to be piled up, in order; contigs without reads are left out. */
function stretchesOf(
  { contigs }: Header,
  members: readonly Member[],
  locus: Locus | undefined,
  bed: Bed | undefined,
): Locus[] {
  const whole = contigs.map(({ length }, id): Locus => ({ id, from: 0, to: length }));
  const asked = (locus ? [locus] : whole).filter(({ id }) => hasRecords(members, id));
  if (!bed) return asked;
  return asked.flatMap(({ id, from, to }) => {
    const regions = bed.contigs.get(contigs[id]!.name);
    const out: { id: number; from: number; to: number }[] = [];
    regions?.start.forEach((start, i) => {
      // In whole units, so that what lies near each other is read once.
      const low = Math.max(from, Math.floor(start / unitSize) * unitSize);
      const high = Math.min(to, Math.ceil(regions.end[i]! / unitSize) * unitSize);
      if (low >= high) return;
      const last = out.at(-1);
      if (last && low <= last.to) last.to = Math.max(last.to, high);
      else out.push({ id, from: low, to: high });
    });
    return out;
  });
}

/** Cuts at multiples of a unit. */
function unitsOf({ id, from, to }: Locus): Locus[] {
  const out: Locus[] = [];
  for (let start = from; start < to || start === from;) {
    const end = Math.min(to, (Math.floor(start / unitSize) + 1) * unitSize);
    out.push({ id, from: start, to: end });
    start = Math.max(end, start + 1);
  }
  return out;
}

function costOf({ id, from, to }: Locus, { contigs }: Header, members: readonly Member[]): number {
  const bytes = bytesOf(members, id, from, to < contigs[id]!.length ? to : Infinity);
  return pieceCost + bytes + (to - from) * baseCost;
}

/** `origin`: where all reads begin that count. */
function runsOf(
  loci: readonly Locus[],
  { contigs }: Header,
  members: readonly Member[],
  fasta: FastaIndex | undefined,
  origin: number,
): Run[] {
  const runs: Locus[][] = [];
  for (const locus of loci) {
    const last = runs.at(-1);
    const before = last?.at(-1);
    // A run goes on with what follows behind its end.
    const follows =
      before && before.id < locus.id && locus.from === 0 && before.to >= contigs[before.id]!.length;
    if (last && follows) last.push(locus);
    else runs.push([locus]);
  }
  return runs.map((run) => {
    const [first, last] = [run[0]!, run.at(-1)!];
    const ids = run.map(({ id }) => id);
    const to = last.to < contigs[last.id]!.length ? last.to : Infinity;
    return {
      pieces: run.map((locus) => ({
        ...locus,
        reference: fasta ? stretchOf(fasta, contigs[locus.id]!.name, locus.from) : null,
      })),
      starts: suresOf(first, windowOf(members), origin).map((sure) => ({
        sure,
        spans: spansOf(members, ids, sure < 0 ? origin : sure, to, contigs, fasta),
      })),
    };
  });
}

/** From where on all reads are met, the nearest first; -1: from the first one on. */
function suresOf({ from }: Locus, window: number, origin: number): number[] {
  const out: number[] = [];
  for (let windows = 1; ; windows *= 4) {
    const sure = from - windows * Math.max(window, unitSize);
    if (from <= origin || sure <= origin) return [...out, -1];
    out.push(sure);
  }
}
