/** Reads BGZF, the blocked gzip of BAM, CSI and bgzipped text (SAM spec 4.1). */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import { type Input, blockLimit, eofMarker, inflateBlock, readBlock } from './block.ts';
import { type Arena, collected } from './inflate.ts';

export { eofMarker };

/**
 * Virtual file offset (SAM spec 4.1.1): start of a BGZF block in the file, and a place within its inflated bytes.
 * A pair, since block * 65536 + within is not exact beyond 128 GiB.
 */
export type Virtual = readonly [block: number, within: number];

/** Negative, zero or positive as `a` lies before, at or after `b`. */
export const compareVirtual = (a: Virtual, b: Virtual): number => a[0] - b[0] || a[1] - b[1];

/** `block:within`, for messages. */
export const formatVirtual = ([block, within]: Virtual): string => `${block}:${within}`;

export type InflateOptions = {
  /** Inflated bytes of a chunk, about. */
  readonly chunk?: number;
  /**
   * Where a block starts that is likely the last one needed: a chunk ends with it, and no block behind it is asked of the source
   * before a chunk after that one is. A hint: it does not change what is given, and need not be the start of a block.
   */
  readonly hint?: number | undefined;
  readonly signal?: AbortSignal;
  /** Where blocks are inflated to, for one reader at a time. */
  readonly arena?: Arena | undefined;
};

/** Neighbouring inflated bytes; valid until the next chunk is asked for. */
export type Chunk = {
  readonly bytes: Uint8Array;
  /** The virtual offset of `bytes[at]`, `at` from 0 to `bytes.length`; that of an end is the start of the next block. */
  readonly place: (at: number) => Virtual;
  /** Where the block ends that holds `bytes[at - 1]`, if it ends there; otherwise the same as `place(at)`, which steps over empty blocks. */
  readonly placeOfEnd: (at: number) => Virtual;
};

/**
 * Whether the file ends as a complete BGZF file does.
 * @throws BadInput when it has no end-of-file marker
 */
export async function checkEof(source: Source, name: string): Promise<void> {
  if (source.size === 0) throw new BadInput(`BGZF: ${name} is empty (0 bytes)`);
  const length = eofMarker.length;
  const tail = source.size < length ? undefined : await source.read(source.size - length, source.size);
  if (!tail || eofMarker.some((byte, i) => tail[i] !== byte))
    throw new BadInput(
      `BGZF: ${name} (${source.size} bytes) has no BGZF end-of-file marker: it is truncated; copy or write it again`,
    );
}

/**
 * Inflated bytes of `[from, to)`, `to` undefined: the end of the file, in chunks of about `chunk` inflated bytes
 * (1 MiB unless told), the CRC-32 and ISIZE of each block verified. A chunk is valid until the next one is asked for.
 * @throws BadInput that names the file and the block's byte offset
 */
export async function* inflate(
  source: Source,
  name: string,
  from: Virtual,
  to?: Virtual,
  options: InflateOptions = {},
): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of chunks(source, name, from, to, options)) if (bytes.length > 0) yield bytes;
}

/**
 * As `inflate`, and each chunk knows its places. What is sent to `next(keep)` is a number of bytes at the end of
 * the chunk that come again, joined with what follows them.
 */
export async function* chunks(
  source: Source,
  name: string,
  from: Virtual,
  to: Virtual | undefined,
  { chunk = 1 << 20, hint = Infinity, signal, arena = collected }: InflateOptions = {},
): AsyncGenerator<Chunk, void, number | undefined> {
  const { size } = source;
  const misplaced = (what: string, at: Virtual, why: string): BadInput =>
    new BadInput(`BGZF: ${what} ${formatVirtual(at)} of ${name} ${why}; its index does not belong to it`);
  if (from[0] > size) throw misplaced('offset', from, `is past the end of the file (${size} bytes)`);
  if (to && to[0] > size) throw misplaced('offset', to, `is past the end of the file (${size} bytes)`);
  if (to && compareVirtual(from, to) > 0) throw misplaced('offset', to, `lies before ${formatVirtual(from)}`);

  const stop = to?.[0] ?? size;
  const cut = to?.[1] ?? 0;
  const end = cut > 0 ? Math.min(size, stop + blockLimit) : stop;
  const input = join(source, from[0], end, hint + blockLimit);
  const short = (offset: number, found: number, expected: number): BadInput =>
    to && end < size
      ? misplaced('offset', to, 'is not the start of a block')
      : new BadInput(
          `BGZF: block at byte ${offset} of ${name} is cut short: found ${found} bytes, expected ${expected}; the file is truncated, copy it again`,
        );
  let output: Uint8Array = new Uint8Array(0);
  let fill = 0;
  let behind = 1;
  // Where blocks begin, in `output` and in the file; the last entry is the block to come.
  let starts = [-from[1]];
  let blocks = [from[0]];
  const place = (at: number): Virtual => {
    const i = starts.findLastIndex((start) => start <= at);
    return [blocks[i]!, at - starts[i]!];
  };
  const placeOfEnd = (at: number): Virtual => {
    const i = starts.indexOf(at);
    return i > 0 ? [blocks[i]!, 0] : place(at);
  };

  try {
    for (let isDone = false; !isDone;) {
      signal?.throwIfAborted();
      // At least doubled when much was kept, so that a long record is not copied over and over.
      let step = Math.max(chunk, fill);
      // What is missing behind the hint is likely little, say the rest of a record.
      if (blocks.at(-1)! > hint) [step, behind] = [Math.min(step, behind), 4 * behind];
      const goal = fill + step;
      if (output.length < goal + blockLimit) output = arena.room(goal + blockLimit, output, fill);
      while (fill < goal && !isDone) {
        const offset = blocks.at(-1)!;
        if (offset > stop) throw misplaced('offset', to!, 'is not the start of a block');
        isDone = offset === stop;
        if (isDone && cut === 0) break;
        const block = await readBlock(input, name, offset, short);
        const length = inflateBlock(block, output, fill, name, offset, arena.inflate);
        const first = offset === from[0] ? from[1] : 0;
        const last = isDone ? cut : length;
        if (first > length) throw misplaced('offset', from, `lies past the block's ${length} bytes`);
        if (last > length) throw misplaced('offset', to!, `lies past the block's ${length} bytes`);
        if (first > 0) output.copyWithin(fill, fill + first, fill + last);
        starts.push(fill - first + length);
        blocks.push(offset + block.length);
        fill += last - first;
        if (offset <= hint && blocks.at(-1)! > hint) break;
      }
      const keep = yield { bytes: output.subarray(0, fill), place, placeOfEnd };
      const shift = fill - (keep ?? 0);
      output.copyWithin(0, shift, fill);
      fill -= shift;
      starts = starts.map((start) => start - shift);
      const passed = starts.findLastIndex((start) => start <= 0);
      starts = starts.slice(passed);
      blocks = blocks.slice(passed);
    }
  } finally {
    await input.close();
  }
}

/** The bytes `[start, end)` of a source, one read in flight ahead of the one in use, none behind `hint` before it is needed. */
function join(source: Source, start: number, end: number, hint: number): Input {
  const reads = readAhead(source, start, end, { chunk: 1 << 20, depth: 1, hint });
  let held: Uint8Array = new Uint8Array(0);
  // What is left of a read of which the first bytes were joined to `held`.
  let rest = held;
  return {
    async peek(length) {
      while (held.length < length) {
        if (rest.length === 0) {
          const { value, done } = await reads.next();
          if (done) break;
          rest = value;
        }
        // Only a block that straddles two reads is copied.
        const taken = held.length === 0 ? rest.length : Math.min(rest.length, length - held.length);
        held = held.length === 0 ? rest : concat(held, rest.subarray(0, taken));
        rest = rest.subarray(taken);
      }
      return held.length > length ? held.subarray(0, length) : held;
    },
    skip(length) {
      held = held.subarray(length);
    },
    async close() {
      await reads.return(undefined);
    },
  };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
