/** The reused stream deflates as the documented interface does. */
import { expect, test } from 'vitest';
import { random } from '../datasets/random.ts';
import { deflaterOf, portableDeflater, reusedDeflater } from '../genomics/formats/deflate.ts';

test.each([0, 1, 6, 9])('level %i gives the same bytes, block after block', (level) => {
  const chance = random(level, 'deflate');
  const deflate = reusedDeflater(level) ?? deflaterOf(level);
  const portable = portableDeflater(level);
  for (let round = 0; round < 60; round++) {
    const most = 1 + chance.below(256);
    const bytes = Uint8Array.from({ length: chance.below(65_281) }, () => chance.below(most));
    expect(Buffer.compare(deflate(bytes), portable(bytes)), `round ${round}`).toBe(0);
  }
});

test('bytes that need more room than a block may have come out whole', () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 13);
  expect(Buffer.compare(deflaterOf(1)(bytes), portableDeflater(1)(bytes))).toBe(0);
});
