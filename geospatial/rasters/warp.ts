/** A raster on another grid: the values of its cells there. */
import { BadInput } from '../../core/errors.ts';
import { type Edges, type Places, placesOf } from '../kernels/lattice.ts';
import { placesByRows } from '../kernels/rows.ts';
import { gather, nearest, type Patch, type RawPatch, reachOf, resample } from '../kernels/resample.ts';
import type { Window } from '../kernels/window.ts';
import { edgesOf, type View, within } from './view.ts';

/** What makes values of a rectangle of the grid, a band after the other, good until the next one is asked for; undefined where the raster has none. */
export type Warper = (window: Window) => Promise<Float64Array[] | undefined>;

// Cells of the source that are held at once: 128 MiB of them.
export const mostCells = 2 ** 24;
// One cell of the target made of more than these is a task for overviews.
const mostOfOne = 2 ** 27;

/**
 * Values of bands, from 0, of tiles of a block of the grid; NaN for none. The block's window of the source is read once and kept, where it has no more than `most` cells. `block`
 * says which tiles will be asked for; a tile is asked for whole, as its lattice of exact places hangs on its corners.
 */
export function warperOf(view: View, bands: readonly number[], block: Window, most = mostCells): Warper {
  const isGathered = view.resampling === 'average' || view.resampling === 'mode';
  const placesFor = placerOf(view, block, isGathered);
  const whole = windowFor(view, edgesOf(corners(view, block)), 2);
  const load = async (window: Window): Promise<Sampler[]> =>
    (await read(view, bands, window)).map((patch) => samplerOf(view, patch));
  let shared: Promise<Sampler[]> | undefined;
  const samplersFor = (window: Window): Promise<Sampler[]> => {
    const isShared = holds(whole, window) && whole.width * whole.height * bands.length <= most;
    if (!isShared) return load(window);
    return (shared ??= load(whole));
  };
  let room: Float64Array[] = [];
  return async (tile) => {
    if (!view.frames.some((frame) => meets(tile, frame))) return undefined;
    const size = isGathered ? { ...tile, width: tile.width + 1, height: tile.height + 1 } : tile;
    const places = placesFor(size);
    const count = tile.width * tile.height;
    if ((room[0]?.length ?? 0) < count) room = bands.map(() => new Float64Array(count));
    const out = room.map((values) => values.subarray(0, count));
    let isEmpty = true;
    const make = async (part: Window): Promise<void> => {
      const first = cut(places, size, part);
      const second = isGathered
        ? cut(places, size, { ...part, left: part.left + 1, top: part.top + 1 })
        : undefined;
      const window = windowFor(view, edgesOfPlaces(first, second), 0);
      if (window.width === 0 || window.height === 0) return;
      const cells = window.width * window.height * bands.length;
      const isAll = part.width * part.height === count;
      if (cells > mostCells && part.width * part.height > 1) {
        if (isAll) for (const values of out) values.fill(NaN);
        return halved(part, make);
      }
      if (cells > mostOfOne)
        throw new BadInput(
          `GeoTIFF: ${view.uri}: ${cells} cells make one of the target, expected at most ${mostOfOne}; give it overviews with satellite/cog, or a finer --resolution`,
        );
      for (const [k, sample] of (await samplersFor(window)).entries()) {
        const values = isAll ? out[k]! : new Float64Array(part.width * part.height);
        sample(values, first, second);
        for (let y = 0; y < part.height && !isAll; y++)
          out[k]!.set(
            values.subarray(y * part.width, (y + 1) * part.width),
            (part.top + y) * tile.width + part.left,
          );
      }
      isEmpty = false;
    };
    await make({ left: 0, top: 0, width: tile.width, height: tile.height });
    return isEmpty ? undefined : out;
  };
}

/** Gives where cells of windows of a block lie, their middles or their corners; valid until the next call. */
function placerOf(view: View, block: Window, areCorners: boolean): (window: Window) => Places {
  const { toSource, tolerance, rowWidth } = view;
  const [more, shift] = areCorners ? [1, 0] : [0, 0.5];
  if (rowWidth === undefined) return (window) => placesOf(toSource, window, tolerance, shift);
  const all = { ...block, width: block.width + more };
  const placesAt = placesByRows(toSource, all, tolerance, rowWidth + more, shift);
  let last: Places | undefined;
  return (window) => {
    const places = placesAt(window, last);
    if (places.u.length > (last?.u.length ?? 0)) last = places;
    return places;
  };
}

/** Makes values of cells by their places: of their middles, or of opposite corners. */
type Sampler = (out: Float64Array, first: Places, second?: Places) => void;

function samplerOf({ resampling, ratio }: View, raw: RawPatch): Sampler {
  if (resampling === 'near') return (out, places) => nearest(raw, places, out);
  const patch = valued(raw);
  if (resampling === 'average' || resampling === 'mode')
    return (out, first, second) => gather(resampling, patch, first, second!, out);
  return (out, places) => resample(resampling, patch, places, ratio, out);
}

/** Whether two rectangles have a cell in common. */
export const meets = (a: Window, b: Window): boolean =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + b.height &&
  b.top < a.top + a.height;

const holds = (a: Window, b: Window): boolean =>
  b.left >= a.left &&
  b.left + b.width <= a.left + a.width &&
  b.top >= a.top &&
  b.top + b.height <= a.top + a.height;

async function halved(
  { left, top, width, height }: Window,
  make: (part: Window) => Promise<void>,
): Promise<void> {
  const isWide = width >= height;
  const half = (isWide ? width : height) >> 1;
  await make(isWide ? { left, top, width: half, height } : { left, top, width, height: half });
  await make(
    isWide
      ? { left: left + half, top, width: width - half, height }
      : { left, top: top + half, width, height: height - half },
  );
}

// Places along a side of a block by which its window is found, less one.
const steps = 40;

/** Places of the corners and sides of a block, and within. */
function corners({ toSource }: View, { left, top, width, height }: Window): Float64Array {
  const across = steps + 1;
  const found = new Float64Array(2 * across ** 2);
  for (let k = 0; k < across; k++)
    for (let i = 0; i < across; i++) {
      found[2 * (k * across + i)] = left + (i * width) / (across - 1);
      found[2 * (k * across + i) + 1] = top + (k * height) / (across - 1);
    }
  toSource(found);
  return found;
}

/** Places of a part of a rectangle, whose corner is 0, 0. */
function cut(places: Places, { width }: Window, part: Window): Places {
  const { u, v } = places;
  if (part.width * part.height === u.length) return places;
  if (part.left === 0 && part.width === width) {
    const [from, to] = [part.top * width, (part.top + part.height) * width];
    return { u: u.subarray(from, to), v: v.subarray(from, to) };
  }
  const of = (field: Float64Array): Float64Array => {
    const out = new Float64Array(part.width * part.height);
    for (let y = 0; y < part.height; y++) {
      const from = (part.top + y) * width + part.left;
      out.set(field.subarray(from, from + part.width), y * part.width);
    }
    return out;
  };
  return { u: of(u), v: of(v) };
}

function edgesOfPlaces(first: Places, second?: Places): Edges {
  if (first.edges && !second) return first.edges;
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { u, v } of second ? [first, second] : [first])
    for (let i = 0; i < u.length; i++) {
      // Of NaN, none holds.
      if (u[i]! < minX) minX = u[i]!;
      if (u[i]! > maxX) maxX = u[i]!;
      if (v[i]! < minY) minY = v[i]!;
      if (v[i]! > maxY) maxY = v[i]!;
    }
  return { minX, minY, maxX, maxY, isWhole: true };
}

/** Cells of the level that places between edges need, with the kernel's reach and `more`; of no width where these lie beside it. */
function windowFor({ resampling, ratio, ...size }: View, edges: Edges, more: number): Window {
  const { x, y } = reachOf(resampling, ratio);
  const { minX, minY, maxX, maxY } = edges;
  if (!(maxX >= 0 && minX <= size.width && maxY >= 0 && minY <= size.height))
    return { left: 0, top: 0, width: 0, height: 0 };
  // A cell more for kernels; the nearest cell is at most a hair off, and a raster on the grid's own cells needs no neighbour.
  const pad = more + (resampling === 'near' ? 1e-6 : 1);
  const [padX, padY] = [x + pad, y + pad];
  return within(
    { minX: minX - padX, minY: minY - padY, maxX: maxX + padX, maxY: maxY + padY, isWhole: true },
    size,
  );
}

/** Bands of a window, as the file has them. */
async function read(
  { raster, level, nodata }: View,
  bands: readonly number[],
  window: Window,
): Promise<RawPatch[]> {
  const { left, top, width, height } = window;
  const cells = await raster.read(bands, left, top, width, height, level);
  const mask = raster.hasMask ? await raster.mask(left, top, width, height, level) : undefined;
  return cells.map((values) => ({ ...window, values, nodata, mask }));
}

/** With NaN where the file's nodata, its mask or alpha say that there is no value: the nearest cell alone is found without. */
function valued({ values: cells, nodata, mask, ...window }: RawPatch): Patch {
  const values = new Float64Array(cells);
  if (nodata !== undefined) for (let i = 0; i < values.length; i++) if (values[i] === nodata) values[i] = NaN;
  if (mask) for (let i = 0; i < values.length; i++) if (mask[i] === 0) values[i] = NaN;
  return { ...window, values };
}

/**
 * Cells of the grid from the places of a tile's cells to the nearest edge of a raster, 0 beside it: what feathered seams are weighed by. Depends on where the
 * raster lies alone.
 */
export function depthsOf(view: View, tile: Window): Float64Array {
  const { u, v } = placesOf(view.toSource, tile, view.tolerance);
  const { width, height, ratio } = view;
  const out = new Float64Array(u.length);
  for (let i = 0; i < out.length; i++) {
    const depth = Math.min(
      Math.min(u[i]!, width - u[i]!) / ratio.x,
      Math.min(v[i]!, height - v[i]!) / ratio.y,
    );
    out[i] = depth > 0 ? depth : 0;
  }
  return out;
}
