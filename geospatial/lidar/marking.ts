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

/** Sets the classes of points in the form of `shape`: 7 for noise, 2 on the ground, 1 elsewhere; those of classes that are ignored stay. */
export async function markPoints(
  points: Points,
  shape: Shape,
  given: GroundParams & { readonly grid: Grid; readonly earth: Earth | null },
  noise: readonly Dataset[] | undefined,
  context: Pick<Context, 'get' | 'open'>,
): Promise<void> {
  const set = await noiseOf(noise, context);
  const ground = await around(points, shape, given.grid, given.earth!, context);
  const { isGroundReturn, isIgnored } = marksOf(given);
  const isLimit = given.method === 'pmf';
  classify(points, shape, given.grid, ground, given, isGroundReturn, isIgnored, isLimit);
  if (set) markNoise(points, set, isIgnored);
}

function markNoise({ x, y, z, classes, count }: Points, set: PointSet, isIgnored: Uint8Array): void {
  for (let i = 0; i < count; i++)
    if (isIgnored[classes[i]!] === 0 && set.has(x[i]!, y[i]!, z[i]!)) classes[i] = noiseClass;
}

/** The rows of the ground that lie around some points, as a raster of its own. */
async function around(
  points: Points,
  { scale, offset }: Shape,
  grid: Grid,
  { heights, slopes }: Earth,
  context: Pick<Context, 'get'>,
): Promise<Ground> {
  const { north, cell, width, height } = grid;
  let [low, high] = [Infinity, -Infinity];
  for (const y of points.y) {
    if (y < low) low = y;
    if (y > high) high = y;
  }
  const rowOf = (raw: number): number => (north - (raw * scale[1] + offset[1])) / cell;
  const top = Math.max(0, Math.min(height - 1, Math.floor(rowOf(high)) - 1));
  const bottom = Math.max(top + 1, Math.min(height, Math.ceil(rowOf(low)) + 2));
  const rows = async (plane: Earth['heights']): Promise<Float32Array> => {
    const bytes = await context.get(plane, 4 * width * top, 4 * width * bottom);
    return new Float32Array(new Uint8Array(bytes).buffer);
  };
  return { top, heights: await rows(heights), slopes: await rows(slopes) };
}
