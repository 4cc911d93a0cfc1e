/** The tiles of a global grid: which ones a point belongs to, and how they are called. */
import { BadInput } from '../../core/errors.ts';
import { choice, number } from '../../core/params.ts';
import type { Points } from '../kernels/codec.ts';
import type { Shape } from './shape.ts';
import type { Assignment, Group } from './spill.ts';

/** Options of lidar/tile. */
export const tilingParams = {
  length: number(1000, 'side of a tile; tiles start at multiples of it', { unit: 'CRS units', min: 1e-6 }),
  buffer: number(0, 'how far around it a tile has copies of points of others, flagged as withheld', {
    unit: 'CRS units',
    min: 0,
  }),
  format: choice(['laz', 'copc'], 'how tiles are written: LAZ, sorted by time; copc is octrees (COPC 1.0)'),
};

/** Farther out a tile has no number. */
const most = 2 ** 31 - 1;

/**
 * Gives every point to the tile that owns it, that of column floor(x / length) and row floor(y / length), and copies to the tiles that it is within `buffer` of. At most four
 * tiles have a point, as long as the buffer is no more than half a tile.
 * @throws BadInput for coordinates so large that tiles cannot be counted
 */
export function assignTiles(
  { count, x, y }: Points,
  { scale, offset }: Shape,
  length: number,
  buffer: number,
): Assignment {
  const numbers = new Uint32Array(buffer > 0 ? 4 * count : count);
  const group = new Uint32Array(numbers.length);
  const groups: Group[] = [];
  const known = new Map<string, number>();
  let entries = 0;
  let [lastA, lastB, last] = [NaN, NaN, 0];
  const add = (i: number, a: number, b: number, isCopy: boolean): void => {
    if (a !== lastA || b !== lastB || isCopy) {
      const name = `${a} ${b} ${isCopy}`;
      let found = known.get(name);
      if (found === undefined) {
        if (!(Math.abs(a) <= most && Math.abs(b) <= most))
          throw new BadInput(
            `LAS: a point in tile ${a}, ${b} of ${length} units, expected fewer than 2^31; give a larger --length`,
          );
        found = groups.push({ a, b, isCopy }) - 1;
        known.set(name, found);
      }
      if (!isCopy) [lastA, lastB, last] = [a, b, found];
      numbers[entries] = i;
      group[entries++] = found;
      return;
    }
    numbers[entries] = i;
    group[entries++] = last;
  };
  for (let i = 0; i < count; i++) {
    const px = x[i]! * scale[0] + offset[0];
    const py = y[i]! * scale[1] + offset[1];
    const [a, b] = [Math.floor(px / length), Math.floor(py / length)];
    add(i, a, b, false);
    if (buffer === 0) continue;
    const [fromA, toA] = [Math.floor((px - buffer) / length), Math.floor((px + buffer) / length)];
    const [fromB, toB] = [Math.floor((py - buffer) / length), Math.floor((py + buffer) / length)];
    for (let c = fromA; c <= toA; c++)
      for (let d = fromB; d <= toB; d++) if (c !== a || d !== b) add(i, c, d, true);
  }
  return { numbers: numbers.subarray(0, entries), group: group.subarray(0, entries), groups };
}

/** What a tile's file ends with: the coordinates of its south-western corner. */
export const nameOfTile = (a: number, b: number, length: number, format: 'laz' | 'copc'): string => {
  const plain = (value: number): string => String(Number((value * length).toFixed(6)));
  return `_${plain(a)}_${plain(b)}${format === 'copc' ? '.copc' : ''}.laz`;
};
