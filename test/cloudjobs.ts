/** Jobs on point clouds in memory, every stage cut as a test wants it. */
import { readFileSync } from 'node:fs';
import { inline } from '../core/backends/inline.ts';
import type { AnyJob, Dataset, Stage } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import type { Host } from '../core/run.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener } from '../core/task.ts';
import { readLas } from '../geospatial/formats/las.ts';
import { readChunks } from '../geospatial/formats/laz.ts';
import { catalog } from '../pipelines/catalog.ts';
import { sourceOf } from './lasfile.ts';
import { decodeChunk, lazPerfUrl } from './lazperf.ts';
import { type Files, filesOf } from './laws.ts';
import { columnsOfFile, names, type PlainPoints } from './pointcolumns.ts';

/** Point clouds by name. */
export type Clouds = { readonly [name: string]: Uint8Array };
/** Units of a part of the first stage, and of later ones; neighbours a merge. */
export type Cut = { readonly split?: number; readonly later?: number; readonly arity?: number };

/** Runs a job and those that follow; gives what is written, by suffix. */
export async function runClouds(
  job: AnyJob,
  clouds: Clouds,
  given: { readonly [name: string]: Json } = {},
  { later, ...cut }: Cut = {},
  others: { readonly [input: string]: readonly Dataset[] } = {},
  beside: Clouds = {},
): Promise<Files> {
  const points = Object.entries(clouds).map(([uri, bytes]): Dataset => ({
    uri,
    format: 'laz',
    id: `${uri} ${bytes.length}`,
    size: bytes.length,
  }));
  const cutAgain = (one: AnyJob): AnyJob => ({
    ...one,
    ...(one.next && {
      next: (...args: Parameters<NonNullable<AnyJob['next']>>): Stage => {
        const stage = one.next!(...args);
        return { ...stage, job: cutAgain(later === undefined ? stage.job : { ...stage.job, split: later }) };
      },
    }),
  });
  const store = memoryStore();
  const open = opener(store, async ({ uri }) => sourceOf((clouds[uri] ?? beside[uri])!));
  const runtime = { catalog, store, open, modules: new Map() };
  const planning = { open, find: async () => undefined, signal: new AbortController().signal };
  const host: Host = { backend: inline(runtime), runtime, planning };
  const stage = { job: cutAgain(job), inputs: { points, ...others }, params: resolve(job.params, given) };
  return filesOf(stage, host, cut);
}

/** The one file. */
export const onlyFile = async (...args: Parameters<typeof runClouds>): Promise<Uint8Array> =>
  (await runClouds(...args)).get('')!;

/** Every point as a line of all its fields, but those named; angles of formats 0 to 5 as those of 6 to 10 have them; sorted unless told otherwise. */
export async function linesOf(
  bytes: Uint8Array,
  { without = [], isSorted = true }: { without?: readonly string[]; isSorted?: boolean } = {},
): Promise<string[]> {
  const las = await readLas(sourceOf(bytes), 'x.laz');
  const columns: PlainPoints = await columnsOfFile(bytes);
  const bits = new DataView(new ArrayBuffer(8));
  const exact = (value: number): string => {
    bits.setFloat64(0, value);
    return bits.getBigUint64(0).toString(16);
  };
  const extra = columns['extra']!.length / las.count;
  const lines = columns['x']!.map((_, i) =>
    names
      .filter((name) => !without.includes(name))
      .map((name) => {
        if (name === 'extra') return columns['extra']!.slice(i * extra, (i + 1) * extra).join(' ');
        const value = columns[name]![i] ?? 0;
        if (name === 'angle')
          return las.pdrf < 6 ? Math.sign(value) * Math.round(Math.abs(value) / 0.006) : value;
        return name === 'time' ? exact(value) : value;
      })
      .join(','),
  );
  return isSorted ? lines.sort() : lines;
}

/** The records of several LAS or LAZ files of one form, one behind the other, as a LAS file with the first one's header. */
export async function concatenated(
  files: readonly Uint8Array[],
  records: readonly Uint8Array[],
): Promise<Uint8Array> {
  const heads = await Promise.all(files.map((bytes) => readLas(sourceOf(bytes), 'x.las')));
  const [first] = heads;
  const out = Buffer.concat([files[0]!.subarray(0, first!.pointsOffset), ...records]);
  out[104] = first!.pdrf;
  const total = records.reduce((sum, { length }) => sum + length, 0) / first!.recordLength;
  out.writeUInt32LE(first!.pdrf < 6 ? total : 0, 107);
  if (first!.minor === 4) {
    out.writeBigUInt64LE(BigInt(total), 247);
    // The old file's extended records are not here.
    out.writeBigUInt64LE(0n, 235);
    out.writeUInt32LE(0, 243);
  }
  for (const i of [0, 1, 2] as const) {
    out.writeDoubleLE(Math.max(...heads.map(({ max }) => max[i])), 179 + 16 * i);
    out.writeDoubleLE(Math.min(...heads.map(({ min }) => min[i])), 187 + 16 * i);
  }
  return out;
}

const lazPerf = new WebAssembly.Module(readFileSync(lazPerfUrl()));

/** The records of a LAZ file as laz-perf makes them. */
export async function plainRecords(bytes: Uint8Array): Promise<Uint8Array> {
  const source = sourceOf(bytes);
  const las = await readLas(source, 'x.laz');
  const { start, size, points } = await readChunks(source, las);
  const { pdrf, recordLength } = las;
  const out = new Uint8Array(las.count * recordLength);
  let done = 0;
  for (const [index, at] of start.entries()) {
    const some = { bytes: bytes.subarray(at, at + size[index]!), points: points[index]! };
    const chunk = { ...some, pdrf, recordLength, name: 'x.laz', index, start: at };
    const before = done;
    decodeChunk(lazPerf, chunk, (records, _count, first) =>
      out.set(records, (before + first) * recordLength),
    );
    done += some.points;
  }
  return out;
}
