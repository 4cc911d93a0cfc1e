/** Blobs that one task writes and reads again, and places in blobs read in turn. */
import type { Context, Stored } from '../../core/job.ts';

export type Blobs = Pick<Context, 'put' | 'get'>;

export const shelfBytes = 8 * 1024 * 1024;
const readBytes = 4 * 1024 * 1024;

/** Blobs of this writer: the first ones stay in memory, which is all of them unless the raster has a thousand blocks. */
export function shelve(context: Context): Blobs {
  const held = new Map<string, Uint8Array>();
  let free = shelfBytes;
  return {
    async put(bytes) {
      free -= bytes.length;
      if (free < 0) return context.put(bytes);
      const key = `shelf@0/${held.size}` as const;
      held.set(key, bytes);
      return { key, size: bytes.length };
    },
    get: async (stored, start, end) =>
      held.get(stored.key)?.subarray(start, end) ?? context.get(stored, start, end),
  };
}

export type Place = { readonly stored: Stored; readonly start: number; readonly end: number };

/** The bytes of each place in turn; those that touch by one read, the next read under way. */
export async function* readPlaces(
  places: Iterable<Place>,
  { get }: Blobs,
): AsyncGenerator<Uint8Array, undefined> {
  const runs = runsOf(places);
  const read = async (): Promise<{ bytes: Uint8Array; run: Place[] } | undefined> => {
    const { value: run } = runs.next();
    return run ? { run, bytes: await get(run[0]!.stored, run[0]!.start, run.at(-1)!.end) } : undefined;
  };
  for (let next = read(); ;) {
    const found = await next;
    if (!found) return undefined;
    next = read();
    // Thrown where it is awaited; the reader may give up before.
    next.catch(() => {});
    const base = found.run[0]!.start;
    for (const { start, end } of found.run) yield found.bytes.subarray(start - base, end - base);
  }
}

function* runsOf(places: Iterable<Place>): Generator<Place[], undefined> {
  let run: Place[] = [];
  for (const place of places) {
    const [first, last] = [run[0], run.at(-1)];
    const joins = last?.stored.key === place.stored.key && last.end === place.start;
    if (first && (!joins || place.end - first.start > readBytes)) {
      yield run;
      run = [];
    }
    run.push(place);
  }
  if (run.length > 0) yield run;
  return undefined;
}
