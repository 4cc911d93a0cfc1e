/** lidar/extract: the points of clouds within a box or polygons, of classes and returns, or every so many units, as LAZ. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { number } from '../../core/params.ts';
import { headOf } from '../formats/laswrite.ts';
import { memoryOf, readRun, roomOf, type Run } from '../formats/points.ts';
import {
  aim,
  allFields,
  encode,
  encodeBound,
  gather,
  makeRoom,
  orderOf,
  outputOf,
  type Points,
  pointsOf,
  returnCodec,
  takeCodec,
} from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import { startTally, tallyPoints } from '../kernels/tally.ts';
import { headersOf, openFull } from '../lidar/clouds.ts';
import { type Query, queryRuns } from '../lidar/nodequery.ts';
import {
  areaOfInput,
  boxOfSelection,
  commonBox,
  polygonInput,
  selection,
  selector,
} from '../lidar/select.ts';
import { conform, type Shape, shapeOf, stepsOf } from '../lidar/shape.ts';
import {
  chunksOf,
  keepChunk,
  mergeWritten,
  startWaiting,
  storeChunks,
  writeLaz,
  type Written,
} from '../lidar/written.ts';

type Inputs = { points: readonly Dataset[]; polygon?: readonly Dataset[] };
type Part = { readonly file: number; readonly run: Run; readonly shape: Shape };
type Result = { readonly read: number; readonly written: Written };

const params = {
  ...selection,
  resolution: number(0, 'of COPC only as many levels as bring points this close, 0 for all', {
    unit: 'CRS units',
    min: 0,
  }),
};

export const extract = define<Inputs, typeof params, Part, Result>({
  name: 'lidar/extract',
  version: 1,
  doc: 'points within a box or polygons, of classes and returns, or thinned by an octree, as LAZ; of COPC only the nodes that can have any are read',
  examples: [
    '--points area.copc.laz --bbox 500000,4600000,500100,4600100 --out part.laz',
    "--points 'https://host/area.copc.laz' --polygon lake.geojson --classes 2,9 --out lake.laz",
    '--points area.copc.laz --resolution 2 --out overview.laz',
  ],
  inputs: {
    points: { doc: 'point clouds: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true },
    polygon: polygonInput,
  },
  params,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: columns<Result>(),
  modules: { laz: lazUrl },

  async partition({ points, polygon }, given, split, planning) {
    const clouds = await openFull(points, planning);
    const shape = shapeOf(clouds.map(({ las }) => las));
    const area = await areaOfInput(polygon, planning);
    const box = boxOfSelection(given);
    const query: Query = {
      box: box && area ? commonBox(box, area) : (box ?? area),
      resolution: given.resolution > 0 ? given.resolution : undefined,
    };
    const parts: Part[] = [];
    for (const cloud of clouds) {
      planning.signal.throwIfAborted();
      for (const run of await queryRuns(cloud, query, split)) parts.push({ file: cloud.file, run, shape });
    }
    const records = parts.reduce((sum, { run }) => sum + run.points, 0);
    if (parts.length > 0) return { parts, records };
    // Nothing can be there: a file without points, of one part that reads none.
    const [first] = clouds;
    const run = {
      first: 0,
      points: 0,
      start: 0,
      end: 0,
      format: { pdrf: 6, recordLength: 30, extra: 0, isV4: false },
    };
    return {
      parts: [{ file: first!.file, run: { ...run, scale: shape.scale, offset: shape.offset }, shape }],
      records,
    };
  },
  weight: ({ run }) => run.points,
  pace: 3e6,
  memory: ({ run, shape }) => memoryOf(run) + (60 + shape.extra) * roomOf(run).chunk + 64 * 2 ** 20,

  async kernel({ file, run, shape }, { points, polygon }, given, context) {
    const waiting = startWaiting();
    const tally = startTally();
    if (run.points === 0) return { read: 0, written: await storeChunks(waiting, tally, context) };
    const dataset = points[file]!;
    const codec = takeCodec(await context.module('laz'));
    const { chunk, bytes } = roomOf(run);
    const output = encodeBound(chunk, shape.extra);
    makeRoom(codec, { chunk, bytes, extra: shape.extra, points: chunk, output });
    const steps = stepsOf({ ...run, name: dataset.uri }, shape);
    const area = await areaOfInput(polygon, context);
    const select =
      selector(given, area) ??
      ((found: Points, _how: unknown, into: Uint32Array) => everyOne(found.count, into));
    const written: Written[] = [];
    let read = 0;
    const where = { set: 1, at: 0, isOver: true } as const;
    const take = (found: Points): void => {
      read += found.count;
      // By the coordinates of the file, before they take another form.
      const count = select(found, run, orderOf(codec));
      conform(codec, found, run.format, steps);
      if (count === 0) return;
      gather(codec, 0, count);
      tallyPoints(tally, pointsOf(codec, count));
      keepChunk(waiting, outputOf(codec, 0, encode(codec, shape.pdrf, count, 0)).slice(), count);
      aim(codec, 1);
    };
    const source = await context.open(dataset);
    for await (const _ of readRun(source, run, dataset.uri, codec, allFields, take, where)) {
      context.signal.throwIfAborted();
      if (waiting.bytes > 2 ** 24) written.push(await storeChunks(waiting, startTally(), context));
    }
    returnCodec(codec);
    written.push(await storeChunks(waiting, tally, context));
    return { read, written: mergeWritten(written) };
  },

  merge: (results) => ({
    read: results.reduce((sum, { read }) => sum + read, 0),
    written: mergeWritten(results.map(({ written }) => written)),
  }),
  records: ({ read }) => read,

  async write({ written }, output, { inputs: { points } }, context) {
    const full = await headersOf(points, context);
    const head = { ...headOf(full[0]!, shapeOf(full)), chunk: 0xffffffff };
    await writeLaz(await output.file(), () => head, chunksOf(written), context);
  },
});

function everyOne(count: number, into: Uint32Array): number {
  for (let i = 0; i < count; i++) into[i] = i;
  return count;
}
