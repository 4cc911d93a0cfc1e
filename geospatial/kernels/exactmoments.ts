/** Count, least, greatest, sum and sum of squares of floats without any rounding, and so the same in any order. After Neal 2015, "Fast exact summation using small and large superaccumulators": a sum an exponent. */
import type { Cells } from './pyramid.ts';

/** Sums are exact: an odd whole number, in base 16, times 2 to a power, as text (`-1fp-20`) so that they are plain JSON; `0p0` for none. */
export type ExactMoments = {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: string;
  readonly squares: string;
};

/** Of no values; min and max are 0, as JSON has no infinities. */
const noValues: ExactMoments = { count: 0, min: 0, max: 0, sum: '0p0', squares: '0p0' };

// Parts of squares stay below 3 * 2^36, sums of so many below 2^53.
const atOnce = 2 ** 15;
const exponents = 2048;
// A mantissa is three parts of 18 bits: their sums, and those of their products by the place of these.
const parts = 3;
const products = 5;
// The last bit of a mantissa of exponent 1 is 2^-1074.
const lowest = -1074;

/**
 * Takes up values of a band: of a window of cells row by row, those that are finite, not `nodata`, and not 0 in `mask`. 64 KiB * 8, and no more however many come.
 */
export function momentsTaker(): {
  readonly add: (cells: Cells, from: number, count: number, nodata: number | undefined, mask?: Cells) => void;
  readonly moments: () => ExactMoments;
} {
  const sums = new Float64Array(exponents * parts);
  const squares = new Float64Array(exponents * products);
  const value = new Float64Array(1);
  const bits = new Uint32Array(value.buffer);
  let [waiting, count, min, max] = [0, 0, Infinity, -Infinity];
  let [first, last] = [exponents, 0];
  let [sum, square] = [0n, 0n];

  const flush = (): void => {
    for (let e = first; e <= last; e++) {
      const shift = BigInt(Math.max(e, 1) - 1);
      let [own, ownSquares] = [0n, 0n];
      for (let k = parts - 1; k >= 0; k--) own = (own << 18n) + BigInt(sums[e * parts + k]!);
      for (let k = products - 1; k >= 0; k--)
        ownSquares = (ownSquares << 18n) + BigInt(squares[e * products + k]!);
      sum += own << shift;
      square += ownSquares << (2n * shift);
    }
    sums.fill(0, first * parts, (last + 1) * parts);
    squares.fill(0, first * products, (last + 1) * products);
    [waiting, first, last] = [0, exponents, 0];
  };

  return {
    add(cells, from, length, nodata, mask) {
      for (let i = from; i < from + length; i++) {
        const x = cells[i]!;
        // Infinite less infinite is no number.
        if (x === nodata || x - x !== 0 || mask?.[i] === 0) continue;
        count++;
        if (x < min) min = x;
        if (x > max) max = x;
        if (x === 0) continue;
        value[0] = x;
        const [low, high] = [bits[0]!, bits[1]!];
        const e = (high >>> 20) & 2047;
        const top = (high & 0xfffff) | (e > 0 ? 0x100000 : 0);
        const a = low & 0x3ffff;
        const b = ((low >>> 18) | (top << 14)) & 0x3ffff;
        const c = top >>> 4;
        const [s, q] = [e * parts, e * products];
        if (x > 0) {
          sums[s] = sums[s]! + a;
          sums[s + 1] = sums[s + 1]! + b;
          sums[s + 2] = sums[s + 2]! + c;
        } else {
          sums[s] = sums[s]! - a;
          sums[s + 1] = sums[s + 1]! - b;
          sums[s + 2] = sums[s + 2]! - c;
        }
        squares[q] = squares[q]! + a * a;
        squares[q + 1] = squares[q + 1]! + 2 * a * b;
        squares[q + 2] = squares[q + 2]! + 2 * a * c + b * b;
        squares[q + 3] = squares[q + 3]! + 2 * b * c;
        squares[q + 4] = squares[q + 4]! + c * c;
        if (e < first) first = e;
        if (e > last) last = e;
        if (++waiting === atOnce) flush();
      }
    },
    moments() {
      if (waiting > 0) flush();
      if (count === 0) return noValues;
      return { count, min, max, sum: textOf(sum, lowest), squares: textOf(square, 2 * lowest) };
    },
  };
}

/** A whole number times 2 to a power. */
type Dyadic = { readonly digits: bigint; readonly exponent: number };

function textOf(digits: bigint, exponent: number): string {
  if (digits === 0n) return '0p0';
  const text = (digits < 0n ? -digits : digits).toString(2);
  const zeros = text.length - 1 - text.lastIndexOf('1');
  return `${(digits >> BigInt(zeros)).toString(16)}p${exponent + zeros}`;
}

function dyadicOf(text: string): Dyadic {
  const [digits, exponent] = text.split('p') as [string, string];
  const isNegative = digits.startsWith('-');
  const size = BigInt(`0x${isNegative ? digits.slice(1) : digits}`);
  return { digits: isNegative ? -size : size, exponent: Number(exponent) };
}

function plus(a: Dyadic, b: Dyadic): Dyadic {
  const exponent = Math.min(a.exponent, b.exponent);
  const aligned = ({ digits, exponent: own }: Dyadic): bigint => digits << BigInt(own - exponent);
  return { digits: aligned(a) + aligned(b), exponent };
}

function merge(a: ExactMoments, b: ExactMoments): ExactMoments {
  if (a.count === 0 || b.count === 0) return a.count === 0 ? b : a;
  const add = (x: string, y: string): string => {
    const { digits, exponent } = plus(dyadicOf(x), dyadicOf(y));
    return textOf(digits, exponent);
  };
  return {
    count: a.count + b.count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: add(a.sum, b.sum),
    squares: add(a.squares, b.squares),
  };
}

/** Band by band. */
export const mergeBands = (all: readonly (readonly ExactMoments[])[]): ExactMoments[] =>
  all[0]!.map((_, band) => all.map((own) => own[band]!).reduce(merge));

/** What is written of `cells` cells: mean and deviation from exact sums, rounded at the end. */
export function statisticsOf({ count, min, max, sum, squares }: ExactMoments, cells: number) {
  if (count === 0) return { min: NaN, max: NaN, mean: NaN, deviation: NaN, valid: 0 };
  const [s, q] = [dyadicOf(sum), dyadicOf(squares)];
  const n = BigInt(count);
  // n * squares - sum^2 is n^2 times the variance.
  const spread = plus(
    { digits: n * q.digits, exponent: q.exponent },
    { digits: -(s.digits ** 2n), exponent: 2 * s.exponent },
  );
  return {
    min,
    max,
    mean: quotient(s, n),
    deviation: Math.sqrt(quotient(spread, n * n)),
    valid: (100 * count) / cells,
  };
}

/** To 64 bits and more before it is rounded. */
function quotient({ digits, exponent }: Dyadic, by: bigint): number {
  const bits = (n: bigint): number => (n < 0n ? -n : n).toString(2).length;
  const shift = Math.max(0, 64 + bits(by) - bits(digits));
  const whole = Number((digits << BigInt(shift)) / by);
  const power = exponent - shift;
  // In two steps, as 2^-1100 is 0.
  const half = Math.trunc(power / 2);
  return whole * 2 ** half * 2 ** (power - half);
}
