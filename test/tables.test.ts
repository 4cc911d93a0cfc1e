/** Tables one below the other: rows in order, types kept, and blobs counted over all parts. */
import { expect, test } from 'vitest';
import type { Stored } from '../core/job.ts';
import { joinPlaces, joinTables } from '../core/tables.ts';

const blobs = (n: number): Stored[] =>
  Array.from({ length: n }, (_, i) => ({ key: `x@1/${i}` as const, size: 1 }));

test('tables and places are joined', () => {
  const part = (blob: number[], start: number[]) => ({
    blob: Uint32Array.from(blob),
    start: Float64Array.from(start),
  });
  const all = joinPlaces(
    [part([0, 1], [5, 2 ** 40]), part([], []), part([1, 0], [-1, 0.5])],
    [blobs(2), blobs(3), blobs(2)],
  );
  expect(all).toEqual(part([0, 1, 6, 5], [5, 2 ** 40, -1, 0.5]));
  expect(joinTables([{ a: Int32Array.of(-1) }, { a: Int32Array.of(7, 8) }])).toEqual({
    a: Int32Array.of(-1, 7, 8),
  });
});
