/** Which cells of a scene are left out: by an expression over its bands, and around what that finds. */
import { integer, text } from '../../core/params.ts';
import { dilate } from '../kernels/dilate.ts';
import { type Expression, parseExpression, runCells } from '../kernels/expression.ts';
import { masks } from '../kernels/indices.ts';
import type { Window } from '../kernels/window.ts';
import type { Bands } from './scenes.ts';

const named = Object.entries(masks).map(([name, { formula, source }]) => `${name} (${formula}: ${source})`);

export const maskParams = {
  mask: text(
    `cells to leave out: an expression over bands that is not 0 there (bands that it names count as no data of their own), or by name ${named.join(', ')}`,
    'scl',
  ),
  dilation: integer(0, 'cells around masked ones to leave out, too', { unit: 'cells', min: 0 }),
};

/** The expression of `--mask`; undefined for none. @throws BadUsage */
export const maskOf = (given: string): Expression | undefined =>
  given === '' ? undefined : parseExpression(masks[given]?.formula ?? given);

/** 1 for each cell of a window that is masked, grown by `radius`; bands have their numbers from `first`. */
export function maskedCells(
  bands: Bands,
  mask: Expression,
  numbers: readonly number[],
  { left, top, width, height }: Window,
  radius: number,
): Uint8Array {
  const [wide, high] = [width + 2 * radius, height + 2 * radius];
  const found = new Uint8Array(wide * high);
  const values = numbers.map(() => new Float64Array(runCells));
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x += runCells) {
      const count = Math.min(runCells, wide - x);
      for (const [k, number] of numbers.entries())
        bands.fill(number, top - radius + y, left - radius + x, count, values[k]!, 0);
      const told = mask.run(values, count);
      // What is not known is no reason to leave a cell out; a band without a value is one already.
      for (let i = 0; i < count; i++) if (told[i] !== 0 && told[i] === told[i]) found[y * wide + x + i] = 1;
    }
  return radius === 0 ? found : dilate(found, wide, high, radius);
}
