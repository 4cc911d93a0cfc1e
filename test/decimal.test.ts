/** Numbers as C prints them, against exact arithmetic. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fixed } from '../genomics/formats/decimal.ts';

/** Rounds the exact value of a double, half to even, in integers. */
function exact(value: number, digits: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent ? 1n << 52n : 0n);
  const shift = BigInt((exponent || 1) - 1075);
  const top = mantissa * 10n ** BigInt(digits) * (shift > 0n ? 1n << shift : 1n);
  const bottom = shift < 0n ? 1n << -shift : 1n;
  const [quotient, twice] = [top / bottom, (top % bottom) * 2n];
  const rounded = quotient + (twice > bottom || (twice === bottom && quotient % 2n === 1n) ? 1n : 0n);
  const text = rounded.toString().padStart(digits + 1, '0');
  const point = text.length - digits;
  return (bits >> 63n ? '-' : '') + text.slice(0, point) + (digits > 0 ? `.${text.slice(point)}` : '');
}

test('ties go to the even digit, as in C and not as in toFixed', () => {
  expect([0.125, 0.375, 2.5, 3.5, -0.125].map((x) => fixed(x, x % 1 === 0.5 ? 0 : 2))).toEqual([
    '0.12',
    '0.38',
    '2',
    '4',
    '-0.12',
  ]);
  expect((0.125).toFixed(2)).toBe('0.13');
  expect([fixed(-0, 2), fixed(-0.001, 2), fixed(1e21, 1), fixed(0.5, 0), fixed(1.5, 0)]).toEqual([
    '-0.00',
    '-0.00',
    '1000000000000000000000.0',
    '0',
    '2',
  ]);
});

test('any double and any tie equal exact rounding', () => {
  const digits = fc.integer({ min: 0, max: 20 });
  const tie = fc
    .tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: 0, max: 12 }))
    .map(([n, shift]) => n / 2 ** shift);
  const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), tie);
  fc.assert(
    fc.property(value, digits, (x, n) => fixed(x, n) === exact(x, n)),
    { numRuns: 3000 },
  );
});
