/** Cuts what is to be piled up into parts: runs of units, by the compressed bytes that the index tells. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Partition, Planning } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import { placeless } from '../coverage/plan.ts';
import { type Index, readIndex } from '../formats/bai.ts';
import type { Header } from '../formats/bam.ts';
import type { Bed } from '../formats/bed.ts';
import { checkEof, type Virtual } from '../formats/bgzf.ts';
import { type FastaIndex, readFastaIndex, type Stretch, stretchOf } from '../formats/fasta.ts';
import { nextOf, placedOf, startOf } from '../formats/lookup.ts';
import { type Locus, parseLocus } from '../formats/locus.ts';
import { bedOf, headerOf } from '../formats/remembered.ts';
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
  readonly starts: readonly { readonly sure: number; readonly at: Virtual }[];
  /** Of the block that likely holds the first record behind the run. */
  readonly hint: number;
};

export type Part = { readonly runs: readonly Run[]; readonly cost: number };

/** What a base and a piece cost beside their records, in compressed bytes. */
const [baseCost, pieceCost] = [1 / 64, 256];
/** Of whole contigs, what lies between them in the file is read through when it is no more. */
const maxGap = 1 << 16;
/** 270 Gb of genome; the largest known has 160. */
const maxUnits = 2 ** 24;

/** Splits the work into parts of about `split` compressed bytes. */
export async function planPileup(
  reads: Dataset,
  positions: Dataset | undefined,
  reference: Dataset | undefined,
  given: Params,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const source = await planning.open(reads);
  const header = await headerOf(reads, planning);
  await checkEof(source, reads.uri);
  const index = await readIndex(planning, reads, header);
  const bed = positions && (await bedOf(positions, planning));
  const fasta = reference ? await readFastaIndex(planning, reference) : undefined;
  const locus = given.region === '' ? undefined : parseLocus(given.region, header.contigs, reads.uri);

  const stretches = stretchesOf(header, index, locus, given.all ? undefined : bed);
  const units = stretches.flatMap(unitsOf);
  if (units.length > maxUnits)
    throw new BadInput(
      `BAM: contigs of ${reads.uri} have more than ${maxUnits * unitSize} bases, expected less`,
    );
  const cost = Float64Array.from(units, (unit) => costOf(unit, index));
  const parts = splitWeighted(cost, split).map(({ start, end }): Part => ({
    runs: runsOf(join(units.slice(start, end)), header, index, fasta, locus?.from ?? 0),
    cost: Math.round(cost.subarray(start, end).reduce((sum, n) => sum + n, 0)),
  }));
  if (parts.length === 0) parts.push({ runs: [], cost: 0 });
  const notes: string[] = [];
  const lost = bed && positions && placeless(bed, positions.uri, header.contigs, reads.uri);
  if (lost) notes.push(lost);
  if (fasta && reference) {
    const unknown = [...new Set(stretches.map(({ id }) => header.contigs[id]!.name))].filter(
      (name) => !fasta.sequences.has(name),
    );
    if (unknown.length > 0)
      notes.push(
        `FASTA: ${reference.uri} lacks ${unknown.length} contigs of ${reads.uri}, their reference is shown as N: ${someOf(unknown)}`,
      );
  }
  const all = header.contigs.map(({ name, length }, id) => ({ id, name, length }));
  const known = locus || (bed && !given.all) ? undefined : placedOf(all, index);
  return { parts, ...(known === undefined ? {} : { records: known }), notes };
}

/** What is to be piled up, in order; contigs without reads are left out. */
function stretchesOf(
  { contigs }: Header,
  index: Index,
  locus: Locus | undefined,
  bed: Bed | undefined,
): Locus[] {
  const whole = contigs.map(({ length }, id): Locus => ({ id, from: 0, to: length }));
  const asked = (locus ? [locus] : whole).filter(({ id }) => index.contigs[id]!.end);
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

function costOf({ id, from, to }: Locus, index: Index): number {
  const { end } = index.contigs[id]!;
  const high = startOf(index, id, to) ?? end;
  const low = startOf(index, id, from);
  const bytes = high && low && end ? Math.max(0, Math.min(high[0], end[0]) - low[0]) : 0;
  return pieceCost + bytes + (to - from) * baseCost;
}

/** Neighbours become one. */
function join(units: readonly Locus[]): Locus[] {
  const out: { id: number; from: number; to: number }[] = [];
  for (const { id, from, to } of units) {
    const last = out.at(-1);
    if (last && last.id === id && last.to === from) last.to = to;
    else out.push({ id, from, to });
  }
  return out;
}

/** `origin`: where all reads begin that count. */
function runsOf(
  loci: readonly Locus[],
  { contigs }: Header,
  index: Index,
  fasta: FastaIndex | undefined,
  origin: number,
): Run[] {
  const out: { pieces: Piece[]; starts: Run['starts']; hint: number }[] = [];
  let known = 0;
  for (const locus of loci) {
    const { id, from, to } = locus;
    const reference = fasta ? stretchOf(fasta, contigs[id]!.name, from) : null;
    const starts = startsOf(locus, index, origin);
    const last = out.at(-1);
    const end = index.contigs[id]!.end!;
    const hint = (to < contigs[id]!.length ? nextOf(index, id, to) : undefined) ?? end[0];
    const follows = last && last.pieces.at(-1)!.id < id && from === 0;
    if (follows && starts[0]!.at[0] - known <= maxGap) {
      last.pieces.push({ ...locus, reference });
      last.hint = hint;
    } else out.push({ pieces: [{ ...locus, reference }], starts, hint });
    known = end[0];
  }
  return out;
}

function startsOf({ id, from }: Locus, index: Index, origin: number): Run['starts'] {
  const out: { sure: number; at: Virtual }[] = [];
  const window = Math.max(index.window, unitSize);
  for (let windows = 1; ; windows *= 4) {
    const sure = from - windows * window;
    if (from <= origin || sure <= origin) {
      out.push({ sure: -1, at: startOf(index, id, origin)! });
      return out;
    }
    out.push({ sure, at: startOf(index, id, sure)! });
  }
}
