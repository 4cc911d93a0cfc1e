/** Indexes a part of a file, and joins what neighbours found. */
import type { Context, Dataset } from '../../core/job.ts';
import { recordChunks } from '../formats/bam.ts';
import { formatVirtual, type Virtual } from '../formats/bgzf.ts';
import { type BinnedColumns, columnsOf, joinColumns } from '../formats/binned.ts';
import type { Shape } from '../formats/binning.ts';
import { type Blocks, joinBlocks, readBlocks } from '../formats/gzi.ts';
import { headerOf } from '../formats/remembered.ts';
import { binRecords, createBinner, isOrdered, type Place } from '../kernels/bins.ts';
import type { Columns } from '../kernels/intervals.ts';
import { binBcf } from './bcf.ts';
import { faultOf } from './faults.ts';
import { binLines, joinNames } from './lines.ts';

/** What is made of which file, `bcf` the CSI of one: columns of text, none of a BAM or BCF; bins, none for GZI. */
export type How = {
  readonly format: 'bai' | 'csi' | 'tbi' | 'gzi' | 'bcf';
  readonly text: Columns | null;
  readonly shape: Shape | null;
};

/** Records that start in `[from, to)`; of GZI blocks, of text lines that begin in these. */
export type Part = How & { readonly from: Virtual; readonly to: Virtual };

export type Indexed = {
  readonly how: How;
  readonly records: number;
  readonly unplaced: number;
  readonly first: Place | null;
  readonly last: Place | null;
  readonly binned: BinnedColumns | null;
  readonly blocks: Blocks | null;
  /** Of text: names of the contigs in order. */
  readonly names: readonly string[];
};

export const nothing: Blocks = { length: new Uint32Array(0), size: new Uint32Array(0) };

export async function indexPart(
  part: Part,
  file: Dataset,
  context: Pick<Context, 'open' | 'signal'>,
): Promise<Indexed> {
  const { from, to, ...how } = part;
  const source = await context.open(file);
  const { signal } = context;
  const { format, text, shape } = how;
  const empty = {
    how,
    records: 0,
    unplaced: 0,
    first: null,
    last: null,
    binned: null,
    blocks: null,
    names: [],
  };
  if (format === 'gzi') {
    const blocks = await readBlocks(source, file.uri, from[0], to[0], signal);
    return { ...empty, records: blocks.size.length, blocks };
  }
  if (text) {
    const lines = await binLines(source, file.uri, { from: from[0], to: to[0] }, text, shape!, signal);
    const { contigs, records, first = null, last = null, names } = lines;
    return { ...empty, records, first, last, binned: columnsOf(contigs), names };
  }
  if (format === 'bcf') {
    const { contigs, records, first = null, last = null } = await binBcf(source, file, part, context);
    return { ...empty, records, first, last, binned: columnsOf(contigs) };
  }
  const { contigs } = await headerOf(file, context);
  const binner = createBinner(shape!);
  // Behind the last record only empty blocks follow, which parts may or may not have read with it.
  const isLast = to[0] >= file.size;
  for await (const chunk of recordChunks(source, file.uri, contigs.length, from, to, signal)) {
    const { bytes, place, placeOfEnd } = chunk;
    const unfit = binRecords(binner, bytes, place, (isLast ? placeOfEnd : place)(bytes.length));
    if (unfit) throw faultOf(unfit, `record at ${formatVirtual(place(unfit.at))} of ${file.uri}`, placeOf);
  }
  const { contigs: binned, records, unplaced, first = null, last = null } = binner.build();
  return { ...empty, records, unplaced, first, last, binned: columnsOf(binned) };
}

/** Joins neighbours, in order. @throws BadInput where the next one's records do not follow */
export function joinIndexed(results: readonly Indexed[]): Indexed {
  const { names, numbers } = joinNames(results);
  const moved = results.map((result, i): Indexed => {
    if (!result.how.text) return result;
    const own = numbers[i]!;
    const move = (place: Place | null): Place | null => place && [own[place[0]]!, place[1]];
    const { binned } = result;
    return {
      ...result,
      first: move(result.first),
      last: move(result.last),
      binned: binned && { ...binned, contig: binned.contig.map((id) => own[id]!) },
    };
  });
  const placed = moved.filter(({ records, binned }) => records > 0 && binned);
  for (let i = 1; i < placed.length; i++) {
    const [before, found] = [placed[i - 1]!.last!, placed[i]!.first!];
    if (!isOrdered(before, found))
      throw faultOf({ why: 'order', at: 0, before, found }, 'records of the file', placeOf);
  }
  const binned = moved.flatMap((result) => result.binned ?? []);
  const blocks = moved.flatMap((result) => result.blocks ?? []);
  return {
    how: results[0]!.how,
    records: results.reduce((sum, { records }) => sum + records, 0),
    unplaced: results.reduce((sum, { unplaced }) => sum + unplaced, 0),
    first: placed[0]?.first ?? null,
    last: placed.at(-1)?.last ?? null,
    binned: binned.length > 0 ? joinColumns(binned) : null,
    blocks: blocks.length > 0 ? joinBlocks(blocks) : null,
    names,
  };
}

/** Contigs by their numbers. */
const placeOf = ([contig, pos]: Place): string =>
  contig < 0 ? 'no place' : `contig ${contig + 1}, base ${pos + 1}`;
