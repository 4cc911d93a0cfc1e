/** Bytes in memory as a source. */
import type { Source } from '../core/job.ts';
import { checkRange } from '../core/sources/range.ts';

/** Reads give copies, so that a reader may keep, change or transfer them. Throws BadInput past the end. */
export function memorySource(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    async read(start, end) {
      checkRange('memory', 'a source in memory', bytes.length, start, end);
      return new Uint8Array(bytes.subarray(start, end));
    },
  };
}
