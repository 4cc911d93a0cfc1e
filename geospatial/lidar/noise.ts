/** Noise among points: how it is looked for tile by tile, and the table of what was found. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset, Stored } from '../../core/job.ts';
import { type Grid, tileSide } from '../kernels/grid.ts';
import { mergeMoments, type Moments } from '../kernels/moments.ts';
import { type PointSet, pointSet } from '../kernels/outliers.ts';
import type { Cloud } from './clouds.ts';
import { commonBounds } from './clouds.ts';
import type { GroundParams } from './ground.ts';
import type { Shape } from './shape.ts';

/** Raw coordinates, by the scale and offset of all files' common shape: points at one place are all noise, or none is. */
export type NoiseTable = {
  readonly x: Int32Array<ArrayBuffer>;
  readonly y: Int32Array<ArrayBuffer>;
  readonly z: Int32Array<ArrayBuffer>;
};
export const noNoise = (): NoiseTable => ({ x: new Int32Array(), y: new Int32Array(), z: new Int32Array() });

/** What looking comes to. Of `statistical` moments of mean distances, and where those of a tile's points lie, in the order of its pieces: i32 each. */
export type Found = {
  readonly points: number;
  readonly noise: NoiseTable;
  readonly moments: Moments | null;
  readonly tiles: readonly { readonly column: number; readonly row: number; readonly distances: Stored }[];
};
export const nothingFound: Found = { points: 0, noise: noNoise(), moments: null, tiles: [] };
export const foundCodec = columns<Found>();

/** All that was found, in order. */
export function joinFound(all: readonly Found[]): Found {
  const moments = all.flatMap((found) => found.moments ?? []);
  return {
    points: all.reduce((sum, { points }) => sum + points, 0),
    noise: joinNoise(all.map(({ noise }) => noise)),
    moments: moments.length === 0 ? null : mergeMoments(moments),
    tiles: all.flatMap(({ tiles }) => tiles),
  };
}

const joinNoise = (all: readonly NoiseTable[]): NoiseTable => {
  const join = (name: 'x' | 'y' | 'z'): Int32Array<ArrayBuffer> => {
    const out = new Int32Array(all.reduce((sum, table) => sum + table[name].length, 0));
    let at = 0;
    for (const table of all) {
      out.set(table[name], at);
      at += table[name].length;
    }
    return out;
  };
  return { x: join('x'), y: join('y'), z: join('z') };
};

/** Where one looks: `spacing` is the mean distance of neighbours if points were spread evenly; none farther than `reach` is looked for. */
export type Look = { readonly cell: number; readonly spacing: number; readonly reach: number };

// A tile holds so many points where they are spread evenly.
const pointsATile = 2 ** 17;
const neighboursAway = 32;

/** How to look among some clouds; it follows from their headers alone. */
export function lookOf(clouds: readonly Cloud[], given: GroundParams): Look {
  const { min, max } = commonBounds(clouds.map(({ las }) => las));
  const count = clouds.reduce((sum, { las }) => sum + las.count, 0);
  const area = Math.max(max[0] - min[0], 1e-6) * Math.max(max[1] - min[1], 1e-6);
  const spacing = Math.sqrt(area / count);
  const reach = neighboursAway * spacing;
  const around = given.noise === 'elm' ? given['elm-cell'] : reach;
  const side = Math.max(Math.sqrt(pointsATile) * spacing, 2 * around);
  return { cell: 2 ** Math.ceil(Math.log2(side / tileSide)), spacing, reach };
}

/** Mean distances are kept as whole numbers of this, so that sums of them are exact. */
export const unitOf = ({ reach }: Pick<Look, 'reach'>): number => reach / 2 ** 30;

/** The raw coordinate of a shape. */
export const rawOf = (value: number, axis: 0 | 1 | 2, { scale, offset }: Shape): number =>
  Math.round((value - offset[axis]) / scale[axis]);

/** The points that were found, of the result of a job; undefined where nobody looked. */
export async function noiseOf(
  datasets: readonly Dataset[] | undefined,
  context: Pick<Context, 'open'>,
): Promise<PointSet | undefined> {
  const [dataset] = datasets ?? [];
  if (!dataset) return undefined;
  const source = await context.open(dataset);
  const { x, y, z } = foundCodec.decode(await source.read(0, source.size)).noise;
  return x.length === 0 ? undefined : pointSet(x, y, z);
}

/** Tiles of a grid, row by row. */
export function tilesOf({ width, height }: Grid): { column: number; row: number }[] {
  const [across, down] = [Math.ceil(width / tileSide), Math.ceil(height / tileSide)];
  return Array.from({ length: across * down }, (_, i) => ({
    column: i % across,
    row: Math.floor(i / across),
  }));
}
