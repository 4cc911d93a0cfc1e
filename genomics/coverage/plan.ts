/** Cuts the genome into parts of equal work: runs of whole units, by the compressed bytes that the index tells. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Partition, Planning } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import type { Header } from '../formats/bam.ts';
import type { Bed } from '../formats/bed.ts';
import { type Member, openCollection } from '../formats/collection.ts';
import type { FastaIndex } from '../formats/fasta.ts';
import {
  bytesOf,
  everywhere,
  type ExtentOf,
  placedOf,
  type Span,
  spansOf,
  windowOf,
} from '../formats/lookup.ts';
import { someOf } from '../formats/names.ts';
import { flag } from '../formats/record.ts';
import { bedOf } from '../formats/remembered.ts';
import { groupEnd, unitSize } from '../kernels/units.ts';
import { type Contig, selectContigs } from './contigs.ts';
import { type Params, type Settings, settingsOf } from './settings.ts';

/** `[from, to)` of the genome: positions on the first and on the last of its contigs. */
export type Part = {
  /** In the order of the header: place there, name, length. */
  readonly contigs: readonly (readonly [id: number, name: string, length: number])[];
  readonly from: number;
  readonly to: number;
  /** Where to read records, of one file after another. */
  readonly spans: readonly Span[];
  /** Contigs of the header. */
  readonly total: number;
  /** Compressed bytes, and what else takes time as so many. */
  readonly cost: number;
};

/** What a base, a row of output and a contig cost beside their records, in compressed bytes. */
const [baseCost, rowCost, contigCost] = [1 / 256, 32, 64];
/** 270 Gb of genome; the largest known has 160. */
const maxUnits = 2 ** 24;
/** A name stands in each row of output. */
const maxName = 1024;

/** Splits the work into parts of about `split` compressed bytes. */
export async function planParts(
  { reads, by }: { readonly reads: readonly Dataset[]; readonly by?: readonly [Dataset] },
  params: Params,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const settings = settingsOf(params, by !== undefined);
  const { header, members } = await openCollection(planning, reads);
  const bed = by && (await bedOf(by[0], planning));
  const name = reads[0]!.uri;
  const contigs = selectContigs(header, name, params, settings, bed);
  checkNames(contigs, name);
  const note = bed && placeless(bed, by[0].uri, header.contigs, name);

  const parts = cutParts({ contigs, members, settings, bed, header, name }, split);
  // Regions may be asked for only where there are none; the result says so.
  if (parts.length === 0)
    parts.push({ contigs: [], from: 0, to: 0, spans: [], total: header.contigs.length, cost: 0 });
  const records = placedOf(
    members.map(({ index }) => index),
    contigs.map(({ id }) => id),
  );
  return { parts, ...(records === undefined ? {} : { records }), ...(note ? { notes: [note] } : {}) };
}

/** What parts are cut from. `name`: the first file's, for messages; `fasta`: where bases are looked at, which CRAM takes from there. */
export type Uncut = {
  readonly contigs: readonly Contig[];
  readonly members: readonly Member[];
  readonly settings: Settings;
  readonly bed: Bed | undefined;
  readonly header: Header;
  readonly name: string;
  readonly fasta?: FastaIndex | undefined;
  /** What is wanted of a contig; all of it without. */
  readonly extentOf?: ExtentOf | undefined;
};

/** Cuts contigs into parts of about `split` compressed bytes; none for no contigs. */
export function cutParts(
  { contigs, members, settings, bed, header, name, fasta, extentOf = () => everywhere }: Uncut,
  split: number,
): Part[] {
  const units = listUnits(contigs, name);
  const cost = costOf(units, contigs, members, settings, bed, extentOf);
  // A part begins a window before: that gives the reads that reach over its start, and their mates; before mapped reads of a window may lie
  // unmapped ones of the same, but none of the next, and where they count they are not in the linear index.
  const halo = (settings.filter.exclude & flag.unmapped ? 1 : 2) * Math.max(windowOf(members), unitSize);
  return splitWeighted(cost, split).map(({ start, end }): Part => {
    const first = units.contig[start]!;
    const isCut = end < units.contig.length && units.start[end]! > 0;
    const last = end < units.contig.length ? units.contig[end]! - (isCut ? 0 : 1) : contigs.length - 1;
    const own = contigs.slice(first, last + 1);
    const from = units.start[start]!;
    const to = isCut ? units.start[end]! : own.at(-1)!.length;
    return {
      contigs: own.map((contig) => [contig.id, contig.name, contig.length]),
      from,
      to,
      spans: spansOf(
        members,
        own.map(({ id }) => id),
        from > 0 ? from - halo : 0,
        isCut ? to : Infinity,
        header.contigs,
        fasta,
        extentOf,
      ),
      total: header.contigs.length,
      cost: Math.round(cost.subarray(start, end).reduce((sum, n) => sum + n, 0)),
    };
  });
}

/** @throws BadInput for a name that is too long */
export function checkNames(contigs: readonly Contig[], reads: string): void {
  const long = contigs.find(({ name }) => name.length > maxName);
  if (long)
    throw new BadInput(
      `BAM: a contig of ${reads} has a name of ${long.name.length} letters, expected at most ${maxName}`,
    );
}

/** Which regions have no place, as they leave no trace in the output; undefined where all have one. */
export function placeless(
  bed: Bed,
  name: string,
  contigs: readonly { name: string }[],
  reads: string,
): string | undefined {
  const known = new Set(contigs.map((contig) => contig.name));
  const lost = [...bed.contigs].filter(([contig]) => !known.has(contig));
  if (lost.length === 0) return undefined;
  const count = lost.reduce((sum, [, { start }]) => sum + start.length, 0);
  const names = someOf(lost.map(([contig]) => contig));
  return `BED: ${count} regions of ${name} lie on contigs that ${reads} does not have: ${names}`;
}

/** Units in order, as columns: the first contig of each, as its place in the list, and where it starts there. */
type Units = { readonly contig: Int32Array; readonly start: Int32Array };

function listUnits(contigs: readonly Contig[], name: string): Units {
  let count = 0;
  for (let i = 0; i < contigs.length; i = groupEnd(contigs, i))
    count += Math.max(1, Math.ceil(contigs[i]!.length / unitSize));
  if (count > maxUnits)
    throw new BadInput(`BAM: contigs of ${name} have more than ${maxUnits * unitSize} bases, expected less`);
  const units = { contig: new Int32Array(count), start: new Int32Array(count) };
  let at = 0;
  for (let i = 0; i < contigs.length; i = groupEnd(contigs, i)) {
    // Of a group of short contigs this is one unit.
    let start = 0;
    do {
      units.contig[at] = i;
      units.start[at++] = start;
      start += unitSize;
    } while (start < contigs[i]!.length);
  }
  return units;
}

function costOf(
  { contig, start }: Units,
  contigs: readonly Contig[],
  members: readonly Member[],
  { window }: Settings,
  bed: Bed | undefined,
  extentOf: ExtentOf,
): Float64Array {
  const bases = baseCost + (window > 0 ? rowCost / window : 0);
  return Float64Array.from(contig, (first, i) => {
    const isCut = i + 1 < contig.length && contig[i + 1] === first;
    const next = i + 1 < contig.length ? contig[i + 1]! : contigs.length;
    let sum = 0;
    for (let c = first; c < Math.max(next, first + 1); c++) {
      const { id, name, length } = contigs[c]!;
      const [from, to] = [start[i]!, isCut ? start[i + 1]! : length];
      const [low, high] = extentOf(id) ?? [0, 0];
      const [first, last] = [Math.max(from, low), Math.min(isCut ? to : Infinity, high)];
      if (first < last) sum += bytesOf(members, id, first, last < length ? last : Infinity);
      sum +=
        contigCost + (to - from) * bases + rowCost * countStarts(bed?.contigs.get(name)?.start, from, to);
    }
    return sum;
  });
}

/** How many regions start in `[from, to)`. */
function countStarts(starts: Uint32Array | undefined, from: number, to: number): number {
  if (!starts) return 0;
  const before = (pos: number): number => {
    let low = 0;
    for (let high = starts.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! < pos) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return before(to) - before(from);
}
