/** A raster as seen from a grid: where its cells lie there, and which of its overviews they are taken from. */
import type { RasterFile } from '../formats/geotiff.ts';
import { reprojection } from '../formats/reproject.ts';
import type { Edges, ToSource } from '../kernels/lattice.ts';
import { halfEquator } from '../kernels/mercator.ts';
import type { Ratio, Resampling } from '../kernels/resample.ts';
import type { Window } from '../kernels/window.ts';
import type { Lattice } from './scenes.ts';
import { type PlacedRaster, sampled, unturned, webMercator } from './targetgrid.ts';

// gdalwarp's -et, in cells of the source.
const gdalTolerance = 0.125;

type Size = { readonly width: number; readonly height: number };

/** A raster as seen from a grid. */
export type View = {
  readonly uri: string;
  readonly raster: RasterFile;
  /** Cells of the grid that may have some of the raster: none beside it, two windows where it lies across the 180th meridian and the grid does not. */
  readonly frames: readonly Window[];
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
  const { toSource, frames, filled } = await waysOf(one, grid);
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
    frames,
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
): Promise<{ toSource: ToSource; frames: Window[]; filled: Window }> {
  const way = await reprojection(one.crs, grid.crs!, one.shifts);
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
  // Columns of web maps are longitudes, too, though targets there end where the map does.
  const once = grid.crs!.epsg === webMercator ? 2 * halfEquator : way.turns[1];
  const gridTurn = g[1] === 0 && once > 0 ? once / Math.abs(g[0]) : 0;
  const edges = edgesOf(samples);
  // As gdalwarp counts all cells of its grid, whose edges are whole cells around the raster's.
  const { minX, minY, maxX, maxY } = edges;
  const around = { ...edges, minX: minX - 1, minY: minY - 1, maxX: maxX + 1, maxY: maxY + 1 };
  unturned(samples, gridTurn);
  return { toSource, frames: framesOf(edgesOf(samples), grid, gridTurn), filled: within(around, grid) };
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

/** The bounds of places; `isWhole` where none of them lies nowhere. */
export function edgesOf(places: Float64Array): Edges {
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
export function within({ minX, minY, maxX, maxY }: Edges, size: Size): Window {
  const [left, top] = [clamp(Math.floor(minX), size.width), clamp(Math.floor(minY), size.height)];
  const [right, bottom] = [clamp(Math.ceil(maxX), size.width), clamp(Math.ceil(maxY), size.height)];
  return { left, top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
}

/** The cells of a grid that a raster's samples lie in, and a twentieth around: edges bend between samples. `turn` cells are once around the Earth; 0 where columns are no longitude. */
function framesOf({ minX, minY, maxX, maxY, isWhole }: Edges, grid: Lattice, turn: number): Window[] {
  // Where part of it lies nowhere, samples say little.
  if (!isWhole) return [{ left: 0, top: 0, width: grid.width, height: grid.height }];
  const [padX, padY] = [2 + 0.05 * (maxX - minX), 2 + 0.05 * (maxY - minY)];
  const isRound = turn > 0 && maxX - minX > turn / 2;
  const at = (turns: number): Window => {
    const [west, east] = [minX - padX + turns * turn, maxX + padX + turns * turn];
    const [left, right] = isRound ? [0, grid.width] : [west, east];
    return within({ minX: left, maxX: right, minY: minY - padY, maxY: maxY + padY, isWhole }, grid);
  };
  const all = turn === 0 || isRound ? [at(0)] : [at(-1), at(0), at(1)];
  return all.filter(({ width, height }) => width > 0 && height > 0);
}

/** Whether rows of the grid go along columns of the raster, in the middle of a rectangle. */
function isTurned(toSource: ToSource, { left, top, width, height }: Window): boolean {
  const [x, y] = [left + width / 2, top + height / 2];
  const places = Float64Array.of(x - 0.5, y, x + 0.5, y);
  toSource(places);
  return Math.abs(places[3]! - places[1]!) > Math.abs(places[2]! - places[0]!);
}

const steps = 20;

/** The cells of a raster that a rectangle of the grid spans. */
function spanOf(toSource: ToSource, frame: Window, raster: Size): Window {
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
