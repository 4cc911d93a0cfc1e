/** Writes BGZF (SAM spec 4.1). */
import { crc32 } from 'node:zlib';
import { deflateRaw } from '../../core/deflate.ts';
import type { Sink } from '../../core/job.ts';
import type { Virtual } from './bgzf.ts';
import { eofMarker } from './block.ts';

/** Inflated bytes of a block; what bgzip takes, so that a block of random bytes still fits into 64 KiB. */
export const blockSize = 65280;

/** Bytes of a block besides its deflate stream: header with BC subfield, CRC-32, ISIZE. */
const frame = 26;
const header = eofMarker.subarray(0, 16);

/**
 * BGZF blocks of `bytes`, `blockSize` inflated bytes each, the last one fewer; no end-of-file marker. `sizes` are the deflated
 * lengths of the blocks. Equal arguments give equal bytes.
 */
export function deflateBlocks(bytes: Uint8Array, level = 1): { bytes: Uint8Array; sizes: number[] } {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += blockSize)
    blocks.push(deflateBlock(bytes.subarray(at, at + blockSize), level));
  return { bytes: Buffer.concat(blocks), sizes: blocks.map((block) => block.length) };
}

/** One block of at most 65,280 bytes. */
function deflateBlock(bytes: Uint8Array, level: number): Uint8Array {
  const deflated = deflateRaw(bytes, level);
  const block = new Uint8Array(frame + deflated.length);
  const view = new DataView(block.buffer);
  block.set(header);
  view.setUint16(16, block.length - 1, true);
  block.set(deflated, 18);
  view.setUint32(block.length - 8, crc32(bytes), true);
  view.setUint32(block.length - 4, bytes.length, true);
  return block;
}

/** A BGZF file being written. */
export type Bgzip = {
  /**
   * Takes bytes, which are copied. Gives a promise when blocks go to the sink: await it before writing much more, or memory
   * is not bounded.
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Ends the block at hand; `put` then hands the sink `length` bytes of whole BGZF blocks that were deflated elsewhere. */
  append(length: number, put: () => Promise<void>): Promise<void>;
  /** Where the next byte will lie. */
  tell(): Virtual;
  /** Writes the rest and the end-of-file marker. */
  finish(): Promise<void>;
};

/** Deflated bytes that are collected before the sink is called. */
const flushSize = 1 << 20;

/** Compresses what is written into `sink`, block after block. */
export function bgzip(sink: Sink, level = 1): Bgzip {
  const open = new Uint8Array(blockSize);
  let fill = 0;
  let offset = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  // Writes follow each other also when a caller does not await them.
  let written = Promise.resolve();

  const push = (blocks: Uint8Array): void => {
    waiting.push(blocks);
    waitingBytes += blocks.length;
    offset += blocks.length;
  };
  const endBlock = (): void => {
    if (fill > 0) push(deflateBlock(open.subarray(0, fill), level));
    fill = 0;
  };
  const after = (put: () => Promise<void>): Promise<void> => {
    written = written.then(put);
    // Thrown to who awaits it, now or in `finish`.
    written.catch(() => {});
    return written;
  };
  const flush = (): Promise<void> => {
    const bytes = Buffer.concat(waiting);
    [waiting, waitingBytes] = [[], 0];
    return after(() => sink.write(bytes));
  };
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length;) {
        const taken = Math.min(bytes.length - at, blockSize - fill);
        open.set(bytes.subarray(at, at + taken), fill);
        fill += taken;
        at += taken;
        if (fill === blockSize) endBlock();
      }
      return waitingBytes >= flushSize ? flush() : undefined;
    },
    append(length, put) {
      endBlock();
      if (waitingBytes > 0) void flush();
      offset += length;
      return after(put);
    },
    tell: () => [offset, fill],
    finish() {
      endBlock();
      push(eofMarker);
      return flush();
    },
  };
}
