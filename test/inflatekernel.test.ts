/** A kernel's inflater against zlib: good streams, cut ones, changed ones and noise. */
import { readFileSync } from 'node:fs';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { random, type Random } from '../datasets/random.ts';
import { portable } from '../genomics/formats/inflate.ts';
import { vcfModules } from '../genomics/kernels/modules.ts';
import type { VcfExports } from '../genomics/kernels/vcftable.ts';

const module = new WebAssembly.Module(readFileSync(vcfModules.vcf()));
const exports = new WebAssembly.Instance(module).exports as unknown as VcfExports;
// Memory of the test's own, behind all that the kernel uses.
const own = exports.memory.buffer.byteLength;
exports.memory.grow(32);
const memory = new Uint8Array(exports.memory.buffer);
const guard = 64;
const to = own + guard;
const room = 1 << 20;

/**
 * Inflates `stream`, with no byte allowed behind it or behind the output: guards show writes outside, and against the end of memory
 * (`atEnd`) a read past the stream would trap. Gives the length, or what is below 0.
 */
function inflate(stream: Uint8Array, length: number, atEnd: boolean): number {
  const from = atEnd ? memory.length - stream.length : to + room;
  memory.set(stream, from);
  memory.fill(0xa5, to - guard, to);
  memory.fill(0xa5, to + length, to + length + 512);
  const found = exports.inflateRaw(from, stream.length, from + stream.length, to, length, to + length);
  expect(memory.subarray(to - guard, to).every((byte) => byte === 0xa5)).toBe(true);
  expect(memory.subarray(to + length, to + length + 512).every((byte) => byte === 0xa5)).toBe(true);
  return found;
}

const output = (length: number): Buffer => Buffer.from(memory.buffer, to, length);

/** Bytes with matches near and far, short and long codes, or none. */
function sample(chance: Random): Uint8Array {
  const sizes = [0, 1, 2, 15, 16, 17, 100, 258, 259, 1000, 5000, 33_000, 65_280, 200_000];
  const bytes = new Uint8Array(sizes[chance.below(sizes.length)]!);
  const kind = chance.below(7);
  const far = 1 + chance.below(kind === 3 ? 40 : 32_000);
  for (let i = 0; i < bytes.length; i++) {
    const noise = chance.next();
    if (kind === 0) bytes[i] = noise;
    else if (kind === 1) bytes[i] = 65 + (noise & 3);
    else if (kind === 2) bytes[i] = noise % 50 === 0 ? noise >>> 8 : (bytes[i - 1] ?? 0);
    else if (kind === 3 || kind === 4)
      bytes[i] = i >= far && noise & 7 ? bytes[i - far]! : (noise >>> 8) & 63;
    else if (kind === 5) bytes[i] = Math.min(255, Math.floor(-Math.log((noise + 1) / 2 ** 32) * 12));
  }
  return bytes;
}

/** What zlib makes of a stream, which must end where its bytes do; undefined when it refuses. */
function zlibOf(stream: Uint8Array, limit: number): Buffer | undefined {
  try {
    const options = { maxOutputLength: Math.max(1, limit), info: true };
    const { buffer, engine } = inflateRawSync(stream, options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return buffer.length <= limit && engine.bytesWritten === stream.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

function mustAgree(stream: Uint8Array, limit: number, what: string): boolean {
  const found = inflate(stream, limit, true);
  const right = zlibOf(stream, limit);
  expect(found >= 0, `${what}: zlib gives ${right?.length}, the kernel ${found}`).toBe(right !== undefined);
  if (right) expect(output(found).equals(right), what).toBe(true);
  return right !== undefined;
}

const strategies = [
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FILTERED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FIXED,
];

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('streams of level %i, then cut and changed', (level) => {
  const chance = random(level, 'inflate');
  let accepted = 0;
  for (const strategy of strategies)
    for (let round = 0; round < 4; round++) {
      const bytes = sample(chance);
      const [memLevel, windowBits] = [1 + chance.below(9), 9 + chance.below(7)];
      const stream = deflateRawSync(bytes, { level, strategy, memLevel, windowBits });
      const what = `level ${level}, strategy ${strategy}, ${bytes.length} bytes, round ${round}`;
      for (const atEnd of [false, true]) {
        expect(inflate(stream, bytes.length, atEnd), what).toBe(bytes.length);
        expect(output(bytes.length).equals(bytes), what).toBe(true);
      }
      if (bytes.length > 0) expect(inflate(stream, bytes.length - 1, false), what).toBeLessThan(0);
      expect(inflate(Buffer.concat([stream, Buffer.of(0)]), bytes.length, true), what).toBeLessThan(0);
      for (let i = 0; i < 8; i++) {
        const length = i < 4 ? Math.max(0, stream.length - 1 - i) : chance.below(stream.length);
        expect(inflate(stream.subarray(0, length), bytes.length, true), `${what} cut`).toBeLessThan(0);
        const changed = Uint8Array.from(stream);
        for (let flips = 1 + chance.below(3); flips > 0; flips--) {
          const at = chance.below(flips === 2 ? Math.min(60, changed.length) : changed.length);
          changed[at]! ^= 1 << chance.below(8);
        }
        if (mustAgree(changed, bytes.length + 1000, `${what} changed, ${i}`)) accepted++;
      }
    }
  // Where nothing is checked, as in stored blocks, a changed stream is still one.
  expect(accepted).toBeGreaterThan(0);
});

test('noise', () => {
  const chance = random(1, 'noise');
  for (let round = 0; round < 2000; round++) {
    const stream = Uint8Array.from({ length: 1 + chance.below(2000) }, () => chance.next());
    // Half of it says that it is one block with codes of its own.
    if (round % 2) stream[0] = (stream[0]! & ~7) | 5;
    mustAgree(stream, 100_000, `round ${round}`);
  }
});

test('the inflaters of blocks agree on a stream that goes on behind its end', () => {
  const stream = Buffer.concat([deflateRawSync('abc'), Buffer.of(1, 2)]);
  expect(portable(stream, 0, stream.length, new Uint8Array(10), 0, 3)).toContain('follow the end');
  expect(inflate(stream, 3, false)).toBeLessThan(0);
});
