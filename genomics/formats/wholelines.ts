/** Whole lines of a text file, plain, bgzipped or gzipped, by parts: a line belongs to the part that has the line feed before it; the first one to the first part. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import { type Chunk, chunks, formatVirtual, type InflateOptions, type Virtual } from './bgzf.ts';
import type { Arena } from './inflate.ts';
import type { Range } from './textlines.ts';

/** How text is packed. Plain gzip has no places to begin at: it is one part. */
export type Packing = 'plain' | 'bgzf' | 'gzip';

/** What the first bytes of a file say. */
export function packingOf(head: Uint8Array): Packing {
  if (head[0] !== 0x1f || head[1] !== 0x8b) return 'plain';
  return ((head[3] ?? 0) & 4) !== 0 ? 'bgzf' : 'gzip';
}

/** Bytes of a line, at most. */
const longest = 2 ** 29;
const lineFeed = 10;

/**
 * The lines of a range, which begins with one where it has `within`, as chunks of whole lines, each with its line feed but for a last one of the file that has none; valid until the next one is asked for.
 * @throws BadInput for a line that is longer than 512 MiB
 */
export async function* wholeLines(
  source: Source,
  name: string,
  { from, to, within }: Range,
  packing: Packing,
  signal: AbortSignal,
  arena?: Arena,
): AsyncGenerator<Chunk> {
  const chunk = packing === 'plain' ? 1 << 20 : 1 << 18;
  const pieces = piecesOf(source, name, [from, within?.[0] ?? 0], packing, {
    signal,
    hint: to,
    chunk,
    arena,
  });
  let isOpen = from === 0 || within !== undefined;
  try {
    for (let keep = 0; ;) {
      const { value: chunk, done } = await pieces.next(keep);
      if (done) return;
      const { bytes, place, placeOfEnd } = chunk;
      const isLast = place(bytes.length)[0] >= source.size;
      let start = 0;
      if (!isOpen) {
        const feed = bytes.indexOf(lineFeed);
        if (feed >= 0 && place(feed)[0] < to) {
          start = feed + 1;
          isOpen = true;
        } else if (feed >= 0 || isLast || place(bytes.length)[0] >= to) return;
        else {
          keep = 0;
          continue;
        }
      }
      // The part ends with the first line feed that the next part has.
      const edge = Math.max(
        start,
        edgeOf(bytes.length, (at) => place(at)[0] >= to),
      );
      const feed = edge < bytes.length ? bytes.indexOf(lineFeed, edge) : -1;
      const isDone = feed >= 0 || isLast;
      const end = feed >= 0 ? feed + 1 : isLast ? bytes.length : bytes.lastIndexOf(lineFeed) + 1;
      if (end > start)
        yield {
          bytes: bytes.subarray(start, end),
          place: (at) => place(start + at),
          placeOfEnd: (at) => placeOfEnd(start + at),
        };
      if (isDone) return;
      keep = bytes.length - Math.max(start, end);
      if (keep > longest)
        throw new BadInput(
          `text: the line at ${formatVirtual(place(bytes.length - keep))} of ${name} has more than ${longest} bytes, expected a line feed before; is it text?`,
        );
    }
  } finally {
    await pieces.return();
  }
}

/** What a file holds from a place on, however it is packed, as `chunks` gives it; of gzip all from its start. */
export function piecesOf(
  source: Source,
  name: string,
  from: Virtual,
  packing: Packing,
  options: InflateOptions,
): AsyncGenerator<Chunk, void, number | undefined> {
  if (packing === 'bgzf') return chunks(source, name, from, undefined, options);
  return packing === 'plain' ? plainChunks(source, from[0], options) : gzipChunks(source, name);
}

/** The first of `[0, length)` for which `isBehind` holds, which then holds for all that follow; `length` where there is none. */
export function edgeOf(length: number, isBehind: (at: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBehind(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** As `chunks`, of a file without blocks: places are bytes of the file. */
async function* plainChunks(
  source: Source,
  from: number,
  { hint, signal, chunk }: InflateOptions,
): AsyncGenerator<Chunk, void, number | undefined> {
  const pieces = readAhead(source, from, source.size, {
    depth: 1,
    ...(hint === undefined ? {} : { hint }),
    ...(chunk === undefined ? {} : { chunk }),
  });
  let held: Uint8Array = new Uint8Array(0);
  let behind = from;
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    const bytes = held.length > 0 ? Buffer.concat([held, piece]) : piece;
    const start = behind - held.length;
    behind += piece.length;
    const place = (at: number): readonly [number, number] => [start + at, 0];
    const keep = yield { bytes, place, placeOfEnd: place };
    held = bytes.slice(bytes.length - (keep ?? 0));
  }
}

/** As `chunks`, of a gzip file: a place is that of bytes of text, but for the end, which is the file's. */
async function* gzipChunks(source: Source, name: string): AsyncGenerator<Chunk, void, number | undefined> {
  const { size } = source;
  // Text counts as before the end of the file, however long it is.
  const shrunk = (at: number): number => Math.min(at, size - 1);
  let held: Uint8Array = new Uint8Array(0);
  let behind = 0;
  const gunzip = createGunzip({ chunkSize: 1 << 20 });
  const compressed = Readable.from(readAhead(source, 0, size, { depth: 1 }));
  compressed.on('error', (error) => gunzip.destroy(error));
  const pieces = compressed.pipe(gunzip)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const { value, done } = await pieces.next();
      return done ? undefined : value;
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      if (!code.startsWith('Z_')) throw error;
      throw new BadInput(
        `gzip: ${name} does not inflate behind byte ${behind} of its text: ${message}; it is truncated or damaged, copy it again`,
      );
    }
  };
  try {
    for (let piece = await next(); piece;) {
      const following = await next();
      const bytes = held.length > 0 ? Buffer.concat([held, piece]) : piece;
      const start = behind - held.length;
      behind += piece.length;
      const isLast = following === undefined;
      const place = (at: number): readonly [number, number] => [
        isLast && at === bytes.length ? size : shrunk(start + at),
        0,
      ];
      const keep = yield { bytes, place, placeOfEnd: place };
      held = bytes.slice(bytes.length - (keep ?? 0));
      piece = following;
    }
  } finally {
    compressed.destroy();
    gunzip.destroy();
  }
}
