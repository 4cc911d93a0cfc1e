/** Runs of points of one LAS or LAZ file: how a file is cut into them, and how one is read without its header. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { splitInterval, splitWeighted } from '../../core/partition.ts';
import { readerOf } from '../../core/sources/reader.ts';
import type { Las, Triple } from './las.ts';
import type { Chunks } from './laz.ts';
import { readChunks } from './laz.ts';
import type { Take } from './lazperf.ts';
import { decodeChunk } from './lazperf.ts';

/** Neighbouring points of a file, and all that reading them takes. Plain JSON. */
export type Run = {
  /** Number of the first point in the file, and how many. */
  readonly first: number;
  readonly points: number;
  /** Bytes `[start, end)` of the file. */
  readonly start: number;
  readonly end: number;
  readonly pdrf: number;
  readonly recordLength: number;
  readonly scale: Triple;
  readonly offset: Triple;
  /** Of a compressed file: the number of the run's first chunk, and each chunk's bytes and points. */
  readonly chunks?: {
    readonly first: number;
    readonly sizes: readonly number[];
    readonly points: readonly number[];
  };
};

/**
 * Cuts a file's points into runs of about `split`: whole chunks of LAZ, whole records of LAS. Each point is in one run; a file
 * without points has none.
 * @throws BadInput as readChunks
 */
export async function cutRuns(source: Source, las: Las, split: number): Promise<Run[]> {
  const { pdrf, recordLength, scale, offset, pointsOffset, count } = las;
  const how = { pdrf, recordLength, scale, offset };
  if (las.laszip) return cutChunks(await readChunks(source, las), split, how);
  return splitInterval(count, Math.max(1, Math.floor(split))).map(({ start, end }) => ({
    ...how,
    first: start,
    points: end - start,
    start: pointsOffset + start * recordLength,
    end: pointsOffset + end * recordLength,
  }));
}

type How = Pick<Run, 'pdrf' | 'recordLength' | 'scale' | 'offset'>;

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

/** Part of a run: bytes `[start, end)` of the file; of LAZ, chunks `[from, to)` of the run. */
type Window = {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
};

function windowsOf({ start, end, recordLength, chunks }: Run): Window[] {
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

/**
 * Reads a run and hands its raw records to `take`, in the file's order, valid during the call; `first` is the number of a point in the file. Gives control back
 * after each window of some MiB, so that the caller may put away what it has. `module` is laz-perf's WebAssembly; LAS does without. Of PDRF 6
 * to 8 in LAZ only x, y and z are decoded.
 * @throws BadInput for a chunk that does not decode to its points
 */
export async function* readRun(
  source: Source,
  run: Run,
  name: string,
  module: () => Promise<WebAssembly.Module>,
  take: Take,
): AsyncGenerator<void> {
  const windows = windowsOf(run);
  const wasm = run.chunks ? await module() : undefined;
  if (run.end > source.size)
    throw new BadInput(
      `LAS: ${name} ends at byte ${source.size}, expected points up to ${run.end}; it has changed`,
    );
  // One window in use, one under way.
  const buffers = [0, 1].map(() => new Uint8Array(Math.max(...windows.map((w) => w.end - w.start))));
  const reader = readerOf(source, run.start);
  const read = async (i: number): Promise<Uint8Array> => {
    const { start, end } = windows[i] ?? { start: 0, end: 0 };
    return end === start ? new Uint8Array() : reader.read(buffers[i % 2]!.subarray(0, end - start), run.end);
  };
  let next = read(0);
  let done = run.first;
  try {
    for (const [i, window] of windows.entries()) {
      const bytes = await next;
      next = read(i + 1);
      // Thrown where it is awaited; the caller may give up before.
      next.catch(() => {});
      if (run.chunks) done = decodeWindow(wasm!, bytes, window, run, name, done, take);
      else {
        const count = bytes.length / run.recordLength;
        take(bytes, count, done);
        done += count;
      }
      yield;
    }
  } finally {
    await reader.close();
  }
}

function decodeWindow(
  module: WebAssembly.Module,
  bytes: Uint8Array,
  { start, from, to }: Window,
  { chunks, pdrf, recordLength }: Run,
  name: string,
  first: number,
  take: Take,
): number {
  let [at, done] = [0, first];
  for (let i = from; i < to; i++) {
    const [size, points] = [chunks!.sizes[i]!, chunks!.points[i]!];
    const where = { name, index: chunks!.first + i, start: start + at };
    const chunk = { ...where, pdrf, recordLength, points, bytes: bytes.subarray(at, at + size) };
    const before = done;
    decodeChunk(module, chunk, (records, count, nth) => take(records, count, before + nth), 'xyz');
    at += size;
    done += points;
  }
  return done;
}
