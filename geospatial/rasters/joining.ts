/** Rasters put onto one grid, and what becomes of cells that several of them have: what satellite/warp and satellite/mosaic share. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Context, Dataset, Output, Source } from '../../core/job.ts';
import { choice, integers, text } from '../../core/params.ts';
import { openRaster, type RasterFile } from '../formats/geotiff.ts';
import { readShiftGrid, type ShiftGrid } from '../formats/ntv2.ts';
import { overviews } from '../kernels/overview.ts';
import { type Cells, cellArrays, isFloat, type Node, type Pyramid, pyramidOver } from '../kernels/pyramid.ts';
import { resamplings } from '../kernels/resample.ts';
import { blend, type Seams } from '../kernels/seams.ts';
import { storeRun } from '../kernels/store.ts';
import { type Block, blockMemory, blocksOver, makeBlock, tilesOf, windowOf } from './blocks.ts';
import { type Products, writeProducts } from './mosaics.ts';
import type { Lattice } from './scenes.ts';
import { type GridAsked, gridParams, placed, type PlacedRaster, targetGrid } from './targetgrid.ts';
import { type View, viewOf } from './view.ts';
import { depthsOf, meets, mostCells, type Warper, warperOf } from './warp.ts';

/** A block of the grid, and the numbers of the rasters that may have some of it. Plain JSON. */
export type JoinPart = Block & {
  readonly grid: Lattice;
  readonly shape: Shape;
  readonly rasters: readonly number[];
};
type Shape = {
  readonly type: Pyramid['type'];
  /** From 0. */
  readonly bands: readonly number[];
  /** Text, as JSON has no NaN. */
  readonly nodata?: string;
  /** The last band is alpha. */
  readonly alpha?: boolean;
};

/** What parts are made from: rasters, one whose grid to use, a grid of shifts. */
export type JoinInputs = {
  readonly rasters: readonly Dataset[];
  readonly like?: readonly Dataset[];
  readonly shifts?: readonly Dataset[];
};

export const joinInputs = {
  like: { doc: 'a raster whose grid to use', formats: ['tif', 'tiff'], optional: true },
  shifts: {
    doc: 'an NTv2 grid that leads from an old datum to WGS 84 or what is within two metres of it; for datums that need one, and in place of parameters',
    formats: ['gsb'],
    optional: true,
  },
} as const;

export const joinParams = {
  ...gridParams,
  resampling: choice(
    resamplings,
    'what a cell gets: the nearest one, a kernel over 2 x 2 or 4 x 4 around (wider where cells become larger), the mean or the most frequent one of all within it',
  ),
  places: choice(
    ['rows', 'exact'],
    'where cells come from: by straight lines along rows that are an eighth of a cell off at most, as gdalwarp has them, or exact to a ten-thousandth',
  ),
  bands: integers('bands to keep, in this order; all unless given', { min: 1 }),
  nodata: text(
    'the value of cells that are none, where the files do not say',
    '-9999',
    /^(-?\d+(\.\d+)?([eE][-+]?\d+)?|nan)$/i,
  ),
  overview: choice(overviews, 'how four cells become one of the next level; mode for classes'),
};
export type JoinGiven = GridAsked & {
  readonly resampling: (typeof resamplings)[number];
  readonly places: 'rows' | 'exact';
  readonly bands: readonly number[];
  readonly nodata: string;
  readonly overview: Pyramid['overview'];
};

/** Cells of the source that places may be off. */
const accuracyOf = ({ places }: JoinGiven): number | 'rows' => (places === 'rows' ? places : 0.0001);

type Open = (dataset: Dataset) => Promise<Source>;
// A worker opens a file once for all of its parts.
const opened = new WeakMap<Source, Promise<RasterFile>>();
const shiftGrids = new WeakMap<Source, Promise<ShiftGrid>>();

async function once<T>(
  known: WeakMap<Source, Promise<T>>,
  dataset: Dataset,
  open: Open,
  read: (source: Source, uri: string) => Promise<T>,
): Promise<T> {
  const source = await open(dataset);
  const found = known.get(source) ?? read(source, dataset.uri);
  known.set(source, found);
  return found;
}

export async function openPlaced(
  dataset: Dataset,
  from: string,
  open: Open,
  shifts?: Dataset,
): Promise<PlacedRaster> {
  const raster = await once(opened, dataset, open, openRaster);
  const grid = shifts && (await once(shiftGrids, shifts, open, readShiftGrid));
  return placed(raster, dataset.uri, from, grid);
}

/** The rasters, and the grid that they are put on. */
async function placedOn(
  { rasters: datasets, like, shifts }: JoinInputs,
  given: JoinGiven,
  open: Open,
): Promise<{ rasters: PlacedRaster[]; grid: Lattice }> {
  const rasters = await Promise.all(
    datasets.map((dataset) => openPlaced(dataset, given.from, open, shifts?.[0])),
  );
  const model = like?.[0] && (await openPlaced(like[0], '', open));
  return { rasters, grid: await targetGrid(rasters, given, model) };
}

const nodataOf = ({ nodata }: JoinGiven): number | undefined => (nodata === '' ? undefined : Number(nodata));

/** The parts of a mosaic of at least one raster. @throws BadInput for rasters that do not go together, BadUsage for options that do not */
export async function joinParts(
  inputs: JoinInputs,
  given: JoinGiven,
  split: number,
  open: Open,
): Promise<{ parts: JoinPart[]; records: number; notes: string[] }> {
  const { rasters, grid } = await placedOn(inputs, given, open);
  const shape = shapeOf(rasters, given);
  const views = await Promise.all(
    rasters.map((one) => viewOf(one, grid, given.resampling, accuracyOf(given), nodataOf(given))),
  );
  const pyramid = pyramidOf(grid, shape, given);
  const parts = blocksOver(pyramid, split).map((block): JoinPart => {
    const window = windowOf({ level: block.top, column: block.column, row: block.row }, pyramid);
    const numbers = views.flatMap(({ frames }, i) =>
      frames.some((frame) => meets(frame, window)) ? [i] : [],
    );
    return { ...block, grid, shape, rasters: numbers };
  });
  const beside = views.filter(({ frames }) => frames.length === 0);
  const notes = [grid.note, ...rasters.map(({ raster }) => raster.note)].filter((note) => note !== '');
  notes.push(...beside.map(({ uri }) => `${uri} lies beside the grid`));
  return { parts, records: tilesOf(pyramid), notes: [...new Set(notes)] };
}

function shapeOf(rasters: readonly PlacedRaster[], { bands, nodata }: JoinGiven): Shape {
  const [first] = rasters as readonly [PlacedRaster];
  const { type, alpha } = first.raster;
  const count = first.raster.bands.length;
  for (const { raster, uri } of rasters)
    if (raster.type !== type || raster.bands.length !== count)
      throw new BadInput(
        `GeoTIFF: ${uri} has ${raster.bands.length} bands of ${raster.type}, expected ${count} of ${type} as ${first.uri}; keep such apart`,
      );
  const wrong = bands.find((band) => band > count);
  if (wrong !== undefined)
    throw new BadUsage(`option bands: found ${wrong}, expected 1 to ${count}, the bands of ${first.uri}`);
  const kept = bands.length > 0 ? bands.map((band) => band - 1) : first.raster.bands.map((_, band) => band);
  const said = rasters.find(({ raster }) => raster.nodata !== undefined)?.raster.nodata;
  // Cells that a mask hides, and those beside a raster, have to hold something.
  const hasAlpha = alpha !== undefined && kept.includes(alpha);
  const isHidden = rasters.some(({ raster }) => raster.hasMask) && !hasAlpha;
  const usual = isFloat(type) ? NaN : isHidden ? 0 : undefined;
  const none = nodata === '' ? (said ?? usual) : cellArrays[type].of(Number(nodata))[0]!;
  if (nodata !== '' && none !== Number(nodata) && none === none && none !== Math.fround(Number(nodata)))
    throw new BadUsage(`option nodata: found ${nodata}, expected a value that ${type} holds`);
  return {
    type,
    bands: kept,
    ...(none === undefined ? {} : { nodata: String(none) }),
    ...(hasAlpha && kept.length > 1 && kept.indexOf(alpha) === kept.length - 1 ? { alpha: true } : {}),
  };
}

function pyramidOf(
  grid: Lattice,
  { type, bands, nodata, alpha = false }: Shape,
  { overview }: JoinGiven,
): Pyramid {
  const none = nodata === undefined ? {} : { nodata: Number(nodata) };
  return pyramidOver(grid, { type, bands: bands.length, overview, alpha, empty: none.nodata ?? 0, ...none });
}

/** Bytes of a part: its tiles, windows of the source, and places. */
export const joinMemory = ({ top, grid, shape }: JoinPart, given: JoinGiven): number =>
  blockMemory(top, pyramidOf(grid, shape, given)) + (320 + 16 * shape.bands.length) * 2 ** 20;

/** Makes a block of a mosaic. */
export async function joinBlock(
  part: JoinPart,
  { rasters, shifts }: JoinInputs,
  given: JoinGiven,
  seams: Seams,
  context: Context,
): Promise<Products> {
  const { grid, shape } = part;
  const pyramid = pyramidOf(grid, shape, given);
  const block = windowOf({ level: part.top, column: part.column, row: part.row }, pyramid);
  const layers: { view: View; warp: Warper }[] = [];
  for (const number of part.rasters) {
    const one = await openPlaced(
      rasters[number]!,
      given.from,
      (dataset) => context.open(dataset),
      shifts?.[0],
    );
    const view = await viewOf(one, grid, given.resampling, accuracyOf(given), nodataOf(given));
    layers.push({ view, warp: warperOf(view, shape.bands, block, mostCells / part.rasters.length) });
  }
  if (seams === 'last') layers.reverse();
  const tile = async (node: Node, room: () => Cells): Promise<Cells | undefined> => {
    const window = windowOf(node, pyramid);
    const blended = blend(seams, window.width * window.height, shape.bands.length);
    for (const { view, warp } of layers) {
      context.signal.throwIfAborted();
      if (blended.isFull()) break;
      const values = await warp(window);
      if (values) blended.add(values, seams === 'feather' ? depthsOf(view, window) : undefined);
    }
    return store(blended.values(), window, pyramid, room());
  };
  return makeBlock(part, pyramid, tile, context);
}

/** Values of bands as cells of a tile, side by side in `out`, which is empty; undefined where there is none. */
function store(
  bands: readonly Float64Array[],
  { width, height }: { readonly width: number; readonly height: number },
  { type, side, nodata = NaN }: Pyramid,
  out: Cells,
): Cells | undefined {
  const line = new cellArrays[type](width);
  let found = 0;
  for (const [k, values] of bands.entries())
    for (let y = 0; y < height; y++) {
      const row = values.subarray(y * width, (y + 1) * width);
      if (bands.length === 1) found += storeRun(row, width, 1, out, y * side, type, nodata);
      else {
        found += storeRun(row, width, 1, line, 0, type, nodata);
        for (let x = 0, at = y * side * bands.length + k; x < width; x++, at += bands.length)
          out[at] = line[x]!;
      }
    }
  return found > 0 ? out : undefined;
}

/** Writes the mosaic: its grid as planned, bands and colours of the first raster. */
export async function writeJoined(
  result: Products,
  inputs: JoinInputs,
  given: JoinGiven,
  output: Output,
  context: Context,
): Promise<void> {
  const { rasters, grid } = await placedOn(inputs, given, (dataset) => context.open(dataset));
  const shape = shapeOf(rasters, given);
  const { raster } = rasters[0]!;
  const { bands } = shape;
  const hasColors = bands.length === 3 || (bands.length === 4 && bands[3] === raster.alpha);
  const isColor = raster.isColor && hasColors && bands.every((band, i) => band === i);
  const told = {
    name: 'raster',
    pyramid: pyramidOf(grid, shape, given),
    transform: grid.transform,
    bands: bands.map((band) => raster.bands[band]!),
    isColor,
    ...(raster.palette && bands.length === 1 ? { palette: raster.palette } : {}),
    ...(grid.crs ? { crs: grid.crs } : {}),
  };
  await writeProducts(result, [told], output, context);
}
