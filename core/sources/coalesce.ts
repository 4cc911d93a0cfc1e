/** A wrapper that joins reads asked for together into few requests. */
import type { Source } from '../job.ts';

type Read = {
  readonly start: number;
  readonly end: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Reads asked for in one turn (before the running code awaits, as in `Promise.all`) that overlap or lie at most `gap` bytes from one another
 * become one request of at most `max` bytes; a longer single read stays one request. Each caller gets its exact bytes, as a view
 * on those of the request: not to be written to or transferred. A request that fails fails all its callers.
 */
export function coalesce(
  source: Source,
  { gap = 1 << 20, max = 8 << 20 }: { gap?: number; max?: number } = {},
): Source {
  let asked: Read[] = [];
  const flush = (): void => {
    const reads = asked;
    asked = [];
    for (const group of groupReads(reads, gap, max)) void serve(source, group);
  };
  return {
    size: source.size,
    read(start, end) {
      // A read that is out of bounds must fail alone, in the words of the source.
      if (!(start >= 0 && start < end && end <= source.size)) return source.read(start, end);
      return new Promise((resolve, reject) => {
        if (asked.length === 0) queueMicrotask(flush);
        asked.push({ start, end, resolve, reject });
      });
    },
    // A stream is one request already.
    ...(source.stream && { stream: (start: number, end: number) => source.stream!(start, end) }),
    ...(source.close && { close: () => source.close!() }),
  };
}

/** Runs of reads in order of their starts; each run becomes one request. */
function groupReads(reads: Read[], gap: number, max: number): Read[][] {
  reads.sort((a, b) => a.start - b.start || b.end - a.end);
  const groups: Read[][] = [];
  let [from, to] = [0, -1];
  for (const read of reads) {
    const group = groups.at(-1);
    const inside = read.end <= to;
    if (group && (inside || (read.start - to <= gap && read.end - from <= max))) {
      group.push(read);
      to = Math.max(to, read.end);
    } else {
      groups.push([read]);
      [from, to] = [read.start, read.end];
    }
  }
  return groups;
}

async function serve(source: Source, group: readonly Read[]): Promise<void> {
  const from = group[0]!.start;
  let to = 0;
  for (const { end } of group) to = Math.max(to, end);
  try {
    const bytes = await source.read(from, to);
    for (const { start, end, resolve } of group) resolve(bytes.subarray(start - from, end - from));
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
}
