/** A table of attempts, folded from a run's events: one line an attempt, tab-separated, for people and spreadsheets. */
import type { Event } from './events.ts';
import type { Key } from './job.ts';

const columns = ['key', 'op', 'attempt', 'status', 'start_ms', 'wall_ms', 'busy_ms', 'bytes', 'reads', 'rss'];

/** Times in milliseconds since the run's first event; `status` is `done`, the kind of failure, or `stopped`. */
export function traceTsv(events: readonly Event[]): string {
  const zero = events[0]?.at ?? 0;
  const lines = [columns.join('\t')];
  const open = new Map<Key, Extract<Event, { event: 'start' }>>();
  const line = (start: Extract<Event, { event: 'start' }>, status: string, rest: readonly number[]): void => {
    const op = start.parts ? 'merge' : 'kernel';
    lines.push([start.key, op, start.attempt, status, start.at - zero, ...rest].join('\t'));
  };
  for (const e of events) {
    // A copy shares its original's line: whichever answers first fills it.
    if (e.event === 'start' && !e.copy) open.set(e.key, e);
    if (e.event !== 'done' && e.event !== 'retry' && e.event !== 'failed') continue;
    const start = open.get(e.key);
    if (!start) continue;
    open.delete(e.key);
    if (e.event === 'done') {
      const { wall, busy, bytes, reads, rss } = e.usage;
      line(start, 'done', [
        Math.round(wall * 1000) / 1000,
        Math.round(busy * 1000) / 1000,
        bytes,
        reads,
        rss,
      ]);
    } else line(start, e.kind, [e.at - start.at]);
  }
  for (const start of open.values()) line(start, 'stopped', []);
  return `${lines.join('\n')}\n`;
}
