/** The index of a BGZF file's blocks, GZI, by which inflated offsets are found (bgzip). */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import { blockLimit } from './block.ts';
import { blockLength } from './landing.ts';

/** Bytes of neighbouring blocks: in the file, and inflated. */
export type Blocks = { readonly length: Uint32Array<ArrayBuffer>; readonly size: Uint32Array<ArrayBuffer> };

/**
 * Steps over the blocks that start in `[start, end)`, by their headers and ends; nothing is inflated.
 * @throws BadInput where no block is, or one is cut short
 */
export async function readBlocks(
  source: Source,
  name: string,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<Blocks> {
  const [lengths, sizes]: [number[], number[]] = [[], []];
  const stop = Math.min(source.size, end + blockLimit);
  let held: Uint8Array = new Uint8Array(0);
  let offset = start;
  const step = (isLast: boolean): void => {
    let at = 0;
    while (offset < end) {
      const length = blockLength(held, at);
      if (length === undefined && (held.length - at >= blockLimit || isLast))
        throw new BadInput(
          `BGZF: found no block at byte ${offset} of ${name}, expected one; the file is damaged or no BGZF, write it with bgzip`,
        );
      if (length === undefined || at + length > held.length) break;
      const view = new DataView(held.buffer, held.byteOffset + at + length - 4, 4);
      lengths.push(length);
      sizes.push(view.getUint32(0, true));
      at += length;
      offset += length;
    }
    held = held.slice(at);
  };
  for await (const bytes of readAhead(source, start, stop, { depth: 1 })) {
    signal.throwIfAborted();
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    step(false);
  }
  step(true);
  if (offset < end)
    throw new BadInput(
      `BGZF: block at byte ${offset} of ${name} is cut short: found ${held.length} bytes; the file is truncated, copy it again`,
    );
  return { length: Uint32Array.from(lengths), size: Uint32Array.from(sizes) };
}

/** The file: a number, then offsets in the file and inflated of each block but the first, all of 64 bits; empty blocks are left out, as bgzip does. */
export function toGzi({ length, size }: Blocks): Uint8Array {
  const count = Math.max(0, size.reduce((sum, bytes) => sum + (bytes > 0 ? 1 : 0), 0) - 1);
  const out = new DataView(new ArrayBuffer(8 + 16 * count));
  out.setBigUint64(0, BigInt(count), true);
  let [offset, inflated, at] = [0, 0, 8];
  size.forEach((bytes, i) => {
    if (bytes > 0 && inflated > 0) {
      out.setBigUint64(at, BigInt(offset), true);
      out.setBigUint64(at + 8, BigInt(inflated), true);
      at += 16;
    }
    offset += length[i]!;
    inflated += bytes;
  });
  return new Uint8Array(out.buffer);
}

/** Blocks of neighbouring stretches of the file. */
export const joinBlocks = (all: readonly Blocks[]): Blocks => ({
  length: Uint32Array.from(all.flatMap(({ length }) => [...length])),
  size: Uint32Array.from(all.flatMap(({ size }) => [...size])),
});
