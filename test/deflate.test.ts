/** DEFLATE by the kernel, against zlib. */
import { deflateRawSync, deflateSync, inflateRawSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deflateRaw, deflateRoom, deflateZlib } from '../core/deflate.ts';
import { inflateZlib } from '../core/inflate.ts';

const levels = [1, 6];

/** Numbers that look random, the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}
const filled = (length: number, byte: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => byte(i));

function back(bytes: Uint8Array): void {
  for (const level of levels) {
    const raw = deflateRaw(bytes, level);
    if (!inflateRawSync(raw).equals(bytes))
      throw new Error(`level ${level}, ${bytes.length} bytes: another inflated`);
    if (!inflateSync(deflateZlib(bytes, level)).equals(bytes))
      throw new Error(`level ${level}: zlib's differ`);
    expect(raw.length).toBeLessThanOrEqual(bytes.length + 5 * (2 + Math.floor(bytes.length / 8192)));
  }
}

test('small inputs of every length', () => {
  const next = numbers(1);
  for (let length = 0; length <= 300; length++) {
    back(new Uint8Array(length));
    back(filled(length, next));
    back(filled(length, (i) => 65 + (i % 3)));
    back(filled(length, () => next() % 4));
  }
});

test('runs and periods, within the window and beyond it', () => {
  const next = numbers(2);
  for (const period of [1, 2, 3, 4, 7, 15, 16, 17, 257, 258, 259, 32_767, 32_768, 32_769, 40_000]) {
    const once = filled(period, next);
    back(filled(3 * period + 1000, (i) => once[i % period]!));
  }
  // What lies 32,768 bytes back is within reach, one byte more is not.
  const once = filled(32_768, next);
  expect(deflateRaw(Buffer.concat([once, once]), 6).length).toBeLessThan(34_500);
  expect(deflateRaw(Buffer.concat([once, Uint8Array.of(1), once]), 6).length).toBeGreaterThan(65_000);
});

test('alphabets of all kinds: each byte once, two letters, Fibonacci counts beyond 14 bits', () => {
  back(filled(256, (i) => i));
  back(filled(65_536, (i) => i ^ (i >> 8)));
  const next = numbers(3);
  back(filled(50_000, () => next() & 1));
  const letters: number[] = [];
  for (let [a, b, letter] = [1, 1, 0]; letters.length < 400_000; [a, b, letter] = [b, a + b, letter! + 1])
    for (let i = 0; i < a!; i++) letters.push(letter!);
  // In an order that has no repeats worth a match.
  const mixed = Uint8Array.from(letters);
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = next() % (i + 1);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  back(mixed);
});

test('noise of one and two bytes, blocks of BGZF, parts unlike each other, 4 MiB', () => {
  const next = numbers(4);
  const noise = filled(65_280, next);
  back(noise);
  const pairs = new Uint8Array(
    Int16Array.from({ length: 2 ** 17 }, () => (next() % 60) - (next() % 60)).buffer,
  );
  back(pairs);
  back(pairs.subarray(1));
  back(
    Buffer.concat([
      noise,
      new Uint8Array(70_000),
      pairs,
      Buffer.from('chr20\t100\t200\n'.repeat(9000)),
      noise,
    ]),
  );
  const words = Array.from({ length: 300 }, () => `${next().toString(36)}\t`);
  back(
    Buffer.from(
      Array.from({ length: 800_000 }, () => words[next() % 300]!)
        .join('')
        .slice(0, 2 ** 22),
    ),
  );
});

test('any mixture of repeats and literals', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ bytes, times: 1 })),
    fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }), times: fc.nat(200) }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(29), (pieces, again) => {
      const parts = pieces.flatMap(({ bytes, times }) => Array.from({ length: times }, () => bytes));
      back(Buffer.concat([...parts, ...parts.slice(again)]));
    }),
    { numRuns: 60 },
  );
});

test('equal input has equal output, whatever was compressed before', () => {
  const next = numbers(5);
  const text = Buffer.from(Array.from({ length: 20_000 }, () => `${next() % 500}\t`).join(''));
  const first = levels.map((level) => deflateZlib(text, level));
  const others = [
    text.subarray(7),
    filled(100_000, next),
    new Uint8Array(300_000),
    Buffer.concat([text, text]),
    Uint8Array.of(),
  ];
  for (const other of others)
    for (const level of levels) {
      deflateRaw(other, level);
      for (const [i, l] of levels.entries()) expect(Buffer.compare(deflateZlib(text, l), first[i]!)).toBe(0);
    }
});

test('a bit that is wrong is found by the checksum', () => {
  const text = Buffer.from('chr20\t100\t200\t31\n'.repeat(40));
  for (const level of levels) {
    const stream = deflateZlib(text, level);
    for (let bit = 0; bit < 8 * stream.length; bit++) {
      const damaged = stream.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      let found: Uint8Array | undefined;
      try {
        found = inflateSync(damaged);
      } catch {}
      // The level in the header, and bits behind the end of the stream, say nothing.
      if (found !== undefined) expect(text.equals(found)).toBe(true);
    }
  }
});

test('about as small as zlib', () => {
  const next = numbers(6);
  const text = Buffer.from(
    Array.from(
      { length: 9000 },
      (_, i) => `chr20\t${1000 + 17 * i}\t.\tA\tG\t${next() % 90}\tPASS\tDP=${next() % 60}\n`,
    ).join(''),
  );
  const pairs = new Uint8Array(
    Int16Array.from({ length: 2 ** 17 }, () => (next() % 90) - (next() % 90)).buffer,
  );
  for (const bytes of [text, pairs])
    for (const level of levels)
      expect(deflateRaw(bytes, level).length).toBeLessThan(1.03 * deflateRawSync(bytes, { level }).length);
});

test('what lies where the kernel reads it is compressed like any other', () => {
  const next = numbers(7);
  for (const length of [1, 1000, 70_000]) {
    const bytes = filled(length, () => next() % 9);
    const room = deflateRoom(length);
    room.set(bytes);
    expect(Buffer.from(deflateZlib(room, 6)).equals(deflateZlib(bytes, 6))).toBe(true);
  }
});

test('streams are inflated as by zlib, whole or broken, with room or without', () => {
  const next = numbers(8);
  const outcome = (inflate: () => Uint8Array): string => {
    try {
      return Buffer.from(inflate()).toString('base64');
    } catch (error) {
      return (error as Error).message;
    }
  };
  let broken = 0;
  for (let round = 0; round < 400; round++) {
    const values = [1, 3, 60, 256][round % 4]!;
    const bytes = filled(next() % 9000, () => next() % values);
    const stream = round % 3 === 0 ? deflateZlib(bytes, 6) : deflateSync(bytes, { level: round % 10 });
    const most = Math.max(1, bytes.length + (round % 5) - 1);
    expect(Buffer.from(inflateZlib(stream, bytes.length + 1)).equals(bytes)).toBe(true);
    const cut = stream.subarray(0, next() % stream.length);
    const longer = Buffer.concat([stream, Buffer.from([1, 2, 3])]);
    const flipped = Buffer.from(stream);
    flipped[next() % stream.length]! ^= 1 << (round % 8);
    for (const one of [stream, cut, longer, flipped]) {
      const expected = outcome(() => inflateSync(one, { maxOutputLength: most }));
      expect(outcome(() => inflateZlib(one, most))).toBe(expected);
      if (!Buffer.from(bytes).toString('base64').startsWith(expected)) broken++;
    }
  }
  expect(broken).toBeGreaterThan(600);
});
