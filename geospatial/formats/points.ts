/** Runs of points of one LAS or LAZ file: how a file is cut into them, and how one is read without its header. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { splitInterval, splitWeighted } from '../../core/partition.ts';
import { readerOf } from '../../core/sources/reader.ts';
import type { Codec, PointFormat, Points } from '../kernels/codec.ts';
import { aim, decode, faults, inputOf, makeRoom, pointsOf, unpack } from '../kernels/codec.ts';
import type { Las, Triple } from './las.ts';
import type { Chunks } from './laz.ts';
import { pointFormatOf, readChunks } from './laz.ts';

/** Neighbouring points of a file, and all that reading them takes. Plain JSON. */
export type Run = {
  /** Number of the first point in the file, and how many. */
  readonly first: number;
  readonly points: number;
  /** Bytes `[start, end)` of the file. */
  readonly start: number;
  readonly end: number;
  readonly format: PointFormat;
  readonly scale: Triple;
  readonly offset: Triple;
  /** Of a compressed file: the number of the run's first chunk, and each chunk's bytes and points. */
  readonly chunks?: {
    readonly first: number;
    readonly sizes: readonly number[];
    readonly points: readonly number[];
    /** Those that are read and not decoded, by their place among these: reading on costs less than asking again. */
    readonly passed?: readonly number[];
  };
};

/**
 * Cuts a file's points into runs of about `split`: whole chunks of LAZ, whole records of LAS. Each point is in one run; a file
 * without points has none.
 * @throws BadInput as readChunks
 */
export async function cutRuns(source: Source, las: Las, split: number): Promise<Run[]> {
  const { recordLength, scale, offset, pointsOffset, count } = las;
  const how = { format: pointFormatOf(las), scale, offset };
  if (las.laszip) return cutChunks(await readChunks(source, las), split, how);
  return splitInterval(count, Math.max(1, Math.floor(split))).map(({ start, end }) => ({
    ...how,
    first: start,
    points: end - start,
    start: pointsOffset + start * recordLength,
    end: pointsOffset + end * recordLength,
  }));
}

/**
 * Reads where a file's points stand, once, and gives the run that holds points `[from, to)`, at least one: of LAS just these, of LAZ the whole chunks around.
 * @throws BadInput as readChunks
 */
export async function wholeRun(source: Source, las: Las): Promise<(from: number, to: number) => Run> {
  const { recordLength, scale, offset, pointsOffset } = las;
  const how = { format: pointFormatOf(las), scale, offset };
  if (!las.laszip)
    return (from, to) => ({
      ...how,
      first: from,
      points: to - from,
      start: pointsOffset + from * recordLength,
      end: pointsOffset + to * recordLength,
    });
  const { start, size, points } = await readChunks(source, las);
  const before = new Float64Array(points.length + 1);
  for (let i = 0; i < points.length; i++) before[i + 1] = before[i]! + points[i]!;
  const chunkOf = (point: number): number => {
    let [low, high] = [0, points.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (before[middle]! <= point) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return (from, to) => {
    const [a, b] = [chunkOf(from), chunkOf(to - 1) + 1];
    return {
      ...how,
      first: before[a]!,
      points: before[b]! - before[a]!,
      start: start[a]!,
      end: start[b - 1]! + size[b - 1]!,
      chunks: { first: a, sizes: Array.from(size.subarray(a, b)), points: Array.from(points.subarray(a, b)) },
    };
  };
}

type How = Pick<Run, 'format' | 'scale' | 'offset'>;

function cutChunks({ start, size, points }: Chunks, split: number, how: How): Run[] {
  let first = 0;
  const runs = splitWeighted(points, split).map((run) => {
    const counts = Array.from(points.subarray(run.start, run.end));
    const total = counts.reduce((sum, n) => sum + n, 0);
    first += total;
    return {
      ...how,
      first: first - total,
      points: total,
      start: start[run.start]!,
      end: start[run.end - 1]! + size[run.end - 1]!,
      chunks: { first: run.start, sizes: Array.from(size.subarray(run.start, run.end)), points: counts },
    };
  });
  // Some writers leave chunks without points.
  return runs.filter((run) => run.points > 0);
}

// At most this much of a run is read at once, unless one chunk is larger; the next read is under way meanwhile.
const windowBytes = 4 * 1024 * 1024;
/** Records of LAS that are unpacked at once: their columns stay in the cache. */
export const recordsAtOnce = 2 ** 15;

/** Part of a run: bytes `[start, end)` of the file; of LAZ, chunks `[from, to)` of the run. */
type Window = {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
};

function windowsOf({ start, end, format, chunks }: Run): Window[] {
  const { recordLength } = format;
  if (!chunks)
    return splitInterval(end - start, Math.max(1, Math.floor(windowBytes / recordLength)) * recordLength).map(
      (w) => ({ start: start + w.start, end: start + w.end, from: 0, to: 0 }),
    );
  const out: Window[] = [];
  let [from, begin, at] = [0, start, start];
  for (const [i, size] of chunks.sizes.entries()) {
    if (i > from && at + size - begin > windowBytes) {
      out.push({ start: begin, end: at, from, to: i });
      [from, begin] = [i, at];
    }
    at += size;
  }
  out.push({ start: begin, end: at, from, to: chunks.sizes.length });
  return out;
}

/** Points and bytes of a run's largest piece, as the kernel takes them. */
export function roomOf({ format, points, chunks }: Run): { chunk: number; bytes: number; extra: number } {
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const { recordLength, extra } = format;
  if (chunks) return { chunk: most(chunks.points), bytes: most(chunks.sizes), extra };
  const chunk = Math.min(points, recordsAtOnce);
  return { chunk, bytes: chunk * recordLength, extra };
}

/** Upper bound of the memory that reading a run takes, in bytes. */
export function memoryOf(run: Run): number {
  const { chunk, bytes, extra } = roomOf(run);
  return 2 * Math.max(windowBytes, bytes) + 3 * bytes + (44 + extra) * chunk + 24 * 1024 * 1024;
}

/** Where points are put: in a set behind point `at`, over each other or one behind the other. */
export type Where = { readonly set: 0 | 1; readonly at: number; readonly isOver: boolean };

/** Takes points in the file's order: `points` is valid during the call only, its first one is number `first` of the file; `bytes` is what they took. */
export type Take = (points: Points, first: number, bytes: number) => void;

/**
 * Reads a run and hands its points to `take`, in the file's order, the fields that are `wanted` and those that come with them. `where` says where they are put:
 * over each other in the kernel's set 0, or as told, for which there is to be room. Gives control back after each window of some MiB, so
 * that the caller may put away what it has.
 * @throws BadInput for a chunk that does not decode to its points
 */
export async function* readRun(
  source: Source,
  run: Run,
  name: string,
  codec: Codec,
  wanted: number,
  take: Take,
  { set, at: behind, isOver }: Where = { set: 0, at: 0, isOver: true },
): AsyncGenerator<void> {
  const windows = windowsOf(run);
  if (run.end > source.size)
    throw new BadInput(
      `LAS: ${name} ends at byte ${source.size}, expected points up to ${run.end}; it has changed`,
    );
  makeRoom(codec, roomOf(run));
  // One window in use, one under way.
  const buffers = [0, 1].map(() => new Uint8Array(Math.max(...windows.map((w) => w.end - w.start))));
  const reader = readerOf(source, run.start);
  const read = async (i: number): Promise<Uint8Array> => {
    const { start, end } = windows[i] ?? { start: 0, end: 0 };
    return end === start ? new Uint8Array() : reader.read(buffers[i % 2]!.subarray(0, end - start), run.end);
  };
  let next = read(0);
  let done = 0;
  const handOver = (count: number, bytes: number): void => {
    take(pointsOf(codec, count), run.first + done, bytes);
    done += count;
  };
  const aimAtNext = (): void => aim(codec, set, isOver ? behind : behind + done);
  try {
    for (const [i, window] of windows.entries()) {
      const bytes = await next;
      next = read(i + 1);
      // Thrown where it is awaited; the caller may give up before.
      next.catch(() => {});
      let at = 0;
      for (const piece of run.chunks ? chunksOf(window, run.chunks) : recordsOf(bytes.length, run.format)) {
        if (piece.isPassed) {
          done += piece.points;
          at += piece.bytes;
          continue;
        }
        inputOf(codec).set(bytes.subarray(at, at + piece.bytes));
        aimAtNext();
        if (run.chunks) decodeChunk(codec, run, piece, window.start + at, name, wanted);
        else unpack(codec, run.format, piece.points, wanted);
        if (piece.points > 0) handOver(piece.points, piece.bytes);
        at += piece.bytes;
      }
      yield;
    }
  } finally {
    await reader.close();
  }
}

/** A chunk, or records, that the kernel takes at once. */
type Piece = {
  readonly bytes: number;
  readonly points: number;
  readonly index: number;
  readonly isPassed: boolean;
};

function* chunksOf(
  { from, to }: Window,
  { first, sizes, points, passed }: NonNullable<Run['chunks']>,
): Generator<Piece> {
  for (let i = from; i < to; i++) {
    const isPassed = passed?.includes(i) ?? false;
    yield { bytes: sizes[i]!, points: points[i]!, index: first + i, isPassed };
  }
}

function* recordsOf(bytes: number, { recordLength }: PointFormat): Generator<Piece> {
  for (let at = 0; at < bytes; at += recordsAtOnce * recordLength) {
    const some = Math.min(bytes - at, recordsAtOnce * recordLength);
    yield { bytes: some, points: some / recordLength, index: 0, isPassed: false };
  }
}

function decodeChunk(
  codec: Codec,
  { format }: Run,
  { bytes, points, index }: Piece,
  start: number,
  name: string,
  wanted: number,
): void {
  if (points === 0) return;
  const fault = decode(codec, format, bytes, points, wanted);
  if (fault !== 0)
    throw new BadInput(
      `LAZ: chunk ${index} (bytes ${start} to ${start + bytes}) of ${name}: ${faults[fault] ?? `fault ${fault}`}, expected ${points} points; get the file again`,
    );
}
