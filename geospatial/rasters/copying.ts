/** What a copy of a raster is: which bands, where nothing is and how the file says so, how tiles are stored. What satellite/cog asks and tells. */
import { BadUsage } from '../../core/errors.ts';
import { choice, flag, integers, text } from '../../core/params.ts';
import type { RasterFile } from '../formats/geotiff.ts';
import { overviews, smoothings } from '../kernels/overview.ts';
import { cellArrays, type Coding, isFloat, type Pyramid, pyramidOver } from '../kernels/pyramid.ts';
import { usualNodata } from '../kernels/store.ts';
import type { Told } from './mosaics.ts';

/** Of all levels of the copy. Plain JSON. */
export type Shape = Omit<Pyramid, 'levels' | 'nodata' | 'masked'> & {
  readonly width: number;
  readonly height: number;
  /** Text, as JSON has no NaN. */
  readonly nodata?: string;
  /** What becomes of cells that the source hides. */
  readonly hidden: Hidden;
};
/** A mask beside the image, 0 in a band of their own, `nodata`; none where the source hides nothing but by its own alpha or nodata. */
type Hidden = 'mask' | 'alpha' | 'nodata' | 'none';

export const copyParams = {
  bands: integers('bands to keep, in this order; all unless given', { min: 1 }),
  block: choice(['512', '256', '128', '1024'], 'cells along the side of a tile'),
  overview: choice(
    ['auto', ...overviews, ...smoothings],
    'how cells become one of the next level: the mean, the first or the most frequent of four (mode for classes), or a kernel over 4 x 4 or 8 x 8; auto is the mean, of palettes the first',
  ),
  nodata: text(
    'the value of cells that are none, where the file does not say',
    '-9999',
    /^(-?\d+(\.\d+)?([eE][-+]?\d+)?|nan)$/i,
  ),
  mask: choice(
    ['keep', 'mask', 'alpha', 'nodata'],
    'where the file hides cells: by a mask or alpha as it does itself, by a mask, by a band of alpha, or by a value',
  ),
  compress: choice(['deflate', 'zstd'], 'how tiles are compressed; not all readers have zstd'),
  predictor: choice(
    ['auto', 'none'],
    'differences between neighbours before that, of whole numbers (2) or floats (3), or cells as they are',
  ),
  statistics: flag(
    'least, greatest, mean, deviation and share of valid cells of each band in the file, exact',
  ),
};
export type CopyGiven = {
  readonly bands: readonly number[];
  readonly block: string;
  readonly overview: Pyramid['overview'] | 'auto';
  readonly nodata: string;
  readonly mask: 'keep' | 'mask' | 'alpha' | 'nodata';
  readonly compress: Coding['compression'];
  readonly predictor: 'auto' | 'none';
  readonly statistics: boolean;
};

const hiddenOf = ({ hasMask, alpha }: RasterFile, { mask }: CopyGiven): Hidden => {
  if (!hasMask || (alpha !== undefined && (mask === 'keep' || mask === 'alpha'))) return 'none';
  return mask === 'keep' ? 'mask' : mask;
};

/** Bands of the source that are kept, from 0; alpha is none where it becomes something else. @throws BadUsage for bands that it does not have */
export function bandsOf(raster: RasterFile, given: CopyGiven, name: string): number[] {
  const most = raster.bands.length;
  const { bands } = given;
  const wrong = bands.find((band) => band > most);
  if (wrong !== undefined)
    throw new BadUsage(`option bands: found ${wrong}, expected 1 to ${most}, the bands of ${name}`);
  const kept = bands.length > 0 ? bands.map((band) => band - 1) : raster.bands.map((_, band) => band);
  const own = hiddenOf(raster, given) === 'none' ? kept : kept.filter((band) => band !== raster.alpha);
  if (own.length === 0)
    throw new BadUsage(
      `option bands: found alpha alone, expected a band of ${name} beside it, or --mask keep`,
    );
  return own;
}

/** @throws BadUsage for bands that the source does not have, values that its type does not hold, and means of a palette */
export function shapeOf(raster: RasterFile, given: CopyGiven, name: string): Shape {
  const { width, height, type } = raster;
  const bands = bandsOf(raster, given, name);
  const hidden = hiddenOf(raster, given);
  if (hidden === 'alpha' && opaqueOf(type) === undefined)
    throw new BadUsage(`option mask: found alpha, expected mask or nodata for the ${type} cells of ${name}`);
  const wanted = Number(given.nodata);
  const told = given.nodata === '' ? raster.nodata : cellArrays[type].of(wanted)[0]!;
  const isHeld = told === wanted || (isFloat(type) && Math.fround(wanted) === told) || wanted !== wanted;
  if (given.nodata !== '' && !isHeld)
    throw new BadUsage(`option nodata: found ${given.nodata}, expected a value that ${type} holds`);
  const nodata = told ?? (hidden === 'nodata' ? usualNodata(type) : undefined);
  const isUsual = given.compress === 'deflate' && given.predictor === 'auto';
  return {
    width,
    height,
    type,
    hidden,
    empty: 0,
    side: Number(given.block),
    bands: bands.length + (hidden === 'alpha' || hidden === 'mask' ? 1 : 0),
    overview: overviewOf(raster, given, name),
    ...(isAlphaLast(raster, bands, hidden) ? { alpha: true } : {}),
    ...(nodata === undefined || hidden === 'alpha' ? {} : { nodata: String(nodata) }),
    ...(isUsual ? {} : { coding: { compression: given.compress, predictor: given.predictor === 'auto' } }),
  };
}

/** Whether the last band of the copy is alpha, beside others. */
const isAlphaLast = ({ alpha }: RasterFile, bands: readonly number[], hidden: Hidden): boolean =>
  hidden === 'alpha' ||
  (alpha !== undefined && bands.length > 1 && bands.indexOf(alpha) === bands.length - 1);

/** Numbers of colours have no mean. */
function overviewOf({ palette }: RasterFile, { overview }: CopyGiven, name: string): Pyramid['overview'] {
  if (overview === 'auto') return palette ? 'nearest' : 'average';
  if (palette && overview !== 'nearest' && overview !== 'mode')
    throw new BadUsage(
      `option overview: found ${overview}, expected nearest or mode for the palette of ${name}`,
    );
  return overview;
}

/** What alpha is where nothing is seen through; undefined for types that it does not come in. */
export const opaqueOf = (type: Pyramid['type']): number | undefined =>
  type === 'Uint8' ? 255 : type === 'Uint16' ? 65_535 : undefined;

export function pyramidOf({ nodata, hidden, ...shape }: Shape): Pyramid {
  const masked = hidden === 'mask' ? { masked: true } : {};
  if (nodata === undefined) return pyramidOver(shape, { ...shape, ...masked });
  const value = Number(nodata);
  return pyramidOver(shape, { ...shape, ...masked, nodata: value, empty: value });
}

/** What the copy tells of kept bands, their names, units and colours, and of the place. */
export function toldOf(raster: RasterFile, given: CopyGiven, name: string): Told {
  const { isColor, palette, transform, crs } = raster;
  const shape = shapeOf(raster, given, name);
  const bands = bandsOf(raster, given, name);
  const isFirst = bands[0] === 0 && bands[1] === 1 && bands[2] === 2;
  const isMade = shape.hidden === 'alpha';
  return {
    name: 'raster',
    pyramid: pyramidOf(shape),
    bands: [...bands.map((band) => raster.bands[band]!), ...(isMade ? [{}] : [])],
    isColor: isColor && isFirst,
    hasAlpha: isAlphaLast(raster, bands, shape.hidden),
    ...(palette && bands.length === 1 ? { palette } : {}),
    ...(transform ? { transform } : {}),
    ...(crs ? { crs } : {}),
  };
}
