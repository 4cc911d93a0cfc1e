/** lidar/stats: what the points of clouds are like: range, mean and deviation of every dimension, points by class, return and source, density. */
import { json } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Json } from '../../core/json.ts';
import { cutRuns, memoryOf, readRun, type Run } from '../formats/points.ts';
import { allFields, fields, returnCodec, takeCodec } from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import { openClouds } from '../lidar/clouds.ts';
import { mergeSummaries, type Summary, summarize, tell } from '../lidar/summary.ts';

type Inputs = { points: readonly Dataset[] };
type Part = { readonly file: number; readonly run: Run };

const colored = [2, 3, 5, 7, 8, 10];
const infrared = [8, 10];

export const stats = define<Inputs, Record<never, never>, Part, Summary>({
  name: 'lidar/stats',
  version: 1,
  doc: 'range, mean and deviation of every dimension of point clouds, points by class, return and source, density',
  examples: ['--points a.laz', "--points 'tiles/*.laz' --json"],
  inputs: { points: { doc: 'point clouds: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true } },
  params: {},
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'text',
  result: json<Summary>(),
  modules: { laz: lazUrl },

  async partition({ points }, _given, split, planning) {
    const clouds = await openClouds(points, planning);
    const parts: Part[] = [];
    for (const { file, source, las } of clouds) {
      planning.signal.throwIfAborted();
      for (const run of await cutRuns(source, las, split)) parts.push({ file, run });
    }
    return { parts, records: clouds.reduce((sum, { las }) => sum + las.count, 0) };
  },
  weight: ({ run }) => run.points * (run.chunks ? 3 : 1),
  pace: 5e6,
  memory: ({ run }) => memoryOf(run) + 2 ** 22,

  async kernel({ file, run }, { points }, _given, context) {
    const { pdrf } = run.format;
    const [hasColor, hasNir] = [colored.includes(pdrf), infrared.includes(pdrf)];
    const found: Summary[] = [];
    const codec = takeCodec(await context.module('laz'));
    const source = await context.open(points[file]!);
    const wanted = allFields & ~fields.extra;
    for await (const _ of readRun(source, run, points[file]!.uri, codec, wanted, (some) => {
      found.push(summarize(some, run, hasColor, hasNir));
    }))
      context.signal.throwIfAborted();
    returnCodec(codec);
    return mergeSummaries(found);
  },

  merge: mergeSummaries,
  records: ({ points }) => points,

  async write(result, output, { json: wantsJson }) {
    const file = await output.file();
    const dimensions = tell(result);
    const [x, y] = [dimensions['x'], dimensions['y']];
    const area = x && y ? (x.max - x.min) * (y.max - y.min) : 0;
    const density = area > 0 ? result.points / area : null;
    const { points, times, classes, returns, sources, flags } = result;
    const byReturn = Object.fromEntries(
      Object.entries(returns).map(([byte, n]) => [`${Number(byte) & 15} of ${Number(byte) >> 4}`, n]),
    );
    const facts = { points, density, times, dimensions, classes, returns: byReturn, sources, flags };
    const text = wantsJson
      ? `${JSON.stringify(facts)}\n`
      : textOf(facts as unknown as { [name: string]: Json });
    await file.write(new TextEncoder().encode(text));
  },
});

const number = (value: number): string => String(Number(value.toPrecision(12)));

/** A block a fact, with tabs. */
function textOf({
  points,
  density,
  times,
  dimensions,
  ...counted
}: {
  readonly [name: string]: Json;
}): string {
  const lines = [
    `points\t${points as number}`,
    ...(density === null ? [] : [`points per square unit\t${number(density as number)}`]),
    ...(times === null ? [] : [`GPS time\t${(times as number[]).join('\t')}`]),
    '',
    'dimension\tmin\tmax\tmean\tdeviation',
    ...Object.entries(dimensions as { [name: string]: { [of: string]: number } }).map(([name, of]) =>
      [name, ...['min', 'max', 'mean', 'deviation'].map((what) => number(of[what]!))].join('\t'),
    ),
  ];
  for (const [what, counts] of Object.entries(counted))
    lines.push(
      '',
      `${what}\tpoints`,
      ...Object.entries(counts as { [of: string]: number }).map(([of, n]) => `${of}\t${n}`),
    );
  return `${lines.join('\n')}\n`;
}
