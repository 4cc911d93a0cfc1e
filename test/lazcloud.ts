/** LAZ files chunk by chunk: read by our kernel and by laz-perf, and compared column by column. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import type { Las } from '../geospatial/formats/las.ts';
import { readLas } from '../geospatial/formats/las.ts';
import type { Chunks } from '../geospatial/formats/laz.ts';
import { pointFormatOf, readChunks } from '../geospatial/formats/laz.ts';
import { readRun } from '../geospatial/formats/points.ts';
import { allFields } from '../geospatial/kernels/codec.ts';
import { decodeChunk, lazPerfUrl } from './lazperf.ts';
import { sourceOf } from './lasfile.ts';
import { codec, names, type PlainPoints } from './pointcolumns.ts';
import { shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
export const lidar = folder && join(folder, 'data/geospatial/lidar');
/** Every LAZ file, by its path below `lidar`. */
export const lazFiles = lidar
  ? (readdirSync(lidar, { recursive: true }) as string[]).filter((name) => name.endsWith('.laz')).toSorted()
  : [];
export const module = new WebAssembly.Module(readFileSync(lazPerfUrl()));

export type Cloud = { readonly bytes: Uint8Array; readonly las: Las; readonly chunks: Chunks };
export async function open(bytes: Uint8Array, name = 'x.laz'): Promise<Cloud> {
  const source = sourceOf(bytes);
  const las = await readLas(source, name);
  return { bytes, las, chunks: await readChunks(source, las) };
}
export const load = (path: string) => open(readFileSync(join(lidar!, path)), basename(path));

/** Columns of one chunk, read as a run of its own. */
export async function decode(
  { bytes, las, chunks }: Cloud,
  index: number,
  wanted = allFields,
): Promise<PlainPoints> {
  const { scale, offset } = las;
  const [start, size, points] = [chunks.start[index]!, chunks.size[index]!, chunks.points[index]!];
  const run = {
    first: 0,
    points,
    start,
    end: start + size,
    format: pointFormatOf(las),
    scale,
    offset,
    chunks: { first: index, sizes: [size], points: [points] },
  };
  const out: { [name: string]: number[] } = {};
  const source = { size: Infinity, read: async (from: number, to: number) => bytes.slice(from, to) };
  for await (const _ of readRun(source, run, las.name, codec, wanted, (found) => {
    expect(found.count).toBe(points);
    for (const name of names) out[name] = Array.from(found[name]);
  }));
  return out;
}

/** The records that laz-perf makes of all chunks. */
export function peer({ bytes, las, chunks }: Cloud): Uint8Array {
  const { pdrf, recordLength, name } = las;
  const out = new Uint8Array(las.count * recordLength);
  let done = 0;
  for (const [index, start] of chunks.start.entries()) {
    const points = chunks.points[index]!;
    const chunk = {
      bytes: bytes.subarray(start, start + chunks.size[index]!),
      points,
      pdrf,
      recordLength,
      name,
      index,
      start,
    };
    const before = done;
    decodeChunk(module, chunk, (records, _count, first) => out.set(records, (before + first) * recordLength));
    done += points;
  }
  return out;
}

export function compare(found: PlainPoints, expected: PlainPoints, only: readonly string[] = names): void {
  for (const name of only) {
    const [a, b] = [found[name]!, expected[name]!];
    expect(a.length, name).toBe(b.length);
    const i = a.findIndex((value, k) => !Object.is(value, b[k]));
    expect(i < 0 ? 'equal' : `${name} of point ${i}: ${a[i]}, expected ${b[i]}`).toBe('equal');
  }
}
