/** Floats of BCF as bcftools prints them: six significant digits at most. */
import { writeNumber } from '../kernels/digits.ts';
import { general } from './decimal.ts';

/** Bytes that a float takes, at most. */
export const floatRoom = 16;

const powers = Array.from({ length: 17 }, (_, i) => 10 ** i);
const [minus, point, zero] = [0x2d, 0x2e, 48];

/**
 * A number as kputd of htslib (1.16) writes it, at `at`; gives where it ends. From 0.0001 to 999999 it rounds ten decimals of the number half
 * up, where `%g`, which writes all others, rounds ties of the exact number to the even digit.
 */
export function writeFloat(out: Uint8Array, at: number, value: number): number {
  const isNegative = value < 0 || Object.is(value, -0);
  if (isNegative) out[at++] = minus;
  const size = isNegative ? -value : value;
  if (size <= 999_999 && Number.isInteger(size)) return writeNumber(out, at, size);
  if (!(size >= 0.0001 && size <= 999_999)) {
    const text = general(size);
    for (let i = 0; i < text.length; i++) out[at++] = text.charCodeAt(i);
    return at;
  }
  const scaled = Math.trunc(size * 1e10);
  let digits = 7;
  while (scaled >= powers[digits]!) digits++;
  // From here on the number is `number` / 10^`decimals`; beyond 2^53 `scaled` is a multiple of two, as is what is taken from it.
  const unit = powers[digits - 6]!;
  let number = Math.floor(scaled / unit);
  if (scaled - number * unit >= unit / 2) number++;
  let decimals = 16 - digits;
  while (decimals > 0 && number % 10 === 0) {
    number /= 10;
    decimals--;
  }
  const whole = Math.floor(number / powers[decimals]!);
  at = writeNumber(out, at, whole);
  if (decimals === 0) return at;
  out[at++] = point;
  let rest = number - whole * powers[decimals]!;
  for (let i = at + decimals - 1; i >= at; i--) {
    const tenth = Math.floor(rest / 10);
    out[i] = zero + rest - 10 * tenth;
    rest = tenth;
  }
  return at + decimals;
}
