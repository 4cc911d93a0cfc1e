/** Scenes of one place, tile by tile on one grid: what of each is valid, and what becomes of a cell that several have. */
import { BadUsage } from '../../core/errors.ts';
import type { Context, Dataset, Source } from '../../core/job.ts';
import { type CompositeStatistic, percentile, reduceStack, statistics } from '../kernels/composite.ts';
import { dilate } from '../kernels/dilate.ts';
import { type Expression, parseExpression, runCells } from '../kernels/expression.ts';
import type { Resampling } from '../kernels/resample.ts';
import { openPlaced } from './joining.ts';
import { maskOf } from './masking.ts';
import type { Window } from '../kernels/window.ts';
import type { Lattice, Scene } from './scenes.ts';
import { bandNames, namesIn } from './scenetiles.ts';
import { type GridAsked, type PlacedRaster, targetGrid } from './targetgrid.ts';
import { type View, viewOf } from './view.ts';
import { meets, warperOf } from './warp.ts';

/** How a cell is made of scenes: of a statistic of its values, or of the one scene that is best there. */
export const methods = [...statistics, 'greenest', 'latest', 'clearest', 'first'] as const;

export type CompositeGiven = GridAsked & {
  readonly method: string;
  readonly mask: string;
  readonly dilation: number;
  readonly resampling: Resampling;
  readonly scenes: readonly Scene[];
};

const greenness = '(nir - red) / (nir + red)';

/** Bands that are written, the mask, what best scenes are found by, and all bands that are read. @throws BadUsage */
export function programOf({ scenes, mask: given, method }: CompositeGiven) {
  const [first] = scenes;
  if (!first) throw new BadUsage('--bands: found no scene, expected one or more');
  const mask = maskOf(given);
  const score = method === 'greenest' ? parseExpression(greenness) : undefined;
  const wanted = bandNames(first.layers, mask);
  if (wanted.length === 0) throw new BadUsage('--bands: found none beside the mask, expected one or more');
  if (method === 'latest' && scenes.some(({ datetime }) => datetime === undefined))
    throw new BadUsage(
      '--method latest: found scenes without a time, expected one each; give --scenes, or files with dates in their names',
    );
  return { mask, score, wanted, names: [...new Set([...wanted, ...namesIn([mask, score])])] };
}

/** Scenes in the order in which the first valid one is taken; that of the command line for the rest. */
export function orderOf(scenes: readonly Scene[], method: string): number[] {
  const order = Array.from(scenes.keys());
  if (method === 'latest')
    return order.sort((a, b) => scenes[b]!.datetime!.localeCompare(scenes[a]!.datetime!) || a - b);
  if (method === 'clearest')
    return order.sort((a, b) => (scenes[a]!.cloud ?? 101) - (scenes[b]!.cloud ?? 101) || a - b);
  return order;
}

type Open = (dataset: Dataset) => Promise<Source>;

/** The bands of a scene, opened, by name. @throws BadUsage for a band that it does not have */
async function openBands(
  scene: Scene,
  names: readonly string[],
  datasets: readonly Dataset[],
  from: string,
  open: Open,
): Promise<Map<string, PlacedRaster>> {
  const out = new Map<string, PlacedRaster>();
  for (const name of names) {
    const layer = Object.hasOwn(scene.layers, name) ? scene.layers[name]! : undefined;
    if (!layer) throw new BadUsage(`no band ${name} in ${scene.id}; name it with --bands ${name}=file.tif`);
    const one = await openPlaced(datasets[layer.file]!, from, open);
    if (layer.band >= one.raster.bands.length)
      throw new BadUsage(
        `--bands: found band ${layer.band + 1} of ${one.uri}, expected 1 to ${one.raster.bands.length}`,
      );
    out.set(name, one);
  }
  return out;
}

/** The grid of a composite. */
export async function compositeGrid(
  datasets: readonly Dataset[],
  like: Dataset | undefined,
  given: CompositeGiven,
  open: Open,
): Promise<Lattice> {
  const { wanted } = programOf(given);
  const rasters: PlacedRaster[] = [];
  for (const scene of given.scenes)
    rasters.push(...(await openBands(scene, wanted.slice(0, 1), datasets, given.from, open)).values());
  const first = rasters[0]!;
  const isSame = (one: PlacedRaster): boolean =>
    one.crs.epsg === first.crs.epsg &&
    one.raster.width === first.raster.width &&
    one.raster.height === first.raster.height &&
    JSON.stringify(one.transform) === JSON.stringify(first.transform);
  // Scenes on one grid stay there.
  return targetGrid(
    rasters.every(isSame) ? [first] : rasters,
    given,
    like && (await openPlaced(like, '', open)),
  );
}

/** Numbers of the scenes that may have some of a window. */
export async function scenesIn(
  window: Window,
  grid: Lattice,
  datasets: readonly Dataset[],
  given: CompositeGiven,
  open: Open,
): Promise<number[]> {
  const { wanted } = programOf(given);
  const found: number[] = [];
  for (const [i, scene] of given.scenes.entries()) {
    const one = (await openBands(scene, wanted.slice(0, 1), datasets, given.from, open)).get(wanted[0]!)!;
    const { frames } = await viewOf(one, grid, given.resampling, tolerance);
    if (frames.some((frame) => meets(frame, window))) found.push(i);
  }
  return found;
}

const tolerance = 0.001;
const stackBytes = 160 * 2 ** 20;

/** A tile of a composite: values of the wanted bands, and of each cell how many scenes were valid. */
export type CompositeTile = { readonly bands: readonly Float64Array[]; readonly counts: Uint16Array };

/** Makes the tile over `window`; undefined where no scene is valid. Holds one band's stack of scenes at a time, or of as many bands as fit. */
export async function compositeTile(
  window: Window,
  grid: Lattice,
  numbers: readonly number[],
  datasets: readonly Dataset[],
  given: CompositeGiven,
  context: Context,
): Promise<CompositeTile | undefined> {
  const { mask, score, wanted, names } = programOf(given);
  const cells = window.width * window.height;
  const counts = new Uint16Array(cells);
  const read = (number: number, some: readonly string[]) =>
    sceneTile(given.scenes[number]!, some, { mask, score }, window, grid, datasets, given, context);
  const order = orderOf(given.scenes, given.method).filter((i) => numbers.includes(i));
  const isRanked = (statistics as readonly string[]).includes(given.method) || percentile.test(given.method);
  const bands = wanted.map(() => new Float64Array(cells).fill(NaN));
  if (!isRanked) {
    const best = new Float64Array(cells).fill(-Infinity);
    for (const number of order) {
      const found = await read(number, names);
      if (!found) continue;
      for (let i = 0; i < cells; i++) {
        if (found.valid[i] === 0) continue;
        const isBetter = score ? found.scores![i]! > best[i]! : counts[i] === 0;
        counts[i]!++;
        if (!isBetter) continue;
        if (score) best[i] = found.scores![i]!;
        for (const [k, band] of bands.entries()) band[i] = found.bands[k]![i]!;
      }
    }
    return counts.some((n) => n > 0) ? { bands, counts } : undefined;
  }
  const atOnce = Math.max(1, Math.min(wanted.length, Math.floor(stackBytes / (4 * cells * order.length))));
  for (let from = 0; from < wanted.length; from += atOnce) {
    const some = wanted.slice(from, from + atOnce);
    const stacks = some.map(() => new Float32Array(cells * order.length).fill(NaN));
    for (const [turn, number] of order.entries()) {
      context.signal.throwIfAborted();
      const found = await read(number, names);
      if (!found) continue;
      for (let i = 0; i < cells; i++) {
        if (found.valid[i] === 0) continue;
        if (from === 0) counts[i]!++;
        for (let k = 0; k < some.length; k++) stacks[k]![turn * cells + i] = found.bands[from + k]![i]!;
      }
    }
    for (const [k, stack] of stacks.entries())
      reduceStack(stack, order.length, cells, given.method as CompositeStatistic, bands[from + k]!);
  }
  return counts.some((n) => n > 0) ? { bands, counts } : undefined;
}

/** Bands of a scene on the window, which cells of it are valid, and how good they are. Valid: all wanted bands have values, and no mask. */
async function sceneTile(
  scene: Scene,
  names: readonly string[],
  { mask, score }: { readonly mask: Expression | undefined; readonly score: Expression | undefined },
  window: Window,
  grid: Lattice,
  datasets: readonly Dataset[],
  given: CompositeGiven,
  context: Context,
) {
  const open = (dataset: Dataset) => context.open(dataset);
  const rasters = await openBands(scene, names, datasets, given.from, open);
  const values = new Map<string, Float64Array>();
  const halo = given.dilation;
  const wide = {
    left: window.left - halo,
    top: window.top - halo,
    width: window.width + 2 * halo,
    height: window.height + 2 * halo,
  };
  const read = async (
    name: string,
    rectangle: Window,
    how: Resampling,
  ): Promise<Float64Array | undefined> => {
    const view: View = await viewOf(rasters.get(name)!, grid, how, tolerance);
    // Of the one rectangle, no more is read than its places need.
    const found = await warperOf(view, [scene.layers[name]!.band], rectangle, 0)(rectangle);
    return found?.[0];
  };
  const wanted = names.filter((name) => !mask?.names.includes(name));
  for (const name of new Set([...wanted, ...namesIn([score])])) {
    const own = await read(name, window, given.resampling);
    if (!own) return undefined;
    const { band, scale, offset } = scene.layers[name]!;
    const meaning = rasters.get(name)!.raster.bands[band]!;
    const [times, plus] = [scale ?? meaning.scale, offset ?? meaning.offset];
    if (times !== 1 || plus !== 0) for (let i = 0; i < own.length; i++) own[i] = own[i]! * times + plus;
    values.set(name, own);
  }
  const cells = window.width * window.height;
  const valid = new Uint8Array(cells).fill(1);
  for (const name of wanted) {
    const own = values.get(name)!;
    for (let i = 0; i < cells; i++) if (own[i]! - own[i]! !== 0) valid[i] = 0;
  }
  if (mask) {
    const masked = new Uint8Array(wide.width * wide.height);
    const told: Float64Array[] = [];
    for (const name of mask.names)
      told.push((await read(name, wide, 'near')) ?? new Float64Array(masked.length).fill(NaN));
    evaluate(mask, told, masked.length, (i, value) => {
      masked[i] = value !== 0 && value === value ? 1 : 0;
    });
    const grown = halo === 0 ? masked : dilate(masked, wide.width, wide.height, halo);
    for (let i = 0; i < cells; i++) if (grown[i] === 1) valid[i] = 0;
    // Where the mask's own bands say nothing, the scene is not known to be clear; that does not grow, or scenes would shrink at their edges.
    for (const own of told)
      for (let y = 0; y < window.height; y++)
        for (let x = 0, at = (y + halo) * wide.width + halo; x < window.width; x++, at++)
          if (own[at] !== own[at]) valid[y * window.width + x] = 0;
  }
  const scores = score && new Float64Array(cells);
  if (score)
    evaluate(
      score,
      score.names.map((name) => values.get(name)!),
      cells,
      (i, told) => {
        scores![i] = told;
        if (told !== told) valid[i] = 0;
      },
    );
  return { bands: wanted.map((name) => values.get(name)!), valid, scores };
}

/** Runs an expression over whole arrays. */
function evaluate(
  expression: Expression,
  bands: readonly Float64Array[],
  cells: number,
  act: (i: number, value: number) => void,
): void {
  for (let from = 0; from < cells; from += runCells) {
    const count = Math.min(runCells, cells - from);
    const results = expression.run(
      bands.map((band) => band.subarray(from, from + count)),
      count,
    );
    for (let i = 0; i < count; i++) act(from + i, results[i]!);
  }
}
