/** What is asked of the indexes of files that are read as one: where to read, and how many records there are. */
import type { Index } from './indexbody.ts';
import type { Virtual } from './bgzf.ts';
import type { Member } from './collection.ts';
import { cramCost, lettersOf } from './cram/places.ts';
import type { Stretches } from './cram/letters.ts';
import type { FastaIndex } from './fasta.ts';

/** Where records of a part lie in one file. */
export type Span = {
  /** The file's place among those of the input, and what it is. */
  readonly file: number;
  readonly kind: 'bam' | 'cram';
  /** To be read from there on until a record lies behind contig `last`, or there at or behind position `until`. */
  readonly from: Virtual;
  readonly last: number;
  readonly until: number;
  /** The block that likely holds the first record behind the part: a hint for how much to ask for, not a bound. */
  readonly to: number;
  /** CRAM: where the reference of the span's contigs lies, from where its first container begins. */
  readonly letters: Stretches;
};

/** What is wanted of a contig: positions `[from, to)`; undefined for nothing. */
export type ExtentOf = (id: number) => readonly [from: number, to: number] | undefined;
/** No position is beyond it (SAM spec 4.2). */
const endless = 2 ** 31 - 1;
export const everywhere = [0, endless] as const;

/** Contigs are read through what lies between them when that is no more. */
const maxGap = 1 << 16;

/** Where the first record lies that overlaps the window of a position, or one before it; undefined without records. */
export function startOf({ contigs, window }: Index, id: number, pos: number): Virtual | undefined {
  const { start, block, within } = contigs[id]!;
  if (!start || pos <= 0 || block.length === 0) return start;
  const i = Math.min(Math.floor(pos / window), block.length - 1);
  return [block[i]!, within[i]!];
}

/** The block with the first record known to start at a position or behind it; undefined without one. */
const nextOf = ({ contigs, window }: Index, id: number, pos: number): number | undefined =>
  contigs[id]!.next[Math.ceil(pos / window)];

/** Bases of a window, of the index that has the largest. */
export const windowOf = (members: readonly Member[]): number =>
  Math.max(...members.map(({ index }) => index.window));

/** Whether any file has records on a contig. */
export const hasRecords = (members: readonly Member[], id: number): boolean =>
  members.some(({ index }) => index.contigs[id]!.end !== undefined);

/** Compressed bytes of the records on `[from, to)` of a contig, about, as many of BAM as take as long to read. */
export function bytesOf(members: readonly Member[], id: number, from: number, to: number): number {
  return members.reduce((sum, { index, containers }) => {
    const { end } = index.contigs[id]!;
    if (!end) return sum;
    const stop = to === Infinity ? end : startOf(index, id, to)!;
    const bytes = Math.max(0, Math.min(stop[0], end[0]) - startOf(index, id, from)![0]);
    return sum + bytes * (containers ? cramCost : 1);
  }, 0);
}

/** Placed records of the contigs, if the indexes tell all. */
export function placedOf(indexes: readonly Index[], ids: readonly number[]): number | undefined {
  let total = 0;
  for (const { contigs } of indexes)
    for (const id of ids) {
      const { mapped, unmapped } = contigs[id]!;
      if (mapped === undefined || unmapped === undefined) return undefined;
      total += mapped + unmapped;
    }
  return total;
}

/** All records, if the indexes tell. */
export function recordsOf(indexes: readonly Index[]): number | undefined {
  const ids = indexes[0]!.contigs.map((_, id) => id);
  return indexes.reduce<number | undefined>(
    (sum, { unplaced }) => {
      return sum === undefined || unplaced === undefined ? undefined : sum + unplaced;
    },
    placedOf(indexes, ids),
  );
}

/**
 * Where to read for a part: contigs `ids` in order, the first one from position `from` on, the last one as far as `to`, where Infinity is its end.
 * `fasta` is asked for where the letters of CRAM lie, `extentOf` for what is wanted of a contig.
 */
export function spansOf(
  members: readonly Member[],
  ids: readonly number[],
  from: number,
  to: number,
  names: readonly { readonly name: string }[],
  fasta: FastaIndex | undefined,
  extentOf: ExtentOf = () => everywhere,
): Span[] {
  return members.flatMap((member) => {
    const { file, index, containers } = member;
    const spans: { from: Virtual; last: number; until: number; to: number; ids: number[] }[] = [];
    // Where the records of the last span end, by the index; not for reading: it may know of an older end of the file.
    let known = 0;
    ids.forEach((id, i) => {
      const { end } = index.contigs[id]!;
      const wanted = extentOf(id);
      if (!end || !wanted) return;
      const [low, until] = wanted;
      const first = Math.max(low, i === 0 ? from : 0);
      const high = Math.min(until, i === ids.length - 1 ? to : Infinity);
      const start = startOf(index, id, first)!;
      // What is wanted lies beside the part: a read may reach from the one into the other, unless the index knows better.
      if (first >= high && start[0] > (nextOf(index, id, high) ?? Infinity)) return;
      const span = spans.at(-1);
      const stop = (high < endless ? nextOf(index, id, high) : undefined) ?? end[0];
      if (span && start[0] - known <= maxGap) {
        Object.assign(span, { last: id, until, to: stop });
        span.ids.push(id);
      } else spans.push({ from: start, last: id, until, to: stop, ids: [id] });
      known = until < endless ? stop : end[0];
    });
    return spans.map(({ ids: own, ...span }): Span => ({
      file,
      kind: containers ? 'cram' : 'bam',
      ...span,
      letters:
        fasta && containers
          ? lettersOf(
              containers.filter((container) => container.from >= span.from[0]),
              names,
              fasta,
              new Set(own),
            )
          : [],
    }));
  });
}
