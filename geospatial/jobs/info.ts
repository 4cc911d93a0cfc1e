/** lidar/info: what many point clouds are, from their headers alone. */
import { json } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Json } from '../../core/json.ts';
import { splitInterval } from '../../core/partition.ts';
import { readLas } from '../formats/las.ts';
import { type Facts, factsOf } from '../lidar/facts.ts';

type Inputs = { points: readonly Dataset[] };
/** Files `[from, to)`. */
type Part = { readonly from: number; readonly to: number };

/** The facts of a file in their order, which an object would lose in the store. */
type Told = readonly (readonly [name: string, value: Json])[];

export const info = define<Inputs, Record<never, never>, Part, readonly Told[]>({
  name: 'lidar/info',
  version: 1,
  doc: 'what point clouds are, from their headers: format, points, returns, CRS, bounds, extra bytes, records',
  examples: ["--points 'tiles/*.laz'", '--points a.laz --json'],
  inputs: { points: { doc: 'point clouds: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true } },
  params: {},
  split: 64,
  unit: 'files',
  counts: 'files',
  output: 'text',
  result: json<readonly Told[]>(),

  async partition({ points }, _given, split) {
    const parts = splitInterval(points.length, Math.max(1, Math.floor(split)));
    return { parts: parts.map(({ start, end }) => ({ from: start, to: end })), records: points.length };
  },
  pace: 100,
  memory: () => 2 ** 25,

  async kernel({ from, to }, { points }, _given, context) {
    const files: Told[] = [];
    for (const dataset of points.slice(from, to)) {
      context.signal.throwIfAborted();
      const facts = factsOf(await readLas(await context.open(dataset), dataset.uri));
      files.push(Object.entries(facts));
    }
    return files;
  },

  merge: (results) => results.flat(),
  records: (files) => files.length,

  async write(files, output, { json: wantsJson, inputs: { points } }) {
    // Results know nothing of where files lie.
    const all = files.map((told, i): Facts => ({ file: points[i]!.uri, ...Object.fromEntries(told) }));
    const text = wantsJson ? `${JSON.stringify(all)}\n` : all.map(textOf).join('\n');
    await (await output.file()).write(new TextEncoder().encode(text));
  },
});

/** A line a fact, with a tab behind its name. */
const textOf = (facts: Facts): string =>
  Object.entries(facts)
    .map(([name, value]) => `${name}\t${told(value)}\n`)
    .join('');

function told(value: Json): string {
  if (Array.isArray(value)) return value.map(told).join(typeof value[0] === 'string' ? '; ' : ' ');
  if (value !== null && typeof value === 'object')
    return Object.entries(value)
      .map(([name, of]) => `${name}: ${told(of)}`)
      .join(', ');
  return String(value);
}
