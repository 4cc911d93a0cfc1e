/** Points packed for a later stage come back as they were, whatever their columns hold. */
import { expect, test } from 'vitest';
import {
  aim,
  createCodec,
  inputOf,
  makeRoom,
  outputOf,
  packParcel,
  pointsOf,
  unpackParcel,
} from '../geospatial/kernels/codec.ts';
import { random } from './lasfile.ts';
import { lazModule } from './pointcolumns.ts';

const columns = 'x y z returns flags classes intensity angle user source time red green blue nir extra'.split(
  ' ',
);

/** Kinds of columns: one value, slow steps, wide jumps, every bit. */
const kinds = ['same', 'steps', 'jumps', 'wild'] as const;

test.each(
  ([6, 7, 8] as const).flatMap((pdrf) => kinds.map((kind) => [pdrf, kind, pdrf === 7 ? 5 : 0] as const)),
)('format %d, columns of %s values, %d extra bytes', (pdrf, kind, extra) => {
  const codec = createCodec(lazModule);
  const next = random(pdrf * 7 + kinds.indexOf(kind));
  for (const count of [1, 127, 128, 129, 1000]) {
    makeRoom(codec, { chunk: 1000, bytes: 200_000, extra, points: 2000, output: 200_000 });
    aim(codec, 0);
    const points = pointsOf(codec, count);
    for (const [k, name] of columns.entries()) {
      const column = points[name as 'x'];
      const bits = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
      if (kind === 'wild') for (let i = 0; i < bits.length; i++) bits[i] = Math.floor(256 * next());
      else
        for (let i = 0, at = 1000 * next(); i < column.length; i++) {
          if (kind === 'steps') at += (next() - 0.4) * (1 + k);
          if (kind === 'jumps') at = (next() - 0.5) * 2 ** (k * 2 + 3);
          column[i] = name === 'time' ? 2.5e8 + at * 1e-5 : Math.floor(at);
        }
    }
    const told = (): string[] =>
      columns.map((name) => {
        const column = pointsOf(codec, count)[name as 'x'];
        return Buffer.from(column.buffer as ArrayBuffer, column.byteOffset, column.byteLength).toString(
          'hex',
        );
      });
    const hasColor = pdrf >= 7;
    const before = told().map((text, i) => {
      const name = columns[i]!;
      const isLost = (['red', 'green', 'blue'].includes(name) && !hasColor) || (name === 'nir' && pdrf !== 8);
      return isLost ? '00'.repeat(text.length / 2) : text;
    });
    const bytes = packParcel(codec, pdrf, count, 16);
    expect(bytes).toBeLessThan(count * (60 + extra) + 400);
    if (kind === 'same' && count === 1000) expect(bytes).toBeLessThan(1500 + extra * count);
    const packed = outputOf(codec, 16, 16 + bytes).slice();
    aim(codec, 1, 300);
    inputOf(codec).fill(0xaa).set(packed);
    expect(unpackParcel(codec, pdrf, count, bytes)).toBe(true);
    expect(unpackParcel(codec, pdrf, count, bytes - 1)).toBe(false);
    expect(told()).toEqual(before);
  }
});
