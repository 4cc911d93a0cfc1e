/** Small jobs with known results, and with faults to order: what the engine's tests run and what proves the laws' checks. */
import { existsSync, writeFileSync } from 'node:fs';
import { json } from '../core/codec.ts';
import { BadInput, BadUsage } from '../core/errors.ts';
import { define, type AnyJob, type Catalog } from '../core/job.ts';
import { choice, integer, text } from '../core/params.ts';
import { splitInterval } from '../core/partition.ts';
import { grow, splitGrid, type Tile } from './grid.ts';
import { trial } from './trial.ts';

const print = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);

type Sum = { readonly sum: number; readonly numbers: number };

/** What the part of `test/sum` that holds 300 does the first time it runs; it leaves `marker` behind and behaves from then on. */
export const accidents = ['none', 'exit', 'buffer', 'throw', 'bad-input', 'hang'] as const;

/** Sums the numbers below `upto`. */
export const sum = define({
  name: 'test/sum',
  version: 1,
  doc: 'sum of the numbers below upto',
  inputs: {},
  params: {
    upto: integer(1000, 'numbers to add', { min: 0 }),
    accident: choice(accidents, 'what goes wrong'),
    marker: text('file that says that it has gone wrong once', 'path'),
  },
  split: 100,
  unit: 'numbers',
  counts: 'numbers',
  output: 'text' as const,
  result: json<Sum>(),
  async partition(_inputs, { upto }, split) {
    return { parts: splitInterval(upto, split), records: upto };
  },
  weight: ({ start, end }) => end - start,
  async kernel({ start, end }, _inputs, { accident, marker }) {
    if (accident !== 'none' && start <= 300 && end > 300 && !existsSync(marker)) {
      writeFileSync(marker, '');
      await suffer(accident);
    }
    let total = 0;
    for (let i = start; i < end; i++) total += i;
    return { sum: total, numbers: end - start };
  },
  merge: (results) => results.reduce((a, b) => ({ sum: a.sum + b.sum, numbers: a.numbers + b.numbers })),
  records: ({ numbers }) => numbers,
  async write({ sum: total }, output) {
    await (await output.file()).write(print(total));
  },
});

async function suffer(accident: (typeof accidents)[number]): Promise<void> {
  switch (accident) {
    case 'none':
      return;
    case 'exit':
      return process.exit(7);
    case 'buffer':
      throw new RangeError('Array buffer allocation failed');
    case 'throw':
      throw new Error('part 300 is unlucky');
    case 'bad-input':
      throw new BadInput('numbers.txt: line 300: found x, expected a number; mend it');
    case 'hang':
      return new Promise(() => setInterval(() => {}, 1000));
  }
}

/** `count` tasks that do nothing, and the merges above them. */
export const noop = define({
  name: 'test/noop',
  version: 1,
  doc: 'nothing, many times',
  inputs: {},
  params: { count: integer(1000, 'tasks', { min: 0 }) },
  split: 1,
  unit: 'tasks',
  counts: 'tasks',
  output: 'text' as const,
  result: json<number>(),
  async partition(_inputs, { count }) {
    return { parts: Array.from({ length: count }, (_, i) => i), records: count };
  },
  kernel: async () => 1,
  merge: (results) => results.reduce((a, b) => a + b),
  records: (n) => n,
});

/** Depth-like steps: long runs of equal values, so that every seam cuts one. */
const level = (at: number): number => Math.floor(at / 13) % 3;
type Run = readonly [start: number, end: number, value: number];

/** Run lengths of `level` over [0, upto): what a merge that leaves seams open gets wrong. */
export const runs = define({
  name: 'test/runs',
  version: 1,
  doc: 'run lengths',
  inputs: {},
  params: { upto: integer(600, 'positions', { min: 1 }) },
  split: 50,
  unit: 'positions',
  counts: 'positions',
  output: 'text' as const,
  result: json<Run[]>(),
  async partition(_inputs, { upto }, split) {
    return { parts: splitInterval(upto, split), records: upto };
  },
  async kernel({ start, end }) {
    const out: [number, number, number][] = [];
    for (let at = start; at < end; at++) {
      const last = out.at(-1);
      if (last && last[2] === level(at)) last[1] = at + 1;
      else out.push([at, at + 1, level(at)]);
    }
    return out as Run[];
  },
  merge: (results) =>
    results.reduce((all, next) => {
      const [last, first] = [all.at(-1)!, next[0]!];
      return last[2] === first[2]
        ? [...all.slice(0, -1), [last[0], first[1], last[2]] as Run, ...next.slice(1)]
        : [...all, ...next];
    }),
  records: (all) => all.reduce((n, [start, end]) => n + end - start, 0),
  async write(all, output) {
    await (await output.file()).write(print(all));
  },
});

const reach = 3;
/** A field without symmetry. */
const height = (x: number, y: number): number =>
  (Math.imul(x * 73856093, 1) ^ Math.imul(y * 19349663, 1)) & 255;
type Cell = readonly [x: number, y: number, value: number];

/** The lowest of the cells within `reach` of each cell of a 40 x 30 field: what a halo too small gets wrong. */
export const lowest = define({
  name: 'test/lowest',
  version: 1,
  doc: 'focal minimum',
  inputs: {},
  params: {},
  split: 10,
  unit: 'cells',
  counts: 'cells',
  output: 'text' as const,
  result: json<Cell[]>(),
  async partition(_inputs, _params, split) {
    const box = { minX: 0, minY: 0, maxX: 40, maxY: 30 };
    return { parts: splitGrid(box, split, { align: 1, halo: reach }), records: 1200 };
  },
  async kernel(tile: Tile) {
    const seen = grow(tile, tile.halo);
    const cells: Cell[] = [];
    for (let y = tile.minY; y < tile.maxY; y++)
      for (let x = tile.minX; x < tile.maxX; x++) {
        let low = Infinity;
        for (let v = Math.max(y - reach, seen.minY); v < Math.min(y + reach + 1, seen.maxY); v++)
          for (let u = Math.max(x - reach, seen.minX); u < Math.min(x + reach + 1, seen.maxX); u++)
            low = Math.min(low, height(u, v));
        cells.push([x, y, low]);
      }
    return cells;
  },
  merge: (results) => results.flat(),
  records: (cells) => cells.length,
  async write(cells, output) {
    const sorted = cells.toSorted((a, b) => a[1] - b[1] || a[0] - b[0]);
    await (await output.file()).write(print(sorted));
  },
});

const toys: { readonly [name: string]: AnyJob } = Object.fromEntries(
  [sum, noop, runs, lowest, trial].map((job) => [job.name, job as AnyJob]),
);
export const toyCatalog: Catalog = {
  names: Object.keys(toys),
  async load(name) {
    const job = toys[name];
    if (!job) throw new BadUsage(`no job ${name}`);
    return job;
  },
};
