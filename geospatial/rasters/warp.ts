/** A raster on another grid: where cells come from, which window of which overview they need, and their values. */
import { BadInput } from '../../core/errors.ts';
import type { RasterFile } from '../formats/geotiff.ts';
import { reprojection } from '../formats/reproject.ts';
import { type Places, placesOf, type Rectangle, type ToSource } from '../kernels/lattice.ts';
import type { Cells } from '../kernels/pyramid.ts';
import { placesByRows } from '../kernels/rows.ts';
import { gather, type Patch, type Ratio, reachOf, resample, type Resampling } from '../kernels/resample.ts';
import type { Lattice } from './scenes.ts';
import { type PlacedRaster, sampled } from './targetgrid.ts';

// gdalwarp's -et, in cells of the source.
const gdalTolerance = 0.125;

type Size = { readonly width: number; readonly height: number };

/** A raster as seen from a grid. */
export type View = {
  readonly uri: string;
  readonly raster: RasterFile;
  /** Cells of the grid that may have some of the raster. */
  readonly frame: Rectangle;
  /** The overview that cells are taken from, its size, and how many of its cells make one of the grid. */
  readonly level: number;
  readonly width: number;
  readonly height: number;
  readonly ratio: Ratio;
  readonly toSource: ToSource;
  readonly resampling: Resampling;
  /** Cells of the level that a place may be off. */
  readonly tolerance: number;
  /** Cells of a row of the grid, where straight lines go along rows as gdalwarp has them; by a lattice unless given. */
  readonly rowWidth?: number;
  /** What cells hold that are none. */
  readonly nodata: number | undefined;
};

/** A raster as seen from a grid, `nodata` where its file does not say. Depends on the whole grid, not on parts of it. @throws BadInput for systems without a way between them */
export async function viewOf(
  one: PlacedRaster,
  grid: Lattice,
  resampling: Resampling,
  /** 'rows' is what gdalwarp does unless told otherwise. */
  accuracy: number | 'rows',
  nodata?: number,
): Promise<View> {
  const { raster, uri } = one;
  const { toSource, frame, filled } = await waysOf(one, grid);
  const across = spanOf(toSource, filled, raster);
  const [wide, high] = isTurned(toSource, filled)
    ? [filled.height, filled.width]
    : [filled.width, filled.height];
  const ratios = (level: number): Ratio => ({
    x: ((across.width / Math.max(1, wide)) * raster.levels[level]!.width) / raster.width || 1,
    y: ((across.height / Math.max(1, high)) * raster.levels[level]!.height) / raster.height || 1,
  });
  const level = levelFor(
    raster,
    Math.hypot(across.width, across.height) / Math.hypot(filled.width, filled.height),
  );
  const { width, height } = raster.levels[level]!;
  const byRows = accuracy === 'rows';
  const tolerance = byRows ? gdalTolerance : accuracy;
  const [scaleX, scaleY] = [width / raster.width, height / raster.height];
  return {
    uri,
    raster,
    frame,
    level,
    width,
    height,
    ratio: ratios(level),
    toSource: (places) => {
      toSource(places);
      for (let i = 0; i < places.length; i += 2) {
        places[i]! *= scaleX;
        places[i + 1]! *= scaleY;
      }
    },
    resampling,
    tolerance,
    ...(byRows ? { rowWidth: grid.width } : {}),
    nodata: raster.nodata ?? nodata,
  };
}

/** The overview that gdalwarp would take: the coarsest that is finer than the grid. */
function levelFor({ levels, width }: RasterFile, ratio: number): number {
  for (let level = 0; level + 1 < levels.length; level++) {
    const [own, next] = [width / levels[level]!.width, width / levels[level + 1]!.width];
    if ((own < ratio && next > ratio) || Math.abs(own - ratio) < 0.1 || own >= ratio) return level;
  }
  return levels.length - 1;
}

/** The way back from cells of the grid to those of a raster; the cells of the grid that may have some of it, and those that its samples lie in. */
async function waysOf(
  one: PlacedRaster,
  grid: Lattice,
): Promise<{ toSource: ToSource; frame: Rectangle; filled: Rectangle }> {
  const way = await reprojection(one.crs, grid.crs!);
  const [t, g] = [one.transform, grid.transform];
  const back = inverted(t);
  const turn = t[1] === 0 && way.turns[0] > 0 ? way.turns[0] / Math.abs(t[0]) : 0;
  const middle = one.raster.width / 2;
  const toSource: ToSource = (places) => {
    apply(g, places);
    way.inverse(places);
    apply(back, places);
    if (turn > 0)
      for (let i = 0; i < places.length; i += 2)
        places[i]! -= turn * Math.round((places[i]! - middle) / turn);
  };
  const samples = sampled(one);
  way.forward(samples);
  apply(inverted(g), samples);
  const gridTurn = g[1] === 0 && way.turns[1] > 0 ? way.turns[1] / Math.abs(g[0]) : 0;
  const edges = edgesOf(samples);
  // As gdalwarp counts all cells of its grid, whose edges are whole cells around the raster's.
  const { minX, minY, maxX, maxY } = edges;
  const around = { ...edges, minX: minX - 1, minY: minY - 1, maxX: maxX + 1, maxY: maxY + 1 };
  return { toSource, frame: frameOf(edges, grid, gridTurn), filled: within(around, grid) };
}

function apply(t: readonly number[], places: Float64Array): void {
  for (let i = 0; i < places.length; i += 2) {
    const [x, y] = [places[i]!, places[i + 1]!];
    places[i] = t[0]! * x + t[1]! * y + t[2]!;
    places[i + 1] = t[3]! * x + t[4]! * y + t[5]!;
  }
}

function inverted([a, b, c, d, e, f]: PlacedRaster['transform']): number[] {
  const area = a * e - b * d;
  return [e / area, -b / area, (b * f - c * e) / area, -d / area, a / area, (c * d - a * f) / area];
}

type Edges = { minX: number; minY: number; maxX: number; maxY: number; isWhole: boolean };

/** The bounds of places; `isWhole` where none of them lies nowhere. */
function edgesOf(places: Float64Array): Edges {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  let isWhole = true;
  for (let i = 0; i < places.length; i += 2) {
    const [x, y] = [places[i]!, places[i + 1]!];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      isWhole = false;
      continue;
    }
    [minX, maxX] = [Math.min(minX, x), Math.max(maxX, x)];
    [minY, maxY] = [Math.min(minY, y), Math.max(maxY, y)];
  }
  return { minX, minY, maxX, maxY, isWhole };
}

const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, value));

/** Whole cells between edges, within a raster. */
function within({ minX, minY, maxX, maxY }: Edges, size: Size): Rectangle {
  const [left, top] = [clamp(Math.floor(minX), size.width), clamp(Math.floor(minY), size.height)];
  const [right, bottom] = [clamp(Math.ceil(maxX), size.width), clamp(Math.ceil(maxY), size.height)];
  return { left, top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
}

/** The cells of a grid that a raster's samples lie in, and a twentieth around: edges bend between samples. */
function frameOf(edges: Edges, grid: Lattice, turn: number): Rectangle {
  const { minX, minY, maxX, maxY, isWhole } = edges;
  // Where part of it lies nowhere, or all around the Earth, samples say little.
  if (!isWhole) return { left: 0, top: 0, width: grid.width, height: grid.height };
  const isRound = turn > 0 && (maxX - minX > turn / 2 || minX < 0 || maxX > grid.width);
  const [padX, padY] = [2 + 0.05 * (maxX - minX), 2 + 0.05 * (maxY - minY)];
  const frame = within(
    { minX: minX - padX, minY: minY - padY, maxX: maxX + padX, maxY: maxY + padY, isWhole },
    grid,
  );
  return isRound ? { ...frame, left: 0, width: grid.width } : frame;
}

/** Whether rows of the grid go along columns of the raster, in the middle of a rectangle. */
function isTurned(toSource: ToSource, { left, top, width, height }: Rectangle): boolean {
  const [x, y] = [left + width / 2, top + height / 2];
  const places = Float64Array.of(x - 0.5, y, x + 0.5, y);
  toSource(places);
  return Math.abs(places[3]! - places[1]!) > Math.abs(places[2]! - places[0]!);
}

const steps = 20;

/** The cells of a raster that a rectangle of the grid spans. */
function spanOf(toSource: ToSource, frame: Rectangle, raster: Size): Rectangle {
  const found = new Float64Array(2 * (steps + 1) ** 2);
  for (let k = 0; k <= steps; k++)
    for (let i = 0; i <= steps; i++) {
      const at = 2 * (k * (steps + 1) + i);
      found[at] = frame.left + (i * frame.width) / steps;
      found[at + 1] = frame.top + (k * frame.height) / steps;
    }
  toSource(found);
  return within(edgesOf(found), raster);
}

/** What makes values of a rectangle of the grid, a band after the other; undefined where the raster has none. */
export type Warper = (window: Rectangle) => Promise<Float64Array[] | undefined>;

// Cells of the source that are held at once: 128 MiB of them.
export const mostCells = 2 ** 24;
// One cell of the target made of more than these is a task for overviews.
const mostOfOne = 2 ** 27;

/**
 * Values of bands, from 0, of tiles of a block of the grid; NaN for none. The block's window of the source is read once and kept, where it has no more than `most` cells. `block`
 * says which tiles will be asked for; a tile is asked for whole, as its lattice of exact places hangs on its corners.
 */
export function warperOf(view: View, bands: readonly number[], block: Rectangle, most = mostCells): Warper {
  const whole = windowFor(view, edgesOf(corners(view, block)), 2);
  let shared: Promise<Patch[]> | undefined;
  const patchesFor = (window: Rectangle): Promise<Patch[]> => {
    const isShared = holds(whole, window) && whole.width * whole.height * bands.length <= most;
    if (!isShared) return read(view, bands, window);
    return (shared ??= read(view, bands, whole));
  };
  return async (tile) => {
    if (!meets(tile, view.frame)) return undefined;
    const isGathered = view.resampling === 'average' || view.resampling === 'mode';
    const size = isGathered ? { ...tile, width: tile.width + 1, height: tile.height + 1 } : tile;
    const shift = isGathered ? 0 : 0.5;
    const places =
      view.rowWidth === undefined
        ? placesOf(view.toSource, size, view.tolerance, shift)
        : placesByRows(view.toSource, size, view.tolerance, view.rowWidth + Number(isGathered), shift);
    const out = bands.map(() => new Float64Array(tile.width * tile.height).fill(NaN));
    let isEmpty = true;
    const make = async (part: Rectangle): Promise<void> => {
      const [first, second] = isGathered
        ? [cut(places, size, part), cut(places, size, { ...part, left: part.left + 1, top: part.top + 1 })]
        : [cut(places, size, part), undefined];
      const window = windowFor(view, edgesOfPlaces(first, second), 0);
      if (window.width === 0 || window.height === 0) return;
      const cells = window.width * window.height * bands.length;
      if (cells > mostCells && part.width * part.height > 1) return halved(part, make);
      if (cells > mostOfOne)
        throw new BadInput(
          `GeoTIFF: ${view.uri}: ${cells} cells make one of the target, expected at most ${mostOfOne}; give it overviews with satellite/cog, or a finer --resolution`,
        );
      const patches = await patchesFor(window);
      const isAll = part.width * part.height === tile.width * tile.height;
      for (const [k, patch] of patches.entries()) {
        const values = isAll ? out[k]! : new Float64Array(part.width * part.height);
        if (view.resampling === 'average' || view.resampling === 'mode')
          gather(view.resampling, patch, first, second!, values);
        else resample(view.resampling, patch, first, view.ratio, values);
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

/** Whether two rectangles have a cell in common. */
export const meets = (a: Rectangle, b: Rectangle): boolean =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + b.height &&
  b.top < a.top + a.height;

const holds = (a: Rectangle, b: Rectangle): boolean =>
  b.left >= a.left &&
  b.left + b.width <= a.left + a.width &&
  b.top >= a.top &&
  b.top + b.height <= a.top + a.height;

async function halved(
  { left, top, width, height }: Rectangle,
  make: (part: Rectangle) => Promise<void>,
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

/** Places of the corners and sides of a block, and within. */
function corners({ toSource }: View, { left, top, width, height }: Rectangle): Float64Array {
  const across = 2 * steps + 1;
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
function cut({ u, v }: Places, { width }: Rectangle, part: Rectangle): Places {
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

function edgesOfPlaces(...all: readonly (Places | undefined)[]): Edges {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const places of all) {
    if (!places) continue;
    const { u, v } = places;
    for (let i = 0; i < u.length; i++) {
      // Of NaN, none holds.
      if (u[i]! < minX) minX = u[i]!;
      if (u[i]! > maxX) maxX = u[i]!;
      if (v[i]! < minY) minY = v[i]!;
      if (v[i]! > maxY) maxY = v[i]!;
    }
  }
  return { minX, minY, maxX, maxY, isWhole: true };
}

/** Cells of the level that places between edges need, with the kernel's reach and `more`; of no width where these lie beside it. */
function windowFor({ resampling, ratio, ...size }: View, edges: Edges, more: number): Rectangle {
  const { x, y } = reachOf(resampling, ratio);
  const { minX, minY, maxX, maxY } = edges;
  if (!(maxX >= 0 && minX <= size.width && maxY >= 0 && minY <= size.height))
    return { left: 0, top: 0, width: 0, height: 0 };
  // A cell more, for places that lie on an edge.
  const [padX, padY] = [x + 1 + more, y + 1 + more];
  return within(
    { minX: minX - padX, minY: minY - padY, maxX: maxX + padX, maxY: maxY + padY, isWhole: true },
    size,
  );
}

/** Values of a window, NaN where the file's nodata, its mask or alpha say that there is none. */
async function read(
  { raster, level, nodata }: View,
  bands: readonly number[],
  window: Rectangle,
): Promise<Patch[]> {
  const { left, top, width, height } = window;
  const cells = await raster.read(bands, left, top, width, height, level);
  const mask = raster.hasMask ? await raster.mask(left, top, width, height, level) : undefined;
  return cells.map((band) => ({ ...window, values: valuesOf(band, nodata, mask) }));
}

function valuesOf(cells: Cells, nodata: number | undefined, mask: Cells | undefined): Float64Array {
  const out = new Float64Array(cells);
  if (nodata !== undefined) for (let i = 0; i < out.length; i++) if (out[i] === nodata) out[i] = NaN;
  if (mask) for (let i = 0; i < out.length; i++) if (mask[i] === 0) out[i] = NaN;
  return out;
}

/**
 * Cells of the grid from the places of a tile's cells to the nearest edge of a raster, 0 beside it: what feathered seams are weighed by. Depends on where the
 * raster lies alone.
 */
export function depthsOf(view: View, tile: Rectangle): Float64Array {
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
