/** The lines of a text file, plain or bgzipped, by parts: a line belongs to the part that has the line feed before it; the first one to the first part. */
import type { Source } from '../../core/job.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import { inflate } from './bgzf.ts';
import { type Blocks, readBlocks } from './gzi.ts';
import { findBlock } from './landing.ts';

/** Bytes of the file; of a bgzipped one the starts of blocks, or its end. Where parts begin within blocks, `within` has how far. */
export type Range = {
  readonly from: number;
  readonly to: number;
  readonly within?: readonly [from: number, to: number];
};

/** Cuts a file, or its bytes `[from, to)`, into ranges of about `split` bytes, at blocks where it has any. */
export async function rangesOf(
  source: Source,
  isBlocked: boolean,
  split: number,
  [from, to]: readonly [number, number] = [0, source.size],
): Promise<Range[]> {
  const starts = [from];
  for (let at = from + split; at < to; at += split) {
    const start = isBlocked ? await findBlock(source, Math.floor(at)) : Math.floor(at);
    if (start !== undefined && start > starts.at(-1)! && start < to) starts.push(start);
  }
  return starts.map((start, i) => ({ from: start, to: starts[i + 1] ?? to }));
}

/** Text that follows what came before; `at` counts bytes of text from where the range begins. Valid until the next one is asked for. */
export type Piece = { readonly bytes: Uint8Array; readonly at: number };

/** The bytes of text in a range, and its blocks, if it has any. */
export async function sizeOf(
  source: Source,
  name: string,
  { from, to }: Range,
  isBlocked: boolean,
  signal: AbortSignal,
): Promise<{ readonly text: number; readonly blocks: Blocks | null }> {
  if (!isBlocked) return { text: to - from, blocks: null };
  const blocks = await readBlocks(source, name, from, to, signal);
  return { text: blocks.size.reduce((sum, size) => sum + size, 0), blocks };
}

/** The lines of a range with `text` bytes, in pieces that may end anywhere; none where no line begins. */
export async function* linesOf(
  source: Source,
  name: string,
  { from, to }: Range,
  text: number,
  isBlocked: boolean,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const pieces = isBlocked
    ? inflate(source, name, [from, 0], undefined, { signal, hint: to })
    : readAhead(source, from, source.size, { depth: 1, hint: to });
  let isOpen = from === 0;
  if (!isOpen && text === 0) return;
  let at = 0;
  for await (const bytes of pieces) {
    signal.throwIfAborted();
    let start = 0;
    if (!isOpen) {
      const feed = bytes.indexOf(lineFeed);
      // No line begins here, as far as the range goes.
      if (feed >= 0 && at + feed >= text) return;
      if (feed < 0) {
        at += bytes.length;
        if (at >= text) return;
        continue;
      }
      start = feed + 1;
      isOpen = true;
    }
    // Up to the first line feed that the next part has.
    const feed = at + bytes.length > text ? bytes.indexOf(lineFeed, Math.max(start, text - at)) : -1;
    const end = feed < 0 ? bytes.length : feed + 1;
    if (end > start) yield { bytes: bytes.subarray(start, end), at: at + start };
    if (feed >= 0) return;
    at += bytes.length;
  }
}

const lineFeed = 10;
