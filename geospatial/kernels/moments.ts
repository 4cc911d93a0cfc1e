/** Least, greatest, mean and deviation of columns of whole numbers, by sums that are exact and so the same in any order. */

/** Sums are whole numbers of any size, as text so that they are plain JSON. */
export type Moments = {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: string;
  readonly squares: string;
};

export const noMoments: Moments = { count: 0, min: Infinity, max: -Infinity, sum: '0', squares: '0' };

// Sums of so many products of 31 bits stay below 2^53.
const atOnce = 2 ** 20;

/** Of a column of i32, or of smaller numbers. */
export function momentsOf(column: ArrayLike<number>): Moments {
  let [min, max] = [Infinity, -Infinity];
  let [sum, squares] = [0n, 0n];
  for (let from = 0; from < column.length; from += atOnce) {
    const to = Math.min(column.length, from + atOnce);
    let [total, high, mixed, low] = [0, 0, 0, 0];
    for (let i = from; i < to; i++) {
      const value = column[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
      total += value;
      // value = a * 2^16 + b, and its square in three exact parts.
      const [a, b] = [value >> 16, value & 0xffff];
      high += a * a;
      mixed += a * b;
      low += b * b;
    }
    sum += BigInt(total);
    squares += (BigInt(high) << 32n) + (BigInt(mixed) << 17n) + BigInt(low);
  }
  return { count: column.length, min, max, sum: String(sum), squares: String(squares) };
}

export function mergeMoments(all: readonly Moments[]): Moments {
  return all.reduce(
    (a, b) => ({
      count: a.count + b.count,
      min: Math.min(a.min, b.min),
      max: Math.max(a.max, b.max),
      sum: String(BigInt(a.sum) + BigInt(b.sum)),
      squares: String(BigInt(a.squares) + BigInt(b.squares)),
    }),
    noMoments,
  );
}

/** Mean and standard deviation of the values `raw * scale + offset`; of no values NaN. */
export function spreadOf(
  { count, sum, squares }: Moments,
  scale = 1,
  offset = 0,
): { mean: number; deviation: number } {
  const n = BigInt(count);
  // count * squares - sum^2 is count^2 times the variance, and exact.
  const variance = Number(n * BigInt(squares) - BigInt(sum) ** 2n) / count ** 2;
  return { mean: (Number(BigInt(sum)) / count) * scale + offset, deviation: Math.sqrt(variance) * scale };
}
