/** What terrain/relief can make, and one tile of it. */
import { words } from '../../core/params.ts';
import type { Grid } from '../kernels/grid.ts';
import { tileSide } from '../kernels/grid.ts';
import type { Cells, Node, Pyramid } from '../kernels/pyramid.ts';
import { emptyTile, pyramidOver } from '../kernels/pyramid.ts';
import {
  aspect,
  type Formula,
  type Heights,
  hillshade,
  multidirectional,
  roughness,
  slope,
  sweepRow,
  tpi,
  tri,
} from '../kernels/relief.ts';
import { noHeight } from '../kernels/tile.ts';

const names = ['hillshade', 'multidirectional', 'slope', 'aspect', 'roughness', 'tpi', 'tri'] as const;
export type ReliefName = (typeof names)[number];

export const reliefNames = (given: string): ReliefName[] => given.split(',') as ReliefName[];

/** The option: names with commas between. */
export const reliefParam = words(
  names,
  'hillshade',
  'what cells hold, by name: hillshade, multidirectional (light from four sides), slope and aspect (degrees), roughness, tpi, tri; several give a file each',
);

type Given = { readonly azimuth: number; readonly altitude: number; readonly 'z-factor': number };

export function formulaOf(name: ReliefName, given: Given, cell: number): Formula {
  const scale = { cell, zFactor: given['z-factor'] };
  switch (name) {
    case 'hillshade':
      return hillshade(given, scale);
    case 'multidirectional':
      return multidirectional(given, scale);
    case 'slope':
      return slope(scale);
    case 'aspect':
      return aspect;
    case 'roughness':
      return roughness;
    case 'tpi':
      return tpi;
    case 'tri':
      return tri;
  }
}

/** Shades are bytes from 1 to 255, 0 for none; all else is f32. */
export const pyramidOfRelief = (grid: Grid, name: ReliefName): Pyramid =>
  pyramidOver(
    grid,
    name === 'hillshade' || name === 'multidirectional'
      ? { type: 'Uint8', empty: 0, nodata: 0 }
      : { type: 'Float32', empty: noHeight, nodata: noHeight },
  );

/** The cells of a tile; undefined where none has a value. */
export function reliefTile(
  heights: Heights,
  grid: Grid,
  { column, row }: Node,
  pyramid: Pyramid,
  formula: Formula,
  isFilled: boolean,
): Cells | undefined {
  const out = emptyTile(pyramid);
  const isByte = pyramid.type === 'Uint8';
  const [left, top] = [column * tileSide, row * tileSide];
  const right = Math.min(grid.width, left + tileSide);
  let isEmpty = true;
  for (let r = top; r < Math.min(grid.height, top + tileSide); r++) {
    const line = (r - top) * tileSide - left;
    sweepRow(heights, grid, r, left, right, formula, isFilled, (c, value) => {
      if (value !== value) return;
      out[line + c] = isByte ? Math.floor(value + 0.5) : value;
      isEmpty = false;
    });
  }
  return isEmpty ? undefined : out;
}
