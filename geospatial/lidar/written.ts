/** Encoded chunks of LAZ in the store, and the one file that they become. */
import type { Context, FileSink, Stored } from '../../core/job.ts';
import { joinTables } from '../../core/tables.ts';
import type { Vlr } from '../formats/las.ts';
import type { Head } from '../formats/laswrite.ts';
import { encodeChunkTable, encodeEvlr, encodeHead, headLength } from '../formats/laswrite.ts';
import { encodeTable, returnCodec, takeCodec } from '../kernels/codec.ts';
import type { Tally } from '../kernels/tally.ts';
import { mergeTallies, startTally } from '../kernels/tally.ts';

/** A manifest: blobs of whole chunks, in the order of the file. */
export type Written = {
  readonly blobs: readonly Stored[];
  /** One element a chunk. */
  readonly points: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint32Array<ArrayBuffer>;
  readonly tally: Tally;
};

export const nothingWritten = (): Written => ({
  blobs: [],
  points: new Uint32Array(),
  bytes: new Uint32Array(),
  tally: startTally(),
});

/** Chunks of all, in order. */
export function mergeWritten(parts: readonly Written[]): Written {
  return {
    blobs: parts.flatMap(({ blobs }) => blobs),
    ...joinTables(parts.map(({ points, bytes }) => ({ points, bytes }))),
    tally: mergeTallies(parts.map(({ tally }) => tally)),
  };
}

/** Chunks that wait to be stored in one blob. */
export type Waiting = { readonly chunks: Uint8Array[]; readonly points: number[]; bytes: number };
export const startWaiting = (): Waiting => ({ chunks: [], points: [], bytes: 0 });

export function keepChunk(waiting: Waiting, chunk: Uint8Array, points: number): void {
  waiting.chunks.push(chunk);
  waiting.points.push(points);
  waiting.bytes += chunk.length;
}

/** Stores the chunks that wait; none are left. */
export async function storeChunks(
  waiting: Waiting,
  tally: Tally,
  { put }: Pick<Context, 'put'>,
): Promise<Written> {
  const { chunks, points } = waiting;
  if (chunks.length === 0) return { ...nothingWritten(), tally };
  const blob = new Uint8Array(waiting.bytes);
  let at = 0;
  for (const chunk of chunks) {
    blob.set(chunk, at);
    at += chunk.length;
  }
  const out = {
    points: Uint32Array.from(points),
    bytes: Uint32Array.from(chunks, ({ length }) => length),
    tally,
  };
  chunks.length = 0;
  points.length = 0;
  waiting.bytes = 0;
  return { ...out, blobs: [await put(blob)] };
}

/** Chunks in the order of a file. */
export type Chunks = Omit<Written, 'blobs'> & {
  /** Their bytes: stretches of blobs, each of one chunk or more. */
  readonly places: readonly { readonly stored: Stored; readonly start: number; readonly end: number }[];
};
/** All chunks that were written. */
export const chunksOf = ({ blobs, ...rest }: Written): Chunks => ({
  ...rest,
  places: blobs.map((stored) => ({ stored, start: 0, end: stored.size })),
});

/**
 * Writes head, chunks, their table and extended records as a LAZ file. `headAt` gives the head, which knows where the extended records start; its length must not depend on
 * that. Its `chunk` says whether the chunks' points vary.
 */
export async function writeLaz(
  file: FileSink,
  headAt: (start: number) => Head,
  { places, points, bytes, tally }: Chunks,
  context: Pick<Context, 'module'>,
  evlrs: readonly Vlr[] = [],
): Promise<void> {
  const first = headLength(headAt(0));
  const table = first + 8 + bytes.reduce((sum, n) => sum + n, 0);
  const codec = takeCodec(await context.module('laz'));
  const code = encodeTable(codec, points, bytes, headAt(0).chunk === 0xffffffff);
  returnCodec(codec);
  const tableBytes = encodeChunkTable(points.length, code);
  const start = table + tableBytes.length;
  const pointer = new Uint8Array(8);
  new DataView(pointer.buffer).setBigInt64(0, BigInt(table), true);
  await file.write(
    encodeHead(headAt(start), tally, { start: evlrs.length === 0 ? 0 : start, count: evlrs.length }),
  );
  await file.write(pointer);
  for (const { stored, start: from, end } of places) await file.append(stored, from, end);
  await file.write(tableBytes);
  for (const evlr of evlrs) await file.write(encodeEvlr(evlr));
}
