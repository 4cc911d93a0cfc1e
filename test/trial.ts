/** The job of the conformance suite: every number has its line in the output, every execution leaves a trace, and some of them go wrong. */
import { appendFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { json } from '../core/codec.ts';
import { define, type Stored } from '../core/job.ts';
import { choice, integer, text } from '../core/params.ts';
import { splitInterval } from '../core/partition.ts';

/**
 * What a part does that has an accident. `die`, `spin` and `hang` are over with its first execution; `hoard` comes each time, and kills a worker that has too
 * little memory for it.
 */
export const accidents = ['none', 'die', 'spin', 'hang', 'hoard'] as const;

type Piece = { readonly start: number; readonly end: number; readonly blob: Stored };

/** Lines of the numbers in `[0, upto)`, whatever happens. */
export const trial = define({
  name: 'test/trial',
  version: 1,
  doc: 'a line for each number below upto',
  inputs: {},
  params: {
    upto: integer(600, 'numbers', { min: 1 }),
    accident: choice(accidents, 'what goes wrong'),
    every: integer(100, 'an accident happens to the parts that hold a multiple of it but 0', { min: 1 }),
    hoard: integer(200, 'MiB of heap that a hoard takes', { min: 1 }),
    trace: text('folder in which executions leave their traces', 'path'),
    padding: integer(0, 'length of a part, as JSON, beyond what it needs', { min: 0 }),
  },
  split: 100,
  unit: 'numbers',
  counts: 'numbers',
  output: 'text' as const,
  result: json<readonly Piece[]>(),
  async partition(_inputs, { upto, padding }, split) {
    const parts = splitInterval(upto, split).map((part) => ({ ...part, padding: 'x'.repeat(padding) }));
    return { parts, records: upto };
  },
  weight: ({ start, end }) => end - start,
  async kernel({ start, end }, _inputs, { accident, every, hoard, trace }, context) {
    const before = leave(trace, `part-${start}`);
    const struck = Math.ceil(Math.max(start, 1) / every) * every < end;
    if (struck && (before === 0 || accident === 'hoard')) await suffer(accident, hoard);
    const blob = await context.put(new TextEncoder().encode(linesOf(start, end)));
    return [{ start, end, blob }];
  },
  merge(results, { trace }) {
    leave(trace, `merge-${results[0]![0]!.start}-${results.at(-1)!.at(-1)!.end}`);
    return results.flat();
  },
  records: (pieces) => pieces.reduce((n, { start, end }) => n + end - start, 0),
  async write(pieces, output) {
    const file = await output.file();
    for (const { blob } of pieces) await file.append(blob);
  },
});

/** What the output of the numbers in `[start, end)` is. */
export function linesOf(start: number, end: number): string {
  let lines = '';
  for (let i = start; i < end; i++) lines += `${i} ${Math.imul(i, 0x9e3779b1) >>> 0}\n`;
  return lines;
}

/** Executions of each task whose traces lie in a folder. */
export function executions(trace: string): ReadonlyMap<string, number> {
  return new Map(readdirSync(trace).map((name) => [name, statSync(join(trace, name)).size]));
}

/** One byte more; gives how many there were. */
function leave(trace: string, name: string): number {
  const path = join(trace, name);
  appendFileSync(path, '.');
  return statSync(path).size - 1;
}

async function suffer(accident: (typeof accidents)[number], mebibytes: number): Promise<void> {
  switch (accident) {
    case 'none':
      return;
    case 'die':
      // Nothing outside of a thread can kill it alone.
      if (!isMainThread) process.exit(7);
      process.kill(process.pid, 'SIGKILL');
      return sleep(10_000);
    case 'spin':
      for (let n = 0; n >= 0; n = (n + 1) % 2);
      return;
    case 'hang':
      return sleep(60_000);
    case 'hoard': {
      const hoard: unknown[] = [];
      // A thread's end for want of memory is that of the whole process where V8 cannot give it a little more for its last steps: so it comes there in small ones.
      // Elsewhere many mebibytes come at once: a heap that fills up little by little is swept for seconds before it is given up.
      if (isMainThread) for (let i = 0; i < mebibytes; i += 40) hoard.push(Array<number>(5 << 20).fill(0.5));
      else
        for (let i = 0; i < mebibytes * 26; i++) hoard.push(Array.from({ length: 1000 }, (_, n) => ({ n })));
      await sleep(1);
      if (hoard.length === 0) throw new Error('there was nothing to hoard');
    }
  }
}
