/** Differences along rows, their sums and planes of bytes against their plain forms, within the kernel's memory and outside of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deflateRoom } from '../core/deflate.ts';
import { addUp, join, split, subtract } from '../core/differences.ts';
import { random } from '../datasets/random.ts';

const shape = fc.record({
  size: fc.constantFrom(1, 2, 4, 8),
  bands: fc.constantFrom(1, 2, 3, 4, 5, 8, 16, 17),
  width: fc.integer({ min: 1, max: 90 }),
  rows: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(1e6),
  isWithin: fc.boolean(),
});

const noise = (length: number, seed: number): Uint8Array => {
  const chance = random(seed);
  return Uint8Array.from({ length }, () => chance.next());
};

/** A copy, in the kernel's memory or not. */
function placed(bytes: Uint8Array, isWithin: boolean): Uint8Array {
  const out = isWithin ? deflateRoom(bytes.length) : new Uint8Array(bytes.length);
  out.set(bytes);
  return out;
}

/** Little-endian numbers of `size` bytes. */
function numbers(bytes: Uint8Array, size: number): bigint[] {
  const out: bigint[] = [];
  for (let i = 0; i < bytes.length; i += size) {
    let value = 0n;
    for (let k = size - 1; k >= 0; k--) value = value * 256n + BigInt(bytes[i + k]!);
    out.push(value);
  }
  return out;
}

test('differences are those of the number a few before, sums undo them', () => {
  fc.assert(
    fc.property(shape, ({ size, bands, width, rows, seed, isWithin }) => {
      const line = width * bands * size;
      const given = noise(line * rows, seed);
      const along = { line, size, back: bands * size };
      const found = subtract(placed(given, isWithin), along);
      const values = numbers(given, size);
      const count = width * bands;
      const expected = values.map((value, i) =>
        BigInt.asUintN(8 * size, i % count < bands ? value : value - values[i - bands]!),
      );
      expect(numbers(found, size)).toEqual(expected);
      expect(Buffer.compare(addUp(placed(found, isWithin), along), given)).toBe(0);
    }),
    { numRuns: 400 },
  );
});

test('planes have the most significant bytes first, and become numbers again', () => {
  fc.assert(
    fc.property(shape, fc.constantFrom(2, 3, 4, 8), ({ bands, width, rows, seed, isWithin }, size) => {
      const count = width * bands;
      const line = count * size;
      const given = noise(line * rows, seed);
      const found = split(placed(given, isWithin), line, size);
      const expected = new Uint8Array(given.length);
      for (let row = 0; row < rows; row++)
        for (let i = 0; i < count; i++)
          for (let plane = 0; plane < size; plane++)
            expected[row * line + plane * count + i] = given[row * line + (i + 1) * size - 1 - plane]!;
      expect(Buffer.compare(found, expected)).toBe(0);
      expect(Buffer.compare(join(placed(found, isWithin), line, size), given)).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('more than a piece of bytes, and rows longer than one', () => {
  for (const line of [4 * 1000, 2 ** 20 + 4]) {
    const given = noise(3 * line * Math.ceil(2 ** 20 / line), 5);
    const along = { line, size: 4, back: 4 };
    const bytes = given.slice();
    expect(Buffer.compare(addUp(subtract(bytes, along), along), given)).toBe(0);
    expect(Buffer.compare(join(split(bytes, line, 4), line, 4), given)).toBe(0);
  }
});
