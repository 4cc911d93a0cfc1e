/** Whole numbers in values of VCF, as htslib reads them: what begins with digits counts up to where they end, `.` is missing. */

const [comma, minus, plus] = [0x2c, 0x2d, 0x2b];
/** The least and the largest number that BCF holds (VCF 4.3 clause 6.3.3). */
const [least, most] = [-2147483640, 2147483647];

/** The whole number that `[from, to)` begins with; NaN where there is none, or none that BCF holds. */
export function leadingInteger(bytes: Uint8Array, from: number, to: number): number {
  const sign = bytes[from] === minus ? -1 : 1;
  let at = sign < 0 || bytes[from] === plus ? from + 1 : from;
  const first = at;
  let value = 0;
  for (; at < to; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) break;
    value = 10 * value + digit;
  }
  if (at === first) return NaN;
  value *= sign;
  return value < least || value > most ? NaN : value;
}

/** The numbers of a list, NaN where one is missing, into `out`, which holds as many as fit; gives how many there are. */
export function integersOf(bytes: Uint8Array, from: number, to: number, out: Float64Array): number {
  let count = 0;
  for (let at = from; at <= to; count++) {
    let stop = at;
    while (stop < to && bytes[stop] !== comma) stop++;
    if (count < out.length) out[count] = leadingInteger(bytes, at, stop);
    at = stop + 1;
  }
  return count;
}
