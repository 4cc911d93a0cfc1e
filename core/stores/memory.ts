/** A store in memory, for tests and small runs in one process. */
import type { Key, Store } from '../job.ts';

/** Gives and keeps copies, so that a caller may change or transfer its bytes. `get` of an absent key or range throws an Error. */
export function memoryStore(): Store & { readonly blobs: Map<Key, Uint8Array> } {
  const blobs = new Map<Key, Uint8Array>();
  return {
    blobs,
    async has(key) {
      return blobs.has(key);
    },
    async get(key, start = 0, end) {
      const blob = blobs.get(key);
      if (!blob) throw new Error(`store: no blob ${key} in memory, expected it to be put before`);
      const stop = end ?? blob.length;
      if (!(start >= 0 && start <= stop && stop <= blob.length))
        throw new Error(
          `store: bytes [${start}, ${stop}) of ${key} do not exist, expected a range within its ${blob.length} bytes`,
        );
      return new Uint8Array(blob.subarray(start, stop));
    },
    async put(key, bytes) {
      if (!blobs.has(key)) blobs.set(key, new Uint8Array(bytes));
    },
  };
}
