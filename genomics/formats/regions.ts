/** Positions that are wanted of a contig. */
import type { ContigRegions } from './bed.ts';

/** Half-open stretches in order that neither overlap nor touch. */
export type Regions = {
  /** Whether any lies in `[from, to)`. */
  overlaps(from: number, to: number): boolean;
  /** The stretches as far as they lie in `[from, to)`. */
  within(from: number, to: number): readonly (readonly [from: number, to: number])[];
  /** A byte for each position of `[from, to)`: 1 for wanted. Valid until the next call. */
  mark(from: number, to: number): Uint8Array;
};

/** The regions of a BED file, or one region. */
export function createRegions(listed: Pick<ContigRegions, 'start' | 'end'> | undefined): Regions {
  const starts: number[] = [];
  const ends: number[] = [];
  listed?.start.forEach((start, i) => {
    const end = listed.end[i]!;
    if (end <= start) return;
    if (starts.length > 0 && start <= ends.at(-1)!) ends[ends.length - 1] = Math.max(ends.at(-1)!, end);
    else {
      starts.push(start);
      ends.push(end);
    }
  });
  /** The first stretch that ends behind a position. */
  const after = (pos: number): number => {
    let low = 0;
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! <= pos) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  let marks = new Uint8Array(0);
  return {
    overlaps(from, to) {
      const i = after(from);
      return i < starts.length && starts[i]! < to;
    },
    within(from, to) {
      const out: [number, number][] = [];
      for (let i = after(from); i < starts.length && starts[i]! < to; i++)
        out.push([Math.max(from, starts[i]!), Math.min(to, ends[i]!)]);
      return out;
    },
    mark(from, to) {
      if (marks.length < to - from) marks = new Uint8Array(to - from);
      marks.fill(0);
      for (let i = after(from); i < starts.length && starts[i]! < to; i++)
        marks.fill(1, Math.max(0, starts[i]! - from), Math.min(ends[i]!, to) - from);
      return marks;
    },
  };
}
