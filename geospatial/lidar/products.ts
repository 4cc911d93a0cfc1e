/** What a raster of points can hold. */
import type { Param } from '../../core/params.ts';
import type { Stat } from '../kernels/piece.ts';
import type { Pyramid } from '../kernels/pyramid.ts';
import { levels } from '../formats/cog.ts';
import type { Grid } from '../kernels/grid.ts';
import { noHeight } from '../kernels/tile.ts';

/** A statistic of the heights or intensities of a cell's points. */
export type Layer = { readonly stat: Stat; readonly value: 'z' | 'intensity' };

const layers = {
  dsm: { stat: 'max', value: 'z' },
  max: { stat: 'max', value: 'z' },
  min: { stat: 'min', value: 'z' },
  mean: { stat: 'mean', value: 'z' },
  count: { stat: 'count', value: 'z' },
  density: { stat: 'count', value: 'z' },
  intensity: { stat: 'mean', value: 'intensity' },
} as const satisfies { readonly [name: string]: Layer };
export type Product = keyof typeof layers;

const names = Object.keys(layers) as Product[];

/** What is asked for, in the order of `--product`. */
export const productsOf = (given: string): Product[] => given.split(',') as Product[];
export const layerOf = (product: Product): Layer => layers[product];

const isProducts = (v: unknown): v is string => {
  if (typeof v !== 'string') return false;
  const found = v.split(',');
  return found.every((name) => names.includes(name as Product)) && new Set(found).size === found.length;
};

/** The option: names with commas between. */
export const productParam: Param<string> = {
  default: 'dsm',
  doc: 'what cells hold, by name: dsm or max (highest point), min, mean, count, density (points an area), intensity (mean); several give a file each',
  hint: 'dsm,...',
  expected: `some of ${names.join(', ')}, each once, with commas between`,
  parse: (text) => text,
  check: isProducts,
};

/** Heights and intensities have a nodata value; where there are no points their number is simply 0. */
export function pyramidOf(grid: Grid, product: Product): Pyramid {
  const shape = { levels: levels(grid) };
  if (product === 'count') return { ...shape, type: 'Uint32', empty: 0 };
  if (product === 'density') return { ...shape, type: 'Float32', empty: 0 };
  return { ...shape, type: 'Float32', empty: noHeight, nodata: noHeight };
}
