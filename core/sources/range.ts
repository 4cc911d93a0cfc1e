/** What every source does before a read: it checks the range, and finds memory for the bytes. */
import { BadInput } from '../errors.ts';

/**
 * `[start, end)` lies within `[0, size)`. `subject` and `name` open the message, say `file` and a path.
 * @throws BadInput otherwise; offsets come from indexes and headers, so the data are at fault
 */
export function checkRange(subject: string, name: string, size: number, start: number, end: number): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= size)
    return;
  throw new BadInput(
    `${subject}: bytes [${start}, ${end}) of ${name} do not exist, expected a range within its ${size} bytes; the data are cut short, or the index belongs to other data`,
  );
}

/** Memory for `length` bytes: of `into`, where that is given and long enough. */
export const placeFor = (into: Uint8Array | undefined, length: number): Uint8Array =>
  into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
