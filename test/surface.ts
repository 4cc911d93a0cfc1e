/** lidar/raster on files in memory, for tests that look at its rasters. */
import { fromArrayBuffer } from 'geotiff';
import { inline } from '../core/backends/inline.ts';
import type { Dataset } from '../core/job.ts';
import type { Host } from '../core/run.ts';
import { resolve } from '../core/params.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener } from '../core/task.ts';
import { raster } from '../geospatial/jobs/raster.ts';
import { mosaic } from '../geospatial/jobs/mosaic.ts';
import type { Product } from '../geospatial/lidar/products.ts';
import { sourceOf } from './lasfile.ts';
import { catalogOf, filesOf } from './laws.ts';

export type Options = { readonly cell: number; readonly stat: Product };
/** How the work is cut: points a part, neighbours a merge, tiles a block. */
export type Cut = { readonly split?: number; readonly arity?: number; readonly tiles?: number };
/** Point clouds by name. */
export type Files = { readonly [name: string]: Uint8Array };

/** The job on files in memory, and a host with a store of its own. */
export function stageOf(files: Files, { cell, stat }: Options, tiles = mosaic.split) {
  const points = Object.entries(files).map(([uri, bytes]): Dataset => ({
    uri,
    format: 'las',
    id: uri,
    size: bytes.length,
  }));
  const second = { ...mosaic, split: tiles };
  const first: typeof raster = { ...raster, next: (...of) => ({ ...raster.next!(...of), job: second }) };
  const store = memoryStore();
  const open = opener(store, async ({ uri }) => sourceOf(files[uri]!));
  const runtime = { catalog: catalogOf(first, second), store, open, modules: new Map() };
  const planning = { open, find: async () => undefined, signal: new AbortController().signal };
  const host: Host = { backend: inline(runtime), runtime, planning };
  return {
    host,
    stage: { job: first, inputs: { points }, params: resolve(raster.params, { cell, product: stat }) },
  };
}

/** The raster, as the file that the job writes. */
export async function tiff(files: Files, options: Options, { tiles, ...cut }: Cut = {}): Promise<Uint8Array> {
  const { host, stage } = stageOf(files, options, tiles);
  return (await filesOf(stage, host, cut)).get('')!;
}

export type Level = {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array | Uint32Array;
};
/** Every resolution of a raster as geotiff reads it, the full one first. */
export async function levelsOf(
  bytes: Uint8Array,
): Promise<{ levels: Level[]; origin: number[]; nodata: number | null }> {
  const file = await fromArrayBuffer(new Uint8Array(bytes).buffer);
  const levels: Level[] = [];
  for (let i = 0; i < (await file.getImageCount()); i++) {
    const image = await file.getImage(i);
    const [values] = (await image.readRasters()) as unknown as [Level['values']];
    levels.push({ width: image.getWidth(), height: image.getHeight(), values });
  }
  const image = await file.getImage();
  return { levels, origin: image.getOrigin().slice(0, 2), nodata: image.getGDALNoData() };
}
