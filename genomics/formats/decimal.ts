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
