/** The map side of every raster of points: a run of one file, its points sorted into the tiles of one grid, a piece a tile and product. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset, Partition, Planning } from '../../core/job.ts';
import type { GeoKeys } from '../formats/crs.ts';
import type { Run } from '../formats/points.ts';
import { cutRuns, memoryOf, readRun } from '../formats/points.ts';
import type { Bins, Places } from '../kernels/bins.ts';
import { addPoints, startBins, takePieces } from '../kernels/bins.ts';
import type { Points } from '../kernels/codec.ts';
import { fields, returnCodec, takeCodec } from '../kernels/codec.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Area } from '../kernels/polygon.ts';
import { commonCrs, commonGrid, openFull } from './clouds.ts';
import type { Layer } from './products.ts';
import type { Selection } from './select.ts';
import { boxOfSelection, fieldsOf, selector } from './select.ts';
import type { Shards, Surface } from './surface.ts';
import { keepPieces, mergeSurfaces, storePieces } from './surface.ts';

/** A run of points of one file. Plain JSON. */
export type BinPart = {
  readonly file: number;
  readonly run: Run;
  readonly grid: Grid;
  readonly crs: GeoKeys | null;
  readonly note: string;
};

// 5 MiB while they are sorted: they stay in the cache.
const pointsAtOnce = 2 ** 18;
const blobBytes = 16 * 1024 * 1024;

/** Runs of all files, on the grid that holds them all, or the box of the selection. */
export async function binParts(
  points: readonly Dataset[],
  cell: number,
  split: number,
  planning: Planning,
  given: Selection,
): Promise<Partition<BinPart>> {
  const full = await openFull(points, planning);
  const system = commonCrs(full.map(({ las }) => las));
  const grid = commonGrid(
    full.map(({ las }) => las),
    cell,
    boxOfSelection(given),
  );
  const parts: BinPart[] = [];
  let records = 0;
  for (const { file, source, las } of full) {
    planning.signal.throwIfAborted();
    records += las.count;
    for (const run of await cutRuns(source, las, split))
      // The first part says it for all.
      parts.push({ file, run, grid, ...(parts.length === 0 ? system : { crs: null, note: '' }) });
  }
  return {
    parts,
    records,
    ...(system.note ? { notes: [`LAS: the output has no CRS: ${system.note}`] } : {}),
  };
}

// A compressed point takes some three times as long as a plain one.
export const binWeight = ({ run }: BinPart): number => run.points * (run.chunks ? 3 : 1);

/** What is read, columns, tiles' planes, and pieces that wait to be stored. */
export const binMemory = ({ run, grid }: BinPart, layers: number): number =>
  memoryOf(run) + (40 + 32 * layers) * 1024 * 1024 + (4 * layers * grid.width * grid.height) / 2 ** 18;

/** Bins the selected points of a run, but for those whose raw coordinates `isNoise` knows; the result counts all that were read. */
export async function binRun(
  { file, run, grid, crs, note }: BinPart,
  points: readonly Dataset[],
  layers: readonly Layer[],
  given: Selection,
  context: Context,
  area?: Area,
  isNoise?: (x: number, y: number, z: number) => boolean,
): Promise<Surface> {
  const { uri } = points[file]!;
  const room = Math.min(run.points, pointsAtOnce);
  const all = layers.map(({ stat, classes }) => startBins(grid, stat, room, classes !== undefined));
  const waiting: Shards = { pieces: [], bytes: 0 };
  const surfaces: Surface[] = [];
  const select = selector(given, area);
  // The ground is what it is, whatever points stand on it.
  const selectGround = selector({ ...given, classes: [], ignore: [], returns: 'all' });
  let [numbers, groundNumbers] = [new Uint32Array(), new Uint32Array()];
  const placements = layers.map(({ value }) =>
    value === 'z'
      ? run
      : {
          ...run,
          scale: [run.scale[0], run.scale[1], 1] as const,
          offset: [run.offset[0], run.offset[1], 0] as const,
        },
  );
  let done = 0;
  const flush = (product: number, bins: Bins): void => {
    for (const piece of takePieces(bins, placements[product]!))
      keepPieces(waiting, [{ ...piece, product, unit: placements[product]! }]);
  };
  /** Adds points to a layer; `chosen` are their numbers among those found, undefined for all. */
  const add = (product: number, first: number, places: Places, chosen?: Uint32Array): void => {
    const bins = all[product]!;
    const count = places.x.length;
    for (let from = 0; from < count;) {
      const some = Math.min(count - from, bins.tile.length - bins.length);
      const off = addPoints(bins, places, from, some, run);
      if (off >= 0)
        throw offGrid(uri, first + (chosen?.[off] ?? off), places.x[off]!, places.y[off]!, run, grid);
      from += some;
      if (bins.length === bins.tile.length) flush(product, bins);
    }
  };
  const take = (found: Points, first: number): void => {
    done += found.count;
    if (numbers.length < found.count)
      [numbers, groundNumbers] = [new Uint32Array(found.count), new Uint32Array(found.count)];
    const selected = select && numbers.subarray(0, select(found, run, numbers));
    const chosen = isNoise ? quiet(found, selected, isNoise) : selected;
    const within = selectGround && groundNumbers.subarray(0, selectGround(found, run, groundNumbers));
    for (const [product, { value, classes }] of layers.entries()) {
      const kept = classes ? ofClasses(found, within, classes) : chosen;
      const z = value === 'z' ? found.z : found.intensity;
      const places = kept
        ? { x: picked(found.x, kept), y: picked(found.y, kept), z: picked(z, kept) }
        : { x: found.x, y: found.y, z };
      add(product, first, places, kept);
    }
  };
  const put = async (): Promise<void> => {
    surfaces.push({ grid, crs, note, points: 0, ...(await storePieces(waiting, context)) });
  };
  const wanted =
    fieldsOf(given) |
    (layers.some(({ classes }) => classes) ? fields.class : 0) |
    (layers.some(({ value }) => value === 'z') ? fields.z : 0) |
    (layers.some(({ value }) => value === 'intensity') ? fields.intensity : 0);
  const codec = takeCodec(await context.module('laz'));
  for await (const _ of readRun(await context.open(points[file]!), run, uri, codec, wanted, take)) {
    context.signal.throwIfAborted();
    if (waiting.bytes > blobBytes) await put();
  }
  returnCodec(codec);
  for (const [product, bins] of all.entries()) if (bins.length > 0) flush(product, bins);
  await put();
  return { ...mergeSurfaces(surfaces), points: done };
}

/** Numbers of points that are no noise, among those that are chosen. */
function quiet(
  { x, y, z, count }: Points,
  chosen: Uint32Array | undefined,
  isNoise: (x: number, y: number, z: number) => boolean,
): Uint32Array {
  const out = new Uint32Array(chosen?.length ?? count);
  let found = 0;
  for (let k = 0; k < out.length; k++) {
    const i = chosen ? chosen[k]! : k;
    if (!isNoise(x[i]!, y[i]!, z[i]!)) out[found++] = i;
  }
  return out.subarray(0, found);
}

/** Numbers of the points of some classes, among those that are chosen. */
function ofClasses(
  { count, classes }: Points,
  chosen: Uint32Array | undefined,
  wanted: readonly number[],
): Uint32Array {
  const total = wanted.length === 0 ? 0 : (chosen?.length ?? count);
  const out = new Uint32Array(total);
  let found = 0;
  for (let k = 0; k < total; k++) {
    const i = chosen ? chosen[k]! : k;
    if (wanted.includes(classes[i]!)) out[found++] = i;
  }
  return out.subarray(0, found);
}

function picked(column: Int32Array | Uint16Array, numbers: Uint32Array): Int32Array {
  const out = new Int32Array(numbers.length);
  for (let k = 0; k < out.length; k++) out[k] = column[numbers[k]!]!;
  return out;
}

function offGrid(
  uri: string,
  index: number,
  rawX: number,
  rawY: number,
  { scale, offset }: Run,
  grid: Grid,
): BadInput {
  const [x, y] = [rawX * scale[0] + offset[0], rawY * scale[1] + offset[1]];
  const { west, north, cell, width, height } = grid;
  const expected = `${west} to ${west + width * cell}, ${north - height * cell} to ${north}`;
  return new BadInput(
    `LAS: point ${index} of ${uri} lies at ${x}, ${y}, expected ${expected} as the headers say; get the file again, or have its bounds computed anew`,
  );
}
