/** The options of lidar/ground, by PDAL's names and with its defaults. */
import { BadInput } from '../../core/errors.ts';
import { choice, flag, integer, integers, number, type Values } from '../../core/params.ts';
import type { Stored } from '../../core/job.ts';
import type { Grid } from '../kernels/grid.ts';
import { cell } from '../rasters/cell.ts';
import type { Selection } from './select.ts';

export const groundParams = {
  method: choice(
    ['smrf', 'pmf', 'csf'],
    'filter: smrf is the simple morphological one of Pingel 2013, pmf the progressive one of Zhang 2003, csf the cloth of Zhang 2016',
  ),
  cell: { ...cell, doc: 'side of a cell of the raster of lowest points' },
  slope: number(0.15, 'rise over run above which a step of that raster is an object; pmf usually wants 1', {
    min: 0,
  }),
  window: number(18, 'radius of the largest object', { unit: 'CRS units', min: 0 }),
  threshold: number(0.5, 'a point is ground within this height', { unit: 'CRS units', min: 0 }),
  scalar: number(1.25, 'times the slope of the ground, which comes on top of --threshold', { min: 0 }),
  'max-window': number(33, 'of pmf: the largest window', { unit: 'CRS units', min: 0 }),
  'initial-distance': number(0.15, 'of pmf: height over the first opening within which a point is ground', {
    min: 0,
  }),
  'max-distance': number(2.5, 'of pmf: the same over any opening', { min: 0 }),
  rigidness: integer(3, 'of csf: how stiff the cloth is; 1 on steep slopes, 3 on flat land', {
    min: 1,
    max: 100,
  }),
  step: number(0.65, 'of csf: step of time', { min: 0.01, max: 2 }),
  iterations: integer(500, 'of csf: steps at most', { min: 1, max: 100_000 }),
  'no-smooth': flag('of csf: leave the cloth where it hangs; otherwise it is laid upon smooth slopes'),
  hdiff: number(0.3, 'of csf: a slope is smooth that rises by less than this from cell to cell', {
    unit: 'CRS units',
    min: 0,
  }),
  low: number(5, 'rise over run around a cell above which it is a pit, and no ground', { min: 0 }),
  noise: choice(
    ['none', 'elm', 'statistical'],
    'points that get class 7 and are no ground: elm, far below the others of their cell; statistical, far from their neighbours',
  ),
  'elm-cell': number(10, 'of elm: side of a cell', { unit: 'CRS units', min: 0.01 }),
  'elm-threshold': number(1, 'of elm: gap above a point that is noise', { unit: 'CRS units', min: 0 }),
  'mean-k': integer(8, 'of statistical: neighbours whose mean distance counts', { min: 1, max: 100 }),
  multiplier: number(2, 'of statistical: deviations above the mean from which on a point is noise'),
  order: choice(
    ['file', 'own'],
    'of the points that are written: file is that of the files; own is by place, time and all else, the same from LAZ, COPC or any files of the same points',
  ),
  returns: choice(['last', 'all'], 'which returns may be ground: last ones (a single one is last), or all'),
  ignore: {
    ...integers('classes that are left as they are, and seen by nothing', { min: 0 }),
    default: [7, 18],
  },
};
/** The ground as planes of f32 in the store, row by row: heights, and slopes. */
export type Earth = { readonly cells: number; readonly heights: Stored; readonly slopes: Stored };

export type GroundParams = Values<typeof groundParams>;

/** The points that the raster is made of. */
export const seenBy = ({ returns, ignore }: GroundParams): Selection => ({
  classes: [],
  ignore,
  returns,
  bbox: '',
});

/** The points among which noise is looked for. */
export const noiseSeenBy = ({ ignore }: GroundParams): Selection => ({
  classes: [],
  ignore,
  returns: 'all',
  bbox: '',
});

// 17 bytes each, in a memory of 4 GiB.
const mostCells = 2 ** 27;

/**
 * The parts of a grid whose ground can be found in one memory.
 * @throws BadInput for more cells
 */
export function checkCells<Found extends { readonly parts: readonly { readonly grid: Grid }[] }>(
  found: Found,
): Found {
  const { width, height } = found.parts[0]!.grid;
  if (width * height <= mostCells) return found;
  throw new BadInput(
    `LAS: a ground of ${width} x ${height} cells, expected at most ${mostCells}; give a larger --cell, or check the bounds in the headers`,
  );
}

/** Whether points of a byte of returns may be ground, and which classes are left alone: 1 for yes. */
export function marksOf({ returns, ignore }: GroundParams): {
  isGroundReturn: Uint8Array;
  isIgnored: Uint8Array;
} {
  const isLast = (i: number): boolean => (i & 15) >= i >> 4;
  return {
    isGroundReturn: Uint8Array.from({ length: 256 }, (_, i) => (returns === 'all' || isLast(i) ? 1 : 0)),
    isIgnored: Uint8Array.from({ length: 256 }, (_, i) => (ignore.includes(i) ? 1 : 0)),
  };
}
