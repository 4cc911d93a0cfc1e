/** Where the records of each window of a contig begin, from what an index holds. */
import type { Virtual } from './bgzf.ts';
import { compareVirtual } from './bgzf.ts';
import { firstBin, firstWindow, parentOf } from './bin.ts';

/** Windows of a contig, in two columns: where the first record that overlaps each begins, or one before it. Never decreasing. */
export type Windows = { readonly block: Float64Array; readonly within: Uint16Array };

/** A bin of an index: where its first chunk begins; in CSI also where the first record begins that overlaps the bin. */
export type Bin = { readonly first: Virtual; readonly loffset: Virtual | undefined };
export type Bins = ReadonlyMap<number, Bin>;

export const isZero = ([block, within]: Virtual): boolean => block === 0 && within === 0;

/** The number of windows, bins of the deepest level, up to the last one in which a bin begins. */
export function countWindows(bins: Bins, depth: number): number {
  let last = -1;
  for (const bin of bins.keys()) last = Math.max(last, firstWindow(bin, depth));
  return last + 1;
}

/**
 * For each window up to the last one in which a bin begins: the block where, of the bins that begin in it or later, the first chunk begins.
 * The record there lies in its bin, and hence starts in the window or behind it.
 */
export function firstStarts(bins: Bins, depth: number): Float64Array {
  const blocks = new Float64Array(countWindows(bins, depth)).fill(Infinity);
  for (const [bin, { first }] of bins) {
    const window = firstWindow(bin, depth);
    blocks[window] = Math.min(blocks[window]!, first[0]);
  }
  for (let window = blocks.length - 2; window >= 0; window--)
    blocks[window] = Math.min(blocks[window]!, blocks[window + 1]!);
  return blocks;
}

/** From the linear index of a BAI; `start` is where the contig's records begin. */
export function fromLinear(entries: readonly Virtual[], start: Virtual): Windows {
  return carry(entries.length, (window) => entries[window], start);
}

/** From the loffsets of a CSI. */
export function fromLoffsets(bins: Bins, depth: number, start: Virtual): Windows {
  const leaf = firstBin(depth);
  return carry(countWindows(bins, depth), (window) => nearestLoffset(bins, leaf + window), start);
}

/**
 * From the chunks of a BAI without linear index: a record that overlaps a window is in one of the bins over it, hence not before
 * the first chunk of any of these. Lowered to what later windows have, so that it never decreases.
 */
export function fromChunks(bins: Bins, depth: number, start: Virtual): Windows {
  const n = countWindows(bins, depth);
  const entries: (Virtual | undefined)[] = [];
  let next: Virtual | undefined;
  for (let window = n - 1; window >= 0; window--) {
    for (let bin = firstBin(depth) + window; ; bin = parentOf(bin)) {
      const first = bins.get(bin)?.first;
      if (first && (!next || compareVirtual(first, next) < 0)) next = first;
      if (bin === 0) break;
    }
    entries[window] = next;
  }
  return carry(n, (window) => entries[window], start);
}

/**
 * A lower bound of the records that overlap a leaf bin: its own loffset, or that of the nearest bin before it among its
 * siblings, then its parent, then among the parent's siblings, and so on. (htslib's region query asks in this order.)
 */
function nearestLoffset(bins: Bins, leaf: number): Virtual | undefined {
  for (let bin = leaf; ;) {
    const found = bins.get(bin)?.loffset;
    if (found) return found;
    if (bin === 0) return undefined;
    const parent = parentOf(bin);
    bin = bin > 8 * parent + 1 ? bin - 1 : parent;
  }
}

/**
 * A missing entry (undefined, or 0 as old writers leave it: no record overlaps the window) takes the last one's, the first of all
 * `start`; so does a smaller one, which is a looser bound of the same records.
 */
function carry(n: number, entry: (window: number) => Virtual | undefined, start: Virtual): Windows {
  const block = new Float64Array(n);
  const within = new Uint16Array(n);
  let last = start;
  for (let i = 0; i < n; i++) {
    const found = entry(i);
    if (found && compareVirtual(found, last) > 0) last = found;
    [block[i], within[i]] = last;
  }
  return { block, within };
}
