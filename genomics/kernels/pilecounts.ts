/** Columns of piled reads as counts of bases, deletions, skips and insertions, by strand. */
import { field, flag } from '../formats/record.ts';
import { codeOf } from './letters.ts';
import { follow, type Seen, type Window } from './pileup.ts';
import type { Letters } from './pilerows.ts';
import { read, type Stack } from './stack.ts';

/** What is counted at a position; each once for reads of the forward strand and once for those of the reverse. */
export const countNames = ['a', 'c', 'g', 't', 'n', 'del', 'ins', 'skip'] as const;
/** Counts of a position: forward and reverse of each name, in this order. */
export const countSize = 2 * countNames.length;
const [other, del, ins, skip] = [4, 5, 6, 7];

/** Places of the codes of BAM among the names: A, C, G, T, and all others with n; '=' is what the reference has. */
const placeOf = new Uint8Array(16).fill(other);
[1, 2, 4, 8].forEach((code, place) => (placeOf[code] = place));

/**
 * Counts what lies over each position of a window, as `samtools mpileup` shows it: bases, deletions and skips of at least a quality (that of the base
 * behind, for the latter two), and the insertions that follow them. Gives `countSize` numbers a position, valid until the next call.
 */
export function createCounts(
  stack: Stack,
  quality: number,
): (window: Window, letters: Letters) => Int32Array {
  let numbers = new Int32Array(0);
  let origin = 0;
  let ref: Letters = null;

  const strandOf = (row: number): number =>
    (stack.view.getUint16(stack.table[row + read.record]! + field.flag, true) & flag.reverse) === 0 ? 0 : 1;
  const qualityAt = (row: number, query: number, isBefore: boolean): number => {
    const { bytes, table } = stack;
    if (query >= table[row + read.length]!) return 0;
    return bytes[table[row + (isBefore ? read.before : read.qual)]! + query]!;
  };
  /** Whether an insertion follows operation `ended`, pads aside. */
  const isInserted = (row: number, ended: number): boolean => {
    const { view, table } = stack;
    for (let i = ended + 1; i < table[row + read.opCount]!; i++) {
      const op = view.getUint32(table[row + read.ops]! + 4 * i, true);
      if ((op & 15) !== 6) return (op & 15) === 1;
    }
    return false;
  };

  const seen: Seen = {
    bases(row, from, to, query, ended) {
      const { bytes, table } = stack;
      const [seq, qual, length] = [
        table[row + read.seq]!,
        table[row + read.qual]!,
        table[row + read.length]!,
      ];
      const strand = strandOf(row);
      for (let pos = from, q = query; pos < to; pos++, q++) {
        if ((q < length ? bytes[qual + q]! : 0) < quality) continue;
        let code = q < length ? (bytes[seq + (q >> 1)]! >> (4 * (~q & 1))) & 15 : 15;
        if (code === 0 && ref && pos < ref.to) code = codeOf[ref.bytes[pos - ref.from]!]!;
        numbers[(pos - origin) * countSize + 2 * placeOf[code]! + strand]!++;
      }
      const last = query + to - from - 1;
      if (ended >= 0 && qualityAt(row, last, false) >= quality && isInserted(row, ended))
        numbers[(to - 1 - origin) * countSize + 2 * ins + strand]!++;
    },
    gap(row, from, to, query, ended, isSkip) {
      const strand = strandOf(row);
      const until = stack.table[row + read.until]!;
      for (let pos = from; pos < to; pos++) {
        if (qualityAt(row, query, pos < until) < quality) continue;
        const at = (pos - origin) * countSize + strand;
        numbers[at + 2 * (isSkip ? skip : del)]!++;
        if (pos === to - 1 && ended >= 0 && isInserted(row, ended)) numbers[at + 2 * ins]!++;
      }
    },
  };
  return (window, letters) => {
    ref = letters;
    const size = (window.to - window.from) * countSize;
    if (numbers.length < size) numbers = new Int32Array(size);
    numbers.fill(0, 0, size);
    origin = window.from;
    follow(stack, window, seen);
    return numbers;
  };
}
