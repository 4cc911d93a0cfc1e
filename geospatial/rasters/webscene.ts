/** A raster as tiles of a web map: its zooms, which tiles it meets, and their pixels. */
import { BadUsage } from '../../core/errors.ts';
import type { Dataset, Source } from '../../core/job.ts';
import { choice, integer, integers, number, text } from '../../core/params.ts';
import { openRaster, type RasterFile } from '../formats/geotiff.ts';
import { epsgKeys, type Move, reprojection } from '../formats/reproject.ts';
import { deepestZoom, type TileAddress } from '../kernels/hilbert.ts';
import {
  boxOf,
  halfEquator,
  type MercatorBox,
  resolutionOf,
  tilePixels,
  type TileRange,
  tilesOf,
  zoomOf,
} from '../kernels/mercator.ts';
import { paintColors, paintRamp, type Stretch } from '../kernels/paint.ts';
import { type Ramp, rampNames, rampOf, rampSteps } from '../kernels/ramp.ts';
import { resamplings } from '../kernels/resample.ts';
import type { Window } from '../kernels/window.ts';
import type { Lattice } from './scenes.ts';
import { gridParams, placed, type PlacedRaster, sampled } from './targetgrid.ts';
import { type View, viewOf } from './view.ts';

const numeral = /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/;

export const webParams = {
  from: gridParams.from,
  bands: integers(
    'one band to draw by a ramp, or three that are red, green and blue; by the file unless given',
    {
      min: 1,
    },
  ),
  ramp: text(
    `colours of one band: ${rampNames.join(', ')}, or places from 0 to 1 with colours; those of the file, or greys, unless given`,
    '0:#000000,0.5:#ff8800,1:#ffffff',
  ),
  min: text('cells of this value and below get the first colour; 0 for bytes unless given', '-0.2', numeral),
  max: text('cells of this value and above get the last colour; 255 for bytes unless given', '0.9', numeral),
  'min-zoom': integer(-1, 'least zoom; the one whose tiles the raster fits into unless given', {
    min: -1,
    max: deepestZoom,
  }),
  'max-zoom': integer(-1, 'deepest zoom; the first one that is not coarser than the raster unless given', {
    min: -1,
    max: deepestZoom,
  }),
  resampling: choice(
    resamplings,
    'what a pixel of the deepest zoom gets: the nearest cell, a kernel over cells around, the mean or the most frequent one of all within it',
  ),
  error: number(0.125, 'how far a place may be off, for fewer places to transform; 0 for none', {
    unit: 'cells of the source',
    min: 0,
    max: 1,
  }),
};
export type WebGiven = {
  readonly from: string;
  readonly bands: readonly number[];
  readonly ramp: string;
  readonly min: string;
  readonly max: string;
  readonly 'min-zoom': number;
  readonly 'max-zoom': number;
  readonly resampling: (typeof resamplings)[number];
  readonly error: number;
};

/** What a raster becomes. */
export type WebScene = {
  readonly raster: RasterFile;
  readonly view: View;
  /** From 0. */
  readonly bands: readonly number[];
  readonly minZoom: number;
  readonly maxZoom: number;
  /** Tiles of a zoom that may have some of the raster. */
  tiles(z: number): readonly TileRange[];
  /** Where the raster lies, at most the square of all tiles. */
  readonly box: MercatorBox;
  /** Values of bands as pixels. */
  paint(values: readonly Float64Array[]): Uint8Array;
};

// A worker opens a file once for all of its parts.
const opened = new WeakMap<Source, Promise<RasterFile>>();

// Four million tiles, as other rasters have them at most.
const mostTiles = 2 ** 22;

/**
 * Opens a raster. Depends on its header and the options alone.
 * @throws BadInput for a raster that lies nowhere, BadUsage for options that do not go together or with the raster
 */
export async function webSceneOf(
  dataset: Dataset,
  given: WebGiven,
  open: (dataset: Dataset) => Promise<Source>,
): Promise<WebScene> {
  const source = await open(dataset);
  const opening = opened.get(source) ?? openRaster(source, dataset.uri);
  opened.set(source, opening);
  const raster = await opening;
  const bands = bandsOf(raster, given, dataset.uri);
  const paint = painterOf(raster, bands, given, dataset.uri);
  const one = await placed(raster, dataset.uri, given.from);
  const crs = await epsgKeys(3857);
  const { forward } = await reprojection(one.crs, crs);
  const box = boxOfRaster(one, forward);
  const { minZoom, maxZoom } = zoomsOf(given, cellOf(one, forward), box, dataset.uri);
  const side = tilePixels * 2 ** maxZoom;
  const cell = resolutionOf(maxZoom);
  const grid: Lattice = {
    width: side,
    height: side,
    transform: [cell, 0, -halfEquator, 0, -cell, halfEquator],
    crs,
    note: '',
  };
  const view = await viewOf(one, grid, given.resampling, given.error);
  const boxes = view.frames.map((frame) => metresOf(frame, cell));
  const tiles = (z: number): TileRange[] => apart(boxes.map((one) => tilesOf(one, z)));
  const count = countOf(tiles(maxZoom));
  if (count > mostTiles)
    throw new BadUsage(
      `option max-zoom: zoom ${maxZoom} has ${count} tiles of ${dataset.uri}, expected at most ${mostTiles}; give a lesser one`,
    );
  return { raster, view, bands, minZoom, maxZoom, tiles, box, paint };
}

function bandsOf(raster: RasterFile, { bands }: WebGiven, name: string): number[] {
  const count = raster.bands.length;
  const wrong = bands.find((band) => band > count);
  if (wrong !== undefined)
    throw new BadUsage(`option bands: found ${wrong}, expected 1 to ${count}, the bands of ${name}`);
  if (![0, 1, 3].includes(bands.length))
    throw new BadUsage(`option bands: found ${bands.join(',')}, expected one band or three`);
  if (bands.length > 0) return bands.map((band) => band - 1);
  return raster.isColor && count >= 3 ? [0, 1, 2] : [0];
}

function painterOf(
  { type, palette }: RasterFile,
  bands: readonly number[],
  { ramp, min, max, resampling }: WebGiven,
  name: string,
): (values: readonly Float64Array[]) => Uint8Array {
  if (bands.length === 3 && ramp !== '')
    throw new BadUsage('option ramp: expected one band beside it, three are colours themselves');
  if (bands.length === 1 && ramp === '' && palette && min === '' && max === '') {
    if (resampling !== 'near' && resampling !== 'mode')
      throw new BadUsage(
        `option resampling: found ${resampling}, expected near or mode for cells that are numbers of colours, as in ${name}; or give a --ramp`,
      );
    const colors = paletteRamp(palette);
    return ([values]) => paintRamp(values!, colors, { min: 0, max: rampSteps - 1 });
  }
  const isByte = type === 'Uint8';
  if ((min === '' || max === '') && !isByte)
    throw new BadUsage(
      `option ${min === '' ? 'min' : 'max'}: expected one for cells of ${type}, as in ${name}`,
    );
  const stretch: Stretch = { min: min === '' ? 0 : Number(min), max: max === '' ? 255 : Number(max) };
  if (!(stretch.min < stretch.max))
    throw new BadUsage(`options min and max: found ${stretch.min} and ${stretch.max}, expected min < max`);
  if (bands.length === 3) return ([red, green, blue]) => paintColors([red!, green!, blue!], stretch);
  const colors = rampOf(ramp === '' ? 'greys' : ramp);
  return ([values]) => paintRamp(values!, colors, stretch);
}

/** Colours of the cells 0 to 255; those beyond a palette's end are black. */
function paletteRamp(palette: NonNullable<RasterFile['palette']>): Ramp {
  const out = new Uint8Array(4 * rampSteps);
  for (let i = 0; i < rampSteps; i++) out.set([...(palette[i] ?? [0, 0, 0]), 255], 4 * i);
  return out;
}

function zoomsOf(
  { 'min-zoom': least, 'max-zoom': deepest }: WebGiven,
  cell: number,
  { west, south, east, north }: MercatorBox,
  name: string,
): { minZoom: number; maxZoom: number } {
  if (deepest < 0 && !(cell > 0 && cell < Infinity))
    throw new BadUsage(`option max-zoom: expected one, as the middle of ${name} lies off the map`);
  const maxZoom = deepest < 0 ? Math.max(least, zoomOf(cell)) : deepest;
  const wanted = Math.max(east - west, north - south) / tilePixels;
  const fits = zoomOf(wanted);
  const minZoom =
    least < 0 ? Math.min(maxZoom, Math.max(0, resolutionOf(fits) < wanted ? fits - 1 : fits)) : least;
  if (minZoom > maxZoom)
    throw new BadUsage(`options min-zoom and max-zoom: found ${minZoom} and ${maxZoom}, expected min <= max`);
  return { minZoom, maxZoom };
}

/** Metres along the side of a square that has the diagonal of the raster's middle cell; NaN where this one lies nowhere. */
function cellOf({ raster: { width, height }, transform: t }: PlacedRaster, forward: Move): number {
  const [column, row] = [Math.floor(width / 2), Math.floor(height / 2)];
  const places = Float64Array.from([column, row, column + 1, row + 1]);
  for (let i = 0; i < places.length; i += 2) {
    const [x, y] = [places[i]!, places[i + 1]!];
    places[i] = t[0] * x + t[1] * y + t[2];
    places[i + 1] = t[3] * x + t[4] * y + t[5];
  }
  forward(places);
  // A cell across the 180th meridian has its corners at both ends of the map.
  const across = Math.abs(places[2]! - places[0]!);
  return Math.hypot(Math.min(across, 2 * halfEquator - across), places[3]! - places[1]!) / Math.SQRT2;
}

/** The bounds of a raster within the square of all tiles; all of this one where part of the raster lies nowhere on it. */
function boxOfRaster(one: PlacedRaster, forward: Move): MercatorBox {
  const all = boxOf({ z: 0, x: 0, y: 0 });
  const found = sampled(one);
  forward(found);
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < found.length; i += 2) {
    const [x, y] = [found[i]!, found[i + 1]!];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return all;
    [west, east] = [Math.min(west, x), Math.max(east, x)];
    [south, north] = [Math.min(south, y), Math.max(north, y)];
  }
  const box = {
    west: Math.max(west, all.west),
    south: Math.max(south, all.south),
    east: Math.min(east, all.east),
    north: Math.min(north, all.north),
  };
  return box.west < box.east && box.south < box.north ? box : all;
}

/** Ranges of the same rows, as ranges without a tile in common. */
function apart(ranges: readonly TileRange[]): TileRange[] {
  const out: TileRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.left - b.left)) {
    const last = out.at(-1);
    if (last && range.left < last.right)
      out[out.length - 1] = { ...last, right: Math.max(last.right, range.right) };
    else out.push(range);
  }
  return out;
}

/** Tiles of ranges that have none in common. */
export const countOf = (ranges: readonly TileRange[]): number =>
  ranges.reduce((sum, { left, top, right, bottom }) => sum + (right - left) * (bottom - top), 0);

function metresOf({ left, top, width, height }: Window, cell: number): MercatorBox {
  const [west, north] = [left * cell - halfEquator, halfEquator - top * cell];
  return { west, south: north - height * cell, east: west + width * cell, north };
}

/** The pixels of a tile in the grid of a zoom. */
export const pixelsOf = ({ x, y }: TileAddress, tiles = 1): Window => ({
  left: x * tiles * tilePixels,
  top: y * tiles * tilePixels,
  width: tiles * tilePixels,
  height: tiles * tilePixels,
});
