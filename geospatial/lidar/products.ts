/** What a raster of points can hold, and what of the points each of these needs. */
import { number, type Values, words } from '../../core/params.ts';
import type { Stat } from '../kernels/piece.ts';
import { type Pyramid, pyramidOver } from '../kernels/pyramid.ts';
import type { Statistic } from '../kernels/samples.ts';
import type { Grid } from '../kernels/grid.ts';
import { noHeight } from '../kernels/tile.ts';

/** What binning keeps: a statistic of the heights or intensities of a cell's points that are selected, or these points themselves; where classes are named those of them, selected or not. */
export type Layer = {
  readonly stat: Stat;
  readonly value: 'z' | 'intensity';
  readonly classes?: readonly number[];
};

/**
 * `cells`: a layer is all that it needs. `sampled`: a statistic of points themselves. `ground`, `canopy`, `pitfree`: drawn from the points of tiles and of those around them.
 */
type Kind = 'cells' | 'sampled' | 'ground' | 'canopy' | 'pitfree';
type Meaning = { readonly kind: Kind; readonly statistic: Statistic; readonly value: 'z' | 'intensity' };

const cells = (statistic: Statistic, value: Meaning['value'] = 'z'): Meaning => ({
  kind: 'cells',
  statistic,
  value,
});
const meanings = {
  dsm: cells('max'),
  max: cells('max'),
  min: cells('min'),
  mean: cells('mean'),
  count: cells('count'),
  density: cells('count'),
  intensity: cells('mean', 'intensity'),
  stdev: { ...cells('stdev'), kind: 'sampled' },
  idw: { ...cells('idw'), kind: 'sampled' },
  dtm: { ...cells('max'), kind: 'ground' },
  chm: { ...cells('max'), kind: 'canopy' },
  pitfree: { ...cells('max'), kind: 'pitfree' },
} as const satisfies { readonly [name: string]: Meaning };
export type Product = keyof typeof meanings | `p${number}`;

const percentile = /^p([1-9]\d?)$/;

/** Options that say what cells hold. */
export const productParams = {
  product: words(
    Object.keys(meanings),
    'dsm',
    'what cells hold, by name: dsm or max (highest point), min, mean, stdev, p1 to p99 (percentiles), idw (weighted by nearness to the middle), count, density (points an area), intensity (mean), dtm (ground, a net of triangles), chm (highest point above it), pitfree (chm without pits, Khosravipour 2014); several give a file each',
    percentile,
  ),
  radius: number(
    0,
    'count points nearer to the middle of a cell than this, as writers.gdal does; 0 is those in it',
    {
      unit: 'CRS units',
      min: 0,
    },
  ),
  power: number(1, 'of idw: weights are 1 / distance^power', { min: 0 }),
  gap: number(50, 'radius of the largest circle without ground that is drawn across', {
    unit: 'CRS units',
    min: 0,
  }),
  span: number(
    1,
    'of pitfree: radius of the largest circle between points of trees that is no gap between them',
    {
      unit: 'CRS units',
      min: 0,
    },
  ),
};
export type ProductOptions = Values<typeof productParams> & { readonly above: boolean };

/** What is asked for, in the order of `--product`. */
export const productsOf = (given: string): Product[] => given.split(',') as Product[];

/** A product: how it is made of layer number `layer`, -1 of the ground alone. */
export type Made = Meaning & { readonly name: Product; readonly layer: number };

/** Products, the layers that they need, and which layer has the points of the ground; -1 where none is needed. */
export type Layout = {
  readonly products: readonly Made[];
  readonly layers: readonly Layer[];
  readonly ground: number;
};

/** What to bin for the products that are asked for; no layer stands twice. `classes` are those of the ground. */
export function layoutOf(
  { product, radius, above }: Pick<ProductOptions, 'product' | 'radius' | 'above'>,
  classes: readonly number[] = [],
): Layout {
  const layers: Layer[] = [];
  const numberOf = (layer: Layer): number => {
    const found = layers.findIndex(({ stat, value }) => stat === layer.stat && value === layer.value);
    return found < 0 ? layers.push(layer) - 1 : found;
  };
  const products = productsOf(product).map((name): Made => {
    const meaning: Meaning = percentile.test(name)
      ? { kind: 'sampled', statistic: name as Statistic, value: 'z' }
      : meanings[name as keyof typeof meanings];
    const { value } = meaning;
    const isSampled = meaning.kind === 'cells' && (radius > 0 || (above && value === 'z'));
    const kind = isSampled ? 'sampled' : meaning.kind;
    if (kind === 'ground') return { name, ...meaning, layer: -1 };
    const stat: Stat = kind === 'cells' ? (meaning.statistic as Stat) : 'spots';
    return { name, ...meaning, kind, layer: numberOf({ stat, value }) };
  });
  const needsGround = products.some(
    ({ kind, value }) =>
      kind === 'ground' ||
      kind === 'canopy' ||
      kind === 'pitfree' ||
      (above && value === 'z' && kind === 'sampled'),
  );
  const ground = needsGround ? layers.push({ stat: 'spots', value: 'z', classes }) - 1 : -1;
  return { products, layers, ground };
}

/** Heights and intensities have a nodata value; where there are no points their number is simply 0. */
export function pyramidOf(grid: Grid, product: Product): Pyramid {
  if (product === 'count') return pyramidOver(grid, { type: 'Uint32', empty: 0 });
  if (product === 'density') return pyramidOver(grid, { type: 'Float32', empty: 0 });
  return pyramidOver(grid, { type: 'Float32', empty: noHeight, nodata: noHeight });
}
