/** Parts of remote files that lie in the store: brought there once, read from there by whoever needs them. */
import { type Codec, columns } from '../codec.ts';
import type { Context, Source, Stored } from '../job.ts';
import { joinPlaces } from '../tables.ts';
import { from } from './origin.ts';
import { checkRange } from './range.ts';

/** The result of a job that brings bytes to the store: pieces of its files, an element each, by file and then in their order. */
export type Held = {
  /** What was counted in them. */
  readonly records: number;
  readonly blobs: readonly Stored[];
  readonly pieces: {
    readonly file: Uint32Array<ArrayBuffer>;
    /** Bytes of the file, half-open; all of the blob. */
    readonly start: Float64Array<ArrayBuffer>;
    readonly end: Float64Array<ArrayBuffer>;
    readonly blob: Uint32Array<ArrayBuffer>;
  };
};

export const heldCodec: Codec<Held> = columns<Held>();

/** Brings bytes `[start, end)` of file number `file` to the store. */
export async function hold(
  source: Source,
  { file, start, end, records }: { file: number; start: number; end: number; records: number },
  { put }: Pick<Context, 'put'>,
): Promise<Held> {
  return {
    records,
    blobs: [await put(await source.read(start, end))],
    pieces: {
      file: Uint32Array.of(file),
      start: Float64Array.of(start),
      end: Float64Array.of(end),
      blob: Uint32Array.of(0),
    },
  };
}

/** Neighbours, in order, as one. */
export function joinHeld(all: readonly Held[]): Held {
  const blobs = all.map((one) => one.blobs);
  return {
    records: all.reduce((sum, { records }) => sum + records, 0),
    blobs: blobs.flat(),
    pieces: joinPlaces(
      all.map(({ pieces }) => pieces),
      blobs,
    ),
  };
}

/** File number `file` with what is held of it from the store, the rest from `source`, which is to be closed by itself. */
export function heldSource(
  source: Source,
  { blobs, pieces }: Held,
  file: number,
  get: (stored: Stored, start: number, end: number) => Promise<Uint8Array>,
): Source {
  const first = pieces.file.indexOf(file);
  const last = pieces.file.lastIndexOf(file);
  /** The first piece that ends behind a byte; `last + 1` for none. */
  const pieceBehind = (at: number): number => {
    let [low, high] = [first, last + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pieces.end[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const { size } = source;
  return from(source, {
    size,
    async read(start, end) {
      if (first < 0) return source.read(start, end);
      checkRange('store', `file ${file}`, size, start, end);
      const found: Promise<Uint8Array>[] = [];
      for (let at = start, piece = pieceBehind(start); at < end;) {
        const next = piece <= last ? Math.min(end, pieces.start[piece]!) : end;
        if (next > at) {
          found.push(source.read(at, next));
          at = next;
          continue;
        }
        const to = Math.min(end, pieces.end[piece]!);
        found.push(get(blobs[pieces.blob[piece]!]!, at - pieces.start[piece]!, to - pieces.start[piece]!));
        at = to;
        piece++;
      }
      const parts = await Promise.all(found);
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    },
  });
}
