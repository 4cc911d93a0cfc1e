/** The option of every raster: how large its cells are. */
import { number, type Param } from '../../core/params.ts';
import type { Json } from '../../core/json.ts';

export const cell = {
  ...number(1, 'side of a cell', { unit: 'CRS units' }),
  expected: 'a number > 0',
  check: (v): v is number => typeof v === 'number' && Number.isFinite(v) && v > 0,
} satisfies Param<number>;

/** An option that one stage gives the next, as JSON. */
export const plain = <T extends Json>(fallback: T, doc: string): Param<T> => ({
  default: fallback,
  doc,
  hint: 'json',
  expected: 'JSON',
  parse(value) {
    try {
      return JSON.parse(value) as Json;
    } catch {
      return value;
    }
  },
  check: (value): value is T => typeof value === 'object',
});
export const noGrid = { west: 0, north: 0, cell: 1, width: 1, height: 1 };
