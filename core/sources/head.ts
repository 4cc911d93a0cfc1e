/** A source of which the first bytes are at hand. */
import type { Source } from '../job.ts';

/** Reads and streams within `head`, the first bytes of the source, come from there. Closes nothing. */
export function withHead(source: Source, head: Uint8Array): Source {
  const isHeld = (start: number, end: number): boolean => start >= 0 && start <= end && end <= head.length;
  return {
    size: source.size,
    read: async (start, end, into) =>
      isHeld(start, end) ? head.slice(start, end) : source.read(start, end, into),
    ...(source.stream && {
      stream: (start: number, end: number) =>
        isHeld(start, end) ? once(head.subarray(start, end)) : source.stream!(start, end),
    }),
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
