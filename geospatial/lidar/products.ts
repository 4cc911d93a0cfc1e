/** What a raster of points can hold. */
import { words } from '../../core/params.ts';
import type { Stat } from '../kernels/piece.ts';
import type { Pyramid } from '../kernels/pyramid.ts';
import { levels } from '../formats/cog.ts';
import type { Grid } from '../kernels/grid.ts';
import { noHeight } from '../kernels/tile.ts';

/** A statistic of the heights or intensities of a cell's points, or points themselves; of some classes, where these are named. */
export type Layer = {
  readonly stat: Stat;
  readonly value: 'z' | 'intensity';
  readonly classes?: readonly number[];
};

const layers = {
  dsm: { stat: 'max', value: 'z' },
  max: { stat: 'max', value: 'z' },
  min: { stat: 'min', value: 'z' },
  mean: { stat: 'mean', value: 'z' },
  count: { stat: 'count', value: 'z' },
  density: { stat: 'count', value: 'z' },
  intensity: { stat: 'mean', value: 'intensity' },
  // What is drawn from the points of tiles and of those around them.
  dtm: { stat: 'spots', value: 'z', classes: [] },
  chm: { stat: 'spots', value: 'z' },
} as const satisfies { readonly [name: string]: Layer };
export type Product = keyof typeof layers;

const names = Object.keys(layers) as Product[];

/** What is asked for, in the order of `--product`. */
export const productsOf = (given: string): Product[] => given.split(',') as Product[];
export const layerOf = (product: Product): Layer => layers[product];
export const isRelief = (product: Product): boolean => layers[product].stat === 'spots';

/** The layers of products, in their order, and behind them the points of the ground, where any product needs them. `dtm` has none of its own. */
export function layersOf(given: string, ground: readonly number[]): Layer[] {
  const wanted = productsOf(given);
  const own = wanted.map(layerOf);
  return wanted.some(isRelief) ? [...own, { stat: 'spots', value: 'z', classes: ground }] : own;
}

/** The option: names with commas between. */
export const productParam = words(
  names,
  'dsm',
  'what cells hold, by name: dsm or max (highest point), min, mean, count, density (points an area), intensity (mean), dtm (ground, a net of triangles), chm (height above it); several give a file each',
);

/** Heights and intensities have a nodata value; where there are no points their number is simply 0. */
export function pyramidOf(grid: Grid, product: Product): Pyramid {
  const shape = { levels: levels(grid) };
  if (product === 'count') return { ...shape, type: 'Uint32', empty: 0 };
  if (product === 'density') return { ...shape, type: 'Float32', empty: 0 };
  return { ...shape, type: 'Float32', empty: noHeight, nodata: noHeight };
}
