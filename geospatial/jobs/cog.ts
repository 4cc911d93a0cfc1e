/** satellite/cog: a raster as a Cloud-Optimized GeoTIFF, its cells as they are. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { openRaster } from '../formats/geotiff.ts';
import { type Reading, readWindow } from '../formats/reading.ts';
import type { Window } from '../kernels/window.ts';
import { type ExactMoments, momentsTaker } from '../kernels/exactmoments.ts';
import { isSmooth } from '../kernels/overview.ts';
import { areEmpty, type Cells, emptyCells, type Node, type Pyramid } from '../kernels/pyramid.ts';
import { type Block, blockMemory, blocksOver, makeBlock, tilesOf, windowOf } from '../rasters/blocks.ts';
import { bandsOf, copyParams, opaqueOf, pyramidOf, type Shape, shapeOf, toldOf } from '../rasters/copying.ts';
import { mergeProducts, type Products, writeProducts } from '../rasters/mosaics.ts';
import { makeSmoothBlock, readingOf } from '../rasters/smoothblocks.ts';

type Inputs = { raster: readonly [Dataset] };
/** A block, what to read of it, and what the pyramid of all is. */
type Part = Block & { readonly pyramid: Shape; readonly reading: Reading; readonly mask?: Reading };

const windowOfBlock = (block: Block, pyramid: Pyramid): Window =>
  windowOf({ level: block.top, column: block.column, row: block.row }, pyramid);

export const cog = define<Inputs, typeof copyParams, Part, Products>({
  name: 'satellite/cog',
  version: 3,
  doc: 'a raster as a Cloud-Optimized GeoTIFF with overviews (gdal_translate -of COG)',
  examples: [
    '--raster scene.tif --out scene.cog.tif',
    '--raster classes.tif --overview mode --block 256 --out classes.cog.tif',
    '--raster dem.tif --overview cubic --compress zstd --statistics --out dem.cog.tif',
  ],
  inputs: { raster: { doc: 'a GeoTIFF', formats: ['tif', 'tiff'] } },
  params: copyParams,
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
    const { overview } = pyramid;
    const parts: Part[] = [];
    for (const block of blocksOver(pyramid, split)) {
      const window = isSmooth(overview) ? readingOf(block, pyramid, overview) : windowOfBlock(block, pyramid);
      const mask = shape.hidden === 'none' ? undefined : await raster.planMask(window);
      const reading = await raster.plan(bands, window);
      parts.push({ ...block, pyramid: shape, reading, ...(mask ? { mask } : {}) });
    }
    return { parts, records: tilesOf(pyramid), notes: raster.note === '' ? [] : [raster.note] };
  },
  pace: 40,
  memory({ top, pyramid: shape, reading: { width, height, bands } }) {
    const pyramid = pyramidOf(shape);
    const bytes = isSmooth(pyramid.overview) ? 24 : 10;
    return blockMemory(top, pyramid) + bytes * width * height * (bands.length + 1);
  },

  async kernel(part, { raster: [dataset] }, given, context) {
    const { reading, pyramid: shape } = part;
    const pyramid = pyramidOf(shape);
    const { overview, side, bands: step } = pyramid;
    const source = await context.open(dataset);
    const bands = await readWindow(source, reading, pyramid.nodata ?? 0, dataset.uri);
    const mask = part.mask && (await readWindow(source, part.mask, 0, dataset.uri))[0]!;
    if (mask) hide(bands, mask, shape);
    const moments = given.statistics ? momentsIn(part, bands, mask) : undefined;
    /** Bands side by side, from `window` into `out`, whose rows are `line` places long. */
    const gather = ({ left, top, width, height }: Window, out: Cells, line: number): Cells => {
      for (const [k, band] of bands.entries())
        for (let y = 0; y < height; y++) {
          const from = (top - reading.top + y) * reading.width + left - reading.left;
          put(band, from, width, out, y * line * step + k, step);
        }
      return out;
    };
    const tile = async (node: Node, room: () => Cells): Promise<Cells | undefined> => {
      const out = gather(windowOf(node, pyramid), room(), side);
      return areEmpty(out, pyramid) ? undefined : out;
    };
    const whole = (): Cells =>
      gather(reading, emptyCells(reading.width * reading.height, pyramid), reading.width);
    const made = isSmooth(overview)
      ? await makeSmoothBlock(part, pyramid, overview, whole(), context)
      : await makeBlock(part, pyramid, tile, context);
    return moments ? { ...made, products: made.products.map((one) => ({ ...one, moments })) } : made;
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(result, output, { inputs, params: given }, context) {
    const [dataset] = inputs.raster;
    const raster = await openRaster(await context.open(dataset), dataset.uri);
    await writeProducts(result, [toldOf(raster, given, dataset.uri)], output, context);
  },
});

/** Writes into bands, or as one more, which cells the source hides. */
function hide(bands: Cells[], mask: Cells, { hidden, type, nodata }: Shape): void {
  if (hidden === 'nodata') {
    const none = Number(nodata);
    for (const band of bands) for (let i = 0; i < band.length; i++) if (mask[i] === 0) band[i] = none;
    return;
  }
  const shown = hidden === 'alpha' ? opaqueOf(type)! : 1;
  const own = new (bands[0]!.constructor as new (length: number) => Cells)(mask.length);
  for (let i = 0; i < own.length; i++) if (mask[i] !== 0) own[i] = shown;
  bands.push(own);
}

/** What the values of each band come to, in the block itself: of those that are not hidden, and of all of a band of alpha. */
function momentsIn(part: Part, bands: readonly Cells[], mask: Cells | undefined): ExactMoments[] {
  const { reading, pyramid: shape } = part;
  const pyramid = pyramidOf(shape);
  const { left, top, width, height } = windowOfBlock(part, pyramid);
  const { hidden } = shape;
  const own = hidden === 'mask' ? bands.slice(0, -1) : bands;
  return own.map((band, k) => {
    const isAlpha = hidden === 'alpha' && k === own.length - 1;
    const taker = momentsTaker();
    for (let y = 0; y < height; y++) {
      const from = (top - reading.top + y) * reading.width + left - reading.left;
      taker.add(band, from, width, pyramid.nodata, isAlpha ? undefined : mask);
    }
    return taker.moments();
  });
}

/** `count` cells of a band at every `step`-th place. */
function put(band: Cells, from: number, count: number, out: Cells, to: number, step: number): void {
  if (step === 1) out.set(band.subarray(from, from + count), to);
  else for (let i = 0, at = to; i < count; i++, at += step) out[at] = band[from + i]!;
}
