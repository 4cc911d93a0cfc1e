/** BAM records that wait until everything left of them is written: what makes a stream of pairs coordinate-sorted in little memory. */
import { roomFor } from '../core/room.ts';
import { encode } from './record.ts';
import type { Entry } from './record.ts';

/** Called with a record's bytes `bytes[start, end)` and its place `[pos, stop)` on the contig. */
export type Take = (bytes: Uint8Array, start: number, end: number, pos: number, stop: number) => void;

export type Queue = {
  add(entry: Entry): void;
  /** Hands out the records left of `before`, by position, forward strand first, then as they came; keeps the others. */
  drain(before: number, take: Take): void;
};

/** More records than can wait at one time. */
const PLACES = 2 ** 21;

/** An empty queue. Memory grows with what waits: the reads of a window and a fragment's length beyond. */
export function createQueue(): Queue {
  let bytes = new Uint8Array(1 << 20);
  let spare = new Uint8Array(1 << 20);
  let size = 0;
  // Of the n records that wait: where each begins, where its alignment ends, and ((pos * 2 + reverse) * PLACES + ordinal).
  let n = 0;
  let starts = new Int32Array(1024);
  let stops = new Int32Array(1024);
  let keys = new Float64Array(1024);

  const note = (key: number, start: number, stop: number): void => {
    starts = roomFor(starts, n + 1);
    stops = roomFor(stops, n + 1);
    keys = roomFor(keys, n + 1);
    keys[n] = key * PLACES + n;
    starts[n] = start;
    stops[n] = stop;
    n++;
  };
  return {
    add(entry) {
      const most = 1024 + 2 * entry.read.bases.length + entry.read.mdLength + entry.split.length;
      bytes = roomFor(bytes, size + most);
      const mapped = (entry.flag & 4) === 0;
      note(entry.pos * 2 + ((entry.flag >>> 4) & 1), size, mapped ? entry.read.end : entry.pos + 1);
      size = encode(bytes, size, entry);
    },
    drain(before, take) {
      const order = keys.slice(0, n).sort();
      const [fromStarts, fromStops, from, total] = [starts, stops, bytes, n];
      [bytes, spare] = [spare, bytes];
      [n, size] = [0, 0];
      if (total > 0) {
        starts = new Int32Array(fromStarts.length);
        stops = new Int32Array(fromStops.length);
      }
      for (const key of order) {
        const place = key % PLACES;
        const pos = Math.floor(key / PLACES / 2);
        const start = fromStarts[place]!;
        const end = start + 4 + (from[start]! | (from[start + 1]! << 8) | (from[start + 2]! << 16));
        if (pos < before) take(from, start, end, pos, fromStops[place]!);
        else {
          bytes = roomFor(bytes, size + end - start);
          bytes.set(from.subarray(start, end), size);
          note(Math.floor(key / PLACES), size, fromStops[place]!);
          size += end - start;
        }
      }
    },
  };
}
