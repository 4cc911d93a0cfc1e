/** Overviews and predictors against their plain forms. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { halve } from '../geospatial/kernels/overview.ts';
import { predict } from '../geospatial/formats/predictor.ts';

describe('predictors', () => {
  const table = fc.integer({ min: 1, max: 9 }).chain((width) =>
    fc.record({
      width: fc.constant(width),
      cells: fc.integer({ min: 1, max: 6 }).chain((height) =>
        fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), {
          minLength: width * height,
          maxLength: width * height,
        }),
      ),
    }),
  );
  test('sums undo the differences of integers', () => {
    fc.assert(
      fc.property(table, ({ width, cells }) => {
        const values = new Uint32Array(cells.length);
        predict(Uint32Array.from(cells), width, 1, new Uint8Array(values.buffer));
        for (let i = 0; i < values.length; i++) if (i % width > 0) values[i] = values[i]! + values[i - 1]!;
        expect([...values]).toEqual(cells);
      }),
    );
  });
  test('sums and planes undo those of floats, whatever their bits', () => {
    fc.assert(
      fc.property(table, ({ width, cells }) => {
        const original = Uint32Array.from(cells);
        const floats = new Float32Array(original.slice().buffer);
        const bytes = predict(floats, width, 1, new Uint8Array(floats.byteLength));
        const found = cells.map((_, i) => {
          const row = bytes.slice((i - (i % width)) << 2, (i - (i % width) + width) << 2);
          for (let j = 1; j < row.length; j++) row[j] = row[j]! + row[j - 1]!;
          const column = i % width;
          return (
            row[column]! * 2 ** 24 +
            row[width + column]! * 2 ** 16 +
            row[2 * width + column]! * 2 ** 8 +
            row[3 * width + column]!
          );
        });
        expect(found).toEqual(cells);
      }),
    );
  });
});

describe('halve', () => {
  const nodata = -1;
  const table = fc
    .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
    .chain(({ width, height }) =>
      fc.record({
        width: fc.constant(width),
        height: fc.constant(height),
        cells: fc.array(
          fc.oneof(fc.constant(nodata), fc.constant(NaN), fc.float({ min: 0, max: 1000, noNaN: true })),
          { minLength: width * height, maxLength: width * height },
        ),
      }),
    );
  const naive = (cells: ArrayLike<number>, width: number, height: number): number[] => {
    const out: number[] = [];
    for (let y = 0; y < height; y += 2)
      for (let x = 0; x < width; x += 2) {
        const block = [
          [x, y],
          [x + 1, y],
          [x, y + 1],
          [x + 1, y + 1],
        ]
          .filter(([i, j]) => i! < width && j! < height)
          .map(([i, j]) => cells[j! * width + i!]!)
          .filter((v) => v !== nodata && !Number.isNaN(v));
        out.push(block.length === 0 ? nodata : Math.fround(block.reduce((a, b) => a + b, 0) / block.length));
      }
    return out;
  };
  test('is the mean of the valid cells', () => {
    fc.assert(
      fc.property(table, ({ width, height, cells }) => {
        const values = Float32Array.from(cells);
        expect([...halve(values, width, height, { nodata })]).toEqual(naive(values, width, height));
      }),
    );
  });
  test('tile by tile gives what the whole gives', () => {
    const [width, height] = [1030, 517];
    const values = Float32Array.from({ length: width * height }, (_, i) =>
      (i * 7) % 97 < 40 ? -9999 : Math.sin(i / 30) * 40 + (i % 13) / 8,
    );
    const whole = halve(values, width, height, { nodata: -9999 });
    const [left, top] = [512, 256];
    const part = Float32Array.from({ length: (width - left) * (height - top) }, (_, i) => {
      const columns = width - left;
      return values[(top + Math.floor(i / columns)) * width + left + (i % columns)]!;
    });
    const half = halve(part, width - left, height - top, { nodata: -9999 });
    const columns = (width - left) / 2;
    for (const i of half.keys())
      expect(half[i]).toBe(
        whole[(top / 2 + Math.floor(i / columns)) * (width / 2) + left / 2 + (i % columns)],
      );
  });
  test('counts are rounded, halves up, without overflow', () => {
    expect([...halve(Uint32Array.of(1, 2, 2, 2, 0, 1), 3, 2)]).toEqual([1, 2]);
    expect([...halve(new Uint32Array(4).fill(2 ** 32 - 1), 2, 2)]).toEqual([2 ** 32 - 1]);
    expect([...halve(Uint32Array.of(0, 0, 0, 9), 2, 2, { nodata: 0 })]).toEqual([9]);
  });
  test('valid cells never turn into nodata', () => {
    expect([...halve(Float32Array.of(-9998, -10_000), 2, 1, { nodata: -9999 })]).toEqual([-9998]);
    expect([...halve(Float32Array.of(Infinity, -Infinity), 2, 1, { nodata: -9999 })]).toEqual([Infinity]);
    expect([...halve(Float32Array.of(NaN), 1, 1)]).toEqual([NaN]);
  });
});
