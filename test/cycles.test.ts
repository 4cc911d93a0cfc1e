/** Counts by cycle, in WebAssembly as in TypeScript; checksums of short pieces. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32 } from '../genomics/kernels/crc32.ts';
import { cyclesUrl } from '../genomics/kernels/modules.ts';
import { createCycles, createFusedCycles } from '../genomics/stats/cycles.ts';

test('the cycle kernel and its twin', () => {
  const module = new WebAssembly.Module(readFileSync(cyclesUrl()));
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1023, 1024, 1025, 1500)),
          order: fc.constantFrom(0 as const, 1 as const),
          reverse: fc.boolean(),
          seed: fc.nat(),
        }),
        { maxLength: 30 },
      ),
      (reads) => {
        const both = [createCycles(), createFusedCycles(module)];
        for (const { length, order, reverse, seed } of reads) {
          const half = (length + 1) >> 1;
          const bytes = Uint8Array.from(
            { length: 7 + half + length },
            (_, i) => ((seed + i) * 2_654_435_761) >>> 24,
          );
          const found = both.map((cycles) => {
            cycles.load(bytes, 3, bytes.length);
            return cycles.add(bytes, 7, length, order, reverse);
          });
          expect(found[1]).toBe(found[0]);
        }
        const [plain, fused] = both.map((cycles) => {
          const { quality, bases } = cycles.build();
          return {
            bases,
            quality: quality.map((counts) => [...counts].join(' ').replace(/(^| )0( 0)*$/, '')),
          };
        });
        expect(fused).toEqual(plain);
      },
    ),
    { numRuns: 40, seed: 3 },
  );
});

test('CRC-32 is that of zlib', async () => {
  const zlib = await import('node:zlib');
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  for (let start = 0; start < 20; start++)
    for (let end = start; end < 300; end += 7)
      expect(crc32(bytes, start, end) >>> 0).toBe(zlib.crc32(bytes.subarray(start, end)));
});
