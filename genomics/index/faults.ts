/** Why a file cannot be indexed, in words. */
import { BadInput } from '../../core/errors.ts';
import type { Place, Unfit } from '../kernels/bins.ts';

/** `subject`: which record it is; `placeOf` says places. */
export function faultOf(unfit: Unfit, subject: string, placeOf: (place: Place) => string): BadInput {
  if (unfit.why === 'far')
    return new BadInput(
      `index: ${subject} ends at base ${unfit.end}, behind what the bins reach; add --format csi, or a larger --min-shift`,
    );
  return new BadInput(
    `index: ${subject}: found ${placeOf(unfit.found)} after ${placeOf(unfit.before)}, expected sorted ones; sort it with samtools sort, or by contig and first base`,
  );
}

/** Lines of a contig have others between them. */
export const notTogether = (contig: string, subject: string): BadInput =>
  new BadInput(
    `index: ${subject} is on ${contig}, of which other lines came before those of another contig; expected them together: sort the file by contig and first base`,
  );
