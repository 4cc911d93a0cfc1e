/** Which size of function a task takes. */
import { BadUsage } from '../../../core/errors.ts';
import { mebibyte } from '../../../core/units.ts';

/** Bytes that an idle worker takes. */
const idle = 192 << 20;
/**
 * MB of the smallest function of the ladder that has `memory` bytes beside an idle worker; with `scale` 2 (4) the one of at least
 * two (four) times that size, or the largest.
 * @throws BadUsage when none has as much
 */
export function rungFor(memory: number, scale: number, ladder: readonly number[]): number {
  const need = (memory + idle) / mebibyte;
  const first = ladder.find((size) => size >= need);
  if (first === undefined)
    throw new BadUsage(
      `lambda: a part needs ${Math.ceil(need)} MB, the largest function has ${ladder.at(-1)} MB; make parts smaller with --split`,
    );
  return ladder.find((size) => size >= first * scale) ?? ladder.at(-1)!;
}
