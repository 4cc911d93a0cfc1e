/** Overviews by kernels against their plain form, whatever the windows; exact sums against whole numbers of any size. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeBands, momentsTaker, statisticsOf } from '../geospatial/kernels/exactmoments.ts';
import { smooth } from '../geospatial/kernels/smoothing.ts';

describe('smoothing', () => {
  const kernels = {
    bilinear: (x: number) => Math.max(0, 1 - Math.abs(x)),
    cubic(x: number) {
      const d = Math.abs(x);
      if (d <= 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
      return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
    },
  };
  const raster = fc
    .record({ width: fc.integer({ min: 1, max: 14 }), height: fc.integer({ min: 1, max: 14 }) })
    .chain(({ width, height }) =>
      fc.record({
        width: fc.constant(width),
        height: fc.constant(height),
        cells: fc.array(
          fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 999 }) }, fc.constant(-1)),
          {
            minLength: width * height,
            maxLength: width * height,
          },
        ),
        smoothing: fc.constantFrom('bilinear' as const, 'cubic' as const),
        cut: fc.integer({ min: 0, max: 6 }),
      }),
    );
  const whole = (width: number, height: number) => ({ left: 0, top: 0, width, height });

  test('without gaps, the kernel twice as wide, its weights shared out over the cells that there are', () => {
    fc.assert(
      fc.property(raster, ({ width, height, cells, smoothing }) => {
        const half = whole(Math.ceil(width / 2), Math.ceil(height / 2));
        const values = Float64Array.from(cells, (v) => Math.abs(v));
        const shape = { type: 'Float64', bands: 1 } as const;
        const found = smooth(values, whole(width, height), { width, height }, half, smoothing, shape);
        for (let y = 0; y < half.height; y++)
          for (let x = 0; x < half.width; x++) {
            let [sum, weights] = [0, 0];
            for (let r = 0; r < height; r++)
              for (let c = 0; c < width; c++) {
                const weight =
                  kernels[smoothing]((c + 0.5 - 2 * x - 1) / 2) *
                  kernels[smoothing]((r + 0.5 - 2 * y - 1) / 2);
                sum += weight * values[r * width + c]!;
                weights += weight;
              }
            expect(found[y * half.width + x]).toBeCloseTo(sum / weights, 8);
          }
      }),
      { numRuns: 60 },
    );
  });

  test('a window gives the cells of the whole, with gaps and a mask', () => {
    fc.assert(
      fc.property(raster, ({ width, height, cells, smoothing, cut }) => {
        const size = { width, height };
        const half = whole(Math.ceil(width / 2), Math.ceil(height / 2));
        const values = Int16Array.from(cells.flatMap((v, i) => [v, i % 7 === cut ? 0 : 1]));
        const shape = { type: 'Int16', bands: 2, nodata: -1, masked: true } as const;
        const all = smooth(values, whole(width, height), size, half, smoothing, shape);
        const left = Math.min(cut, half.width - 1);
        const target = { left, top: 0, width: half.width - left, height: half.height };
        const from = Math.max(0, 2 * left - (smoothing === 'cubic' ? 3 : 1));
        const window = { left: from, top: 0, width: width - from, height };
        const part = new Int16Array(window.width * height * 2);
        for (let y = 0; y < height; y++)
          part.set(values.subarray(2 * (y * width + from), 2 * (y + 1) * width), 2 * y * window.width);
        const found = smooth(part, window, size, target, smoothing, shape);
        for (let y = 0; y < half.height; y++)
          expect([...found.subarray(2 * y * target.width, 2 * (y + 1) * target.width)]).toEqual([
            ...all.subarray(2 * (y * half.width + left), 2 * (y + 1) * half.width),
          ]);
      }),
      { numRuns: 100 },
    );
  });

  test('what alpha hides has no part, whatever it is', () => {
    fc.assert(
      fc.property(raster, ({ width, height, cells, smoothing, cut }) => {
        const size = { width, height };
        const half = whole(Math.ceil(width / 2), Math.ceil(height / 2));
        const shape = { type: 'Int16', bands: 2, alpha: true } as const;
        const withHidden = (value: number): Int16Array =>
          Int16Array.from(cells.flatMap((v, i) => (i % 5 === cut % 5 ? [value, 0] : [v, 255])));
        const [one, other] = [-9000, 9000].map((value) =>
          smooth(withHidden(value), whole(width, height), size, half, smoothing, shape),
        );
        expect(one).toEqual(other);
      }),
      { numRuns: 60 },
    );
  });
});

describe('exact moments', () => {
  const of = (values: readonly number[]) => {
    const taker = momentsTaker();
    taker.add(Float64Array.from(values), 0, values.length, undefined);
    return taker.moments();
  };
  test('any order and any cut, the same to the last bit', () => {
    const all = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(all, fc.nat(40), (values, cut) => {
        const [one] = mergeBands([[of(values.slice(cut))], [of(values.slice(0, cut).reverse())]]);
        expect(one).toEqual(of(values));
      }),
    );
  });
  test('sums of whole numbers, near 2^53 too', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger(), { minLength: 2, maxLength: 9 }), (values) => {
        const [n, sum] = [BigInt(values.length), values.reduce((a, v) => a + BigInt(v), 0n)];
        const squares = values.reduce((a, v) => a + BigInt(v) ** 2n, 0n);
        const { mean, deviation } = statisticsOf(of(values), values.length);
        const variance = Number(n * squares - sum * sum) / values.length ** 2;
        expect(Math.abs(mean - Number(sum) / values.length)).toBeLessThanOrEqual(1e-15 * Math.abs(mean));
        expect(Math.abs(deviation - Math.sqrt(variance))).toBeLessThanOrEqual(1e-14 * deviation);
      }),
    );
  });
  test('what is far smaller than the rest is not lost', () => {
    const { mean } = statisticsOf(of([1e300, 3, -1e300]), 3);
    expect(mean).toBe(1);
  });
  test('nodata, NaN, infinities and hidden cells are no values', () => {
    const taker = momentsTaker();
    taker.add(Float32Array.of(5, -9999, NaN, Infinity, 7, 8), 0, 6, -9999, Uint8Array.of(1, 1, 1, 1, 1, 0));
    expect(statisticsOf(taker.moments(), 6)).toMatchObject({ min: 5, max: 7, mean: 6, deviation: 1 });
    expect(statisticsOf(taker.moments(), 6).valid).toBeCloseTo(33.33, 2);
  });
});
