/** satellite/cog: a raster as a Cloud-Optimized GeoTIFF, its cells as they are. */
import { columns } from '../../core/codec.ts';
import { BadUsage } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, integers, text } from '../../core/params.ts';
import type { Raster } from '../formats/cog.ts';
import { openRaster, type RasterFile } from '../formats/geotiff.ts';
import { type Reading, readWindow } from '../formats/reading.ts';
import { overviews } from '../kernels/overview.ts';
import {
  type Cells,
  cellArrays,
  emptyTile,
  isFloat,
  type Node,
  type Pyramid,
  pyramidOver,
} from '../kernels/pyramid.ts';
import { usualNodata } from '../kernels/store.ts';
import { type Block, blockMemory, blocksOver, makeBlock, tilesOf, windowOf } from '../rasters/blocks.ts';
import { mergeProducts, type Products, writeProducts } from '../rasters/mosaics.ts';

type Inputs = { raster: readonly [Dataset] };
/** A block, what to read of it, and what the pyramid of all is. */
type Part = Block & { readonly pyramid: Shape; readonly reading: Reading; readonly mask?: Reading };
type Shape = Omit<Pyramid, 'levels' | 'nodata'> & {
  readonly width: number;
  readonly height: number;
  /** Text, as JSON has no NaN. */
  readonly nodata?: string;
  /** Cells of the mask become `nodata`, or 0 in a band of their own. */
  readonly masked: 'nodata' | 'alpha' | 'none';
};

const params = {
  bands: integers('bands to keep, in this order; all unless given', { min: 1 }),
  block: choice(['512', '256', '128', '1024'], 'cells along the side of a tile'),
  overview: choice(overviews, 'how four cells become one of the next level; mode for classes'),
  nodata: text(
    'the value of cells that are none, where the file does not say',
    '-9999',
    /^(-?\d+(\.\d+)?([eE][-+]?\d+)?|nan)$/i,
  ),
};
type Given = {
  readonly bands: readonly number[];
  readonly block: string;
  readonly overview: Pyramid['overview'];
  readonly nodata: string;
};

/** Bands from 0. */
function bandsOf(raster: RasterFile, { bands }: Given, name: string): number[] {
  const most = raster.bands.length;
  const wrong = bands.find((band) => band > most);
  if (wrong !== undefined)
    throw new BadUsage(`option bands: found ${wrong}, expected 1 to ${most}, the bands of ${name}`);
  return bands.length > 0 ? bands.map((band) => band - 1) : raster.bands.map((_, band) => band);
}

function shapeOf(raster: RasterFile, given: Given, name: string): Shape {
  const { width, height, type, alpha, isColor, hasMask } = raster;
  const bands = bandsOf(raster, given, name);
  const hasOwn = hasMask && alpha === undefined;
  const isImage = isColor && bands.length === 3 && type === 'Uint8';
  const masked = hasOwn ? (isImage ? 'alpha' : 'nodata') : 'none';
  const told = given.nodata === '' ? raster.nodata : cellArrays[type].of(Number(given.nodata))[0]!;
  const wanted = Number(given.nodata);
  if (
    given.nodata !== '' &&
    told !== wanted &&
    !(isFloat(type) && Math.fround(wanted) === told) &&
    wanted === wanted
  )
    throw new BadUsage(`option nodata: found ${given.nodata}, expected a value that ${type} holds`);
  const nodata = told ?? (masked === 'nodata' ? usualNodata(type) : undefined);
  return {
    width,
    height,
    type,
    masked,
    empty: 0,
    side: Number(given.block),
    bands: bands.length + (masked === 'alpha' ? 1 : 0),
    overview: given.overview,
    ...(nodata === undefined || masked === 'alpha' ? {} : { nodata: String(nodata) }),
  };
}

function pyramidOf({ nodata, ...shape }: Shape): Pyramid {
  if (nodata === undefined) return pyramidOver(shape, shape);
  const value = Number(nodata);
  return pyramidOver(shape, { ...shape, nodata: value, empty: value });
}

/** Of kept bands: what they are called and mean, their colours. */
function toldOf(
  raster: RasterFile,
  given: Given,
  shape: Shape,
  name: string,
): Partial<Raster> & { bands: Raster['bands'] } {
  const { isColor, palette, alpha, transform, crs } = raster;
  const bands = bandsOf(raster, given, name);
  const first = bands[0] === 0 && bands[1] === 1 && bands[2] === 2;
  const isAlphaLast =
    shape.masked === 'alpha' || (alpha !== undefined && bands.indexOf(alpha) === bands.length - 1);
  return {
    bands: [...bands.map((band) => raster.bands[band]!), ...(shape.masked === 'alpha' ? [{}] : [])],
    isColor: isColor && first,
    hasAlpha: isAlphaLast && bands.length + Number(shape.masked === 'alpha') > 1,
    ...(palette && bands.length === 1 ? { palette } : {}),
    ...(transform ? { transform } : {}),
    ...(crs ? { crs } : {}),
  };
}

export const cog = define<Inputs, typeof params, Part, Products>({
  name: 'satellite/cog',
  version: 2,
  doc: 'a raster as a Cloud-Optimized GeoTIFF with overviews (gdal_translate -of COG)',
  examples: [
    '--raster scene.tif --out scene.cog.tif',
    '--raster classes.tif --overview mode --block 256 --out classes.cog.tif',
  ],
  inputs: { raster: { doc: 'a GeoTIFF', formats: ['tif', 'tiff'] } },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'file',
  result: columns<Products>(),

  async partition({ raster: [dataset] }, given, split, planning) {
    const raster = await openRaster(await planning.open(dataset), dataset.uri);
    const bands = bandsOf(raster, given, dataset.uri);
    const shape = shapeOf(raster, given, dataset.uri);
    const pyramid = pyramidOf(shape);
    const parts: Part[] = [];
    for (const block of blocksOver(pyramid, split)) {
      const window = windowOf({ level: block.top, column: block.column, row: block.row }, pyramid);
      const mask = shape.masked === 'none' ? undefined : await raster.planMask(window);
      const reading = await raster.plan(bands, window);
      parts.push({ ...block, pyramid: shape, reading, ...(mask ? { mask } : {}) });
    }
    return { parts, records: tilesOf(pyramid), notes: raster.note === '' ? [] : [raster.note] };
  },
  pace: 40,
  memory: ({ top, pyramid, reading }) =>
    blockMemory(top, pyramidOf(pyramid)) + 10 * reading.width * reading.height * reading.bands.length,

  async kernel(part, { raster: [dataset] }, _given, context) {
    const pyramid = pyramidOf(part.pyramid);
    const source = await context.open(dataset);
    const bands = await readWindow(source, part.reading, pyramid.nodata ?? 0, dataset.uri);
    const mask = part.mask && (await readWindow(source, part.mask, 0, dataset.uri))[0]!;
    if (mask && part.pyramid.masked === 'alpha') bands.push(mask.map((valid) => (valid === 0 ? 0 : 255)));
    else if (mask)
      for (const band of bands)
        for (let i = 0; i < band.length; i++) if (mask[i] === 0) band[i] = pyramid.nodata!;
    const tile = async (node: Node): Promise<Cells | undefined> => {
      const { left, top, width, height } = windowOf(node, pyramid);
      const out = emptyTile(pyramid);
      for (const [k, band] of bands.entries())
        for (let y = 0; y < height; y++) {
          const from = (top - part.reading.top + y) * part.reading.width + left - part.reading.left;
          put(band, from, width, out, y * pyramid.side * pyramid.bands + k, pyramid.bands);
        }
      return isEmpty(out, pyramid.nodata) ? undefined : out;
    };
    return makeBlock(part, pyramid, tile, context);
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(result, output, { inputs, params: given }, context) {
    const [dataset] = inputs.raster;
    const raster = await openRaster(await context.open(dataset), dataset.uri);
    const shape = shapeOf(raster, given, dataset.uri);
    const told = toldOf(raster, given, shape, dataset.uri);
    await writeProducts(result, [{ name: 'raster', pyramid: pyramidOf(shape), ...told }], output, context);
  },
});

/** `count` cells of a band at every `step`-th place. */
function put(band: Cells, from: number, count: number, out: Cells, to: number, step: number): void {
  if (step === 1) out.set(band.subarray(from, from + count), to);
  else for (let i = 0, at = to; i < count; i++, at += step) out[at] = band[from + i]!;
}

/** Whether a tile may be left out: nothing but `nodata`, or but 0 where every number is a value. */
function isEmpty(cells: Cells, nodata = 0): boolean {
  for (let i = 0; i < cells.length; i++)
    if (cells[i] !== nodata && !(nodata !== nodata && cells[i] !== cells[i])) return false;
  return true;
}
