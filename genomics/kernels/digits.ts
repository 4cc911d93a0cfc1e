/** Decimal numbers in bytes. */

/** Decimal digits of a number from 0 on, written at `at`; gives where they end. */
export function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = Math.floor(rest / 10);
    bytes[i] = 48 + rest - 10 * tenth;
    rest = tenth;
  }
  return at + digits;
}

/** Adds one to the decimal number in `[from, to)`; false where it would need another digit. */
export function increment(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = to - 1; i >= from; i--) {
    if (bytes[i]! < 57) {
      bytes[i]!++;
      return true;
    }
    bytes[i] = 48;
  }
  return false;
}
