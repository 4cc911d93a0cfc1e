/** Options of jobs that write a raster: type of its cells, and how overviews are made. */
import { choice, number, text } from '../../core/params.ts';
import { BadUsage } from '../../core/errors.ts';
import type { Lattice } from './scenes.ts';
import { type CellType, type Pyramid, pyramidOver } from '../kernels/pyramid.ts';
import { usualNodata } from '../kernels/store.ts';
import { overviews } from '../kernels/overview.ts';

const types = {
  float32: 'Float32',
  float64: 'Float64',
  int16: 'Int16',
  uint16: 'Uint16',
  uint8: 'Uint8',
  int32: 'Int32',
  uint32: 'Uint32',
} as const satisfies { readonly [name: string]: CellType };
const names = Object.keys(types) as [keyof typeof types, ...(keyof typeof types)[]];

const bboxParam = text(
  'only cells that meet this box, in units of the CRS of the raster: west,south,east,north',
  '600000,4990000,620000,5000000',
  /^(-?\d+(\.\d+)?([eE][-+]?\d+)?)(,-?\d+(\.\d+)?([eE][-+]?\d+)?){3}$/,
);

export const outputParams = {
  dtype: choice(names, 'type of cells'),
  factor: number(1, 'cells are values times this, say 10000 with --dtype int16'),
  overview: choice(overviews, 'how four cells become one of the next level'),
  bbox: bboxParam,
};

/** The pyramid of a raster that holds values of `--dtype`. */
export function pyramidOfOutput(
  size: { readonly width: number; readonly height: number },
  given: { readonly dtype: keyof typeof types; readonly overview: Pyramid['overview'] },
  bands = 1,
): Pyramid {
  const type = types[given.dtype];
  const nodata = usualNodata(type);
  return pyramidOver(size, { type, nodata, empty: nodata, overview: given.overview, bands });
}

/**
 * The cells of a lattice that meet `bbox`; all for an empty text.
 * @throws BadUsage for a box that meets none
 */
export function croppedTo(lattice: Lattice, bbox: string): Lattice {
  if (bbox === '') return lattice;
  const { transform, width, height } = lattice;
  const [a, , c, , e, f] = transform;
  const [west, south, east, north] = bbox.split(',').map(Number) as [number, number, number, number];
  // A box that ends at the edge of a cell takes no other.
  const span = (first: number, second: number, size: number): [number, number] => {
    const [low, high] = [Math.min(first, second), Math.max(first, second)];
    const slack = 1e-6;
    return [Math.max(0, Math.floor(low + slack)), Math.min(size, Math.ceil(high - slack))];
  };
  const [left, right] = span((west - c) / a, (east - c) / a, width);
  const [top, bottom] = span((north - f) / e, (south - f) / e, height);
  if (!(right > left && bottom > top))
    throw new BadUsage(
      `option bbox: found ${bbox}, expected a box that meets the raster (${[c, f + e * height, c + a * width, f].join(',')})`,
    );
  return {
    ...lattice,
    width: right - left,
    height: bottom - top,
    transform: [a, 0, c + a * left, 0, e, f + e * top],
  };
}
