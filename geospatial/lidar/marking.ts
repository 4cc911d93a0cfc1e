/** Points get the classes that the ground and the noise give them. */
import type { Context, Dataset } from '../../core/job.ts';
import type { Points } from '../kernels/codec.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Ground } from '../kernels/ground.ts';
import { classify } from '../kernels/ground.ts';
import type { PointSet } from '../kernels/outliers.ts';
import { type Earth, type GroundParams, marksOf } from './ground.ts';
import { noiseOf } from './noise.ts';
import type { Shape } from './shape.ts';

const noiseClass = 7;

type Given = GroundParams & { readonly grid: Grid; readonly earth: Earth | null };

/** Sets the classes of points in the form of `shape`: 7 for noise, 2 on the ground, 1 elsewhere; those of classes that are ignored stay. */
export async function markPoints(
  points: Points,
  shape: Shape,
  given: Given,
  noise: readonly Dataset[] | undefined,
  context: Pick<Context, 'get' | 'open'>,
): Promise<void> {
  const mark = await markerOf(shape, given, noise, context, await around(points, shape, given, context));
  mark(points);
}

/** What marks points as `markPoints` does, at once, with the ground that is given: `wholeGround`, say. */
export async function markerOf(
  shape: Shape,
  given: Given,
  noise: readonly Dataset[] | undefined,
  context: Pick<Context, 'get' | 'open'>,
  ground: Ground,
): Promise<(points: Points) => void> {
  const set = await noiseOf(noise, context);
  const { isGroundReturn, isIgnored } = marksOf(given);
  const isLimit = given.method === 'pmf';
  return (points) => {
    classify(points, shape, given.grid, ground, given, isGroundReturn, isIgnored, isLimit);
    if (set) markNoise(points, set, isIgnored);
  };
}

function markNoise({ x, y, z, classes, count }: Points, set: PointSet, isIgnored: Uint8Array): void {
  for (let i = 0; i < count; i++)
    if (isIgnored[classes[i]!] === 0 && set.has(x[i]!, y[i]!, z[i]!)) classes[i] = noiseClass;
}

/** The rows of the ground that lie around some points, as a raster of its own. */
function around(
  points: Points,
  { scale, offset }: Shape,
  given: Given,
  context: Pick<Context, 'get'>,
): Promise<Ground> {
  const { north, cell, height } = given.grid;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < points.count; i++) {
    const y = points.y[i]!;
    if (y < low) low = y;
    if (y > high) high = y;
  }
  const rowOf = (raw: number): number => (north - (raw * scale[1] + offset[1])) / cell;
  const top = Math.max(0, Math.min(height - 1, Math.floor(rowOf(high)) - 1));
  const bottom = Math.max(top + 1, Math.min(height, Math.ceil(rowOf(low)) + 2));
  return rowsOf(given, top, bottom, context);
}

/** All of the ground. */
export const wholeGround = (given: Given, context: Pick<Context, 'get'>): Promise<Ground> =>
  rowsOf(given, 0, given.grid.height, context);

async function rowsOf(
  { grid: { width }, earth }: Given,
  top: number,
  bottom: number,
  context: Pick<Context, 'get'>,
): Promise<Ground> {
  const read = async (plane: Earth['heights']): Promise<Float32Array> => {
    const bytes = await context.get(plane, 4 * width * top, 4 * width * bottom);
    return new Float32Array(new Uint8Array(bytes).buffer);
  };
  return { top, heights: await read(earth!.heights), slopes: await read(earth!.slopes) };
}
