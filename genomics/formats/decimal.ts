/** Numbers as C prints them. */

/**
 * A finite number with `digits` (0 to 99) digits after the point, as `printf("%.*f")` of C writes it: exact ties go to the
 * even digit, where `toFixed` goes away from zero, and negative zero keeps its sign.
 */
export function fixed(value: number, digits: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  // `toFixed` turns to exponents there; a double of that size is an integer.
  if (size >= 1e21) return sign + BigInt(size).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '');
  // A tie has one decimal digit more, a 5, so it is an odd multiple of 2^-(digits + 1); the product is exact.
  if ((size * 2 ** (digits + 1)) % 2 === 1) {
    const down = size
      .toFixed(digits + 1)
      .slice(0, -1)
      .replace(/\.$/, '');
    if (Number(down.at(-1)) % 2 === 0) return sign + down;
  }
  return sign + size.toFixed(digits);
}

/**
 * A number with `digits` digits after the point and an exponent of two digits at least, as `printf("%.*e")` of C writes it; ties go
 * to the even digit.
 */
export function scientific(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return unusual(value);
  const [mantissa, exponent] = split(value, digits + 1);
  const sign = exponent < 0 ? '-' : '+';
  return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** A number with `digits` significant digits (1 to 40), as `printf("%.*g")` of C writes it: no zeros at the end, ties to the even digit. */
export function general(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return unusual(value);
  const [mantissa, exponent] = split(value, digits);
  const trim = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (exponent < -4 || exponent >= digits) {
    const sign = exponent < 0 ? '-' : '+';
    return `${trim(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return trim(fixed(value, digits - 1 - exponent));
}

const unusual = (value: number): string => (Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf');

/** Mantissa of `count` digits and exponent. */
function split(value: number, count: number): readonly [mantissa: string, exponent: number] {
  const parse = (text: string): readonly [string, number] => {
    const at = text.indexOf('e');
    return [text.slice(0, at), Number(text.slice(at + 1))];
  };
  const negative = Object.is(value, -0) ? '-' : '';
  const [rounded, exponent] = parse(value.toExponential(count - 1));
  // `toExponential` goes away from zero at a tie, and a double has no more digits than these at one.
  const [exact, lower] = parse(value.toExponential(Math.min(100, count + 59)));
  const digits = exact.replace(/[-.]/g, '');
  const isTie = digits[count] === '5' && /^0*$/.test(digits.slice(count + 1));
  if (!isTie || Number(digits[count - 1]) % 2 === 1) return [negative + rounded, exponent];
  const down = digits.slice(0, count);
  const sign = value < 0 ? '-' : '';
  return [`${sign}${down[0]}${count > 1 ? `.${down.slice(1)}` : ''}`, lower];
}
