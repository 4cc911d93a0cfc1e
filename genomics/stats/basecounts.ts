/** Counts the 16 codes of bases by cycle: of short reads a byte, which is two bases, at a time. */
import { roomFor } from '../../core/room.ts';
import { type Column, trimmed } from './columns.ts';

/** Bytes of bases up to which a byte is counted as one: a table has 256 numbers for each. */
const shortSize = 512;

/** G and C of the two bases of a byte. */
export const gcOf = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isGc = (code: number): number => (code === 2 || code === 4 ? 1 : 0);
  return isGc(byte >> 4) + isGc(byte & 15);
});

export type BaseCounts = {
  /** Adds the `length` bases at `seq` of a first (0) or last (1) read; gives how many are G or C. */
  add(bytes: Uint8Array, seq: number, length: number, order: 0 | 1, reverse: boolean): number;
  /** Adds counts of bytes of one kind, 256 a place, that were made elsewhere. */
  addPairs(kind: number, counts: Uint32Array): void;
  /** Adds to the count of a code at a cycle of a column, as `build` has them. */
  addBase(column: number, cycle: number, code: number, count: number): void;
  /** Of first reads, the reverse ones among them apart, and of last reads. */
  build(): Column[];
};

/**
 * Bytes by their place: from the read's start, from the end of reverse reads of even lengths, and of odd lengths; of first and last reads.
 */
export const kinds = 3;

export function createBaseCounts(): BaseCounts {
  const columns: Column[] = Array.from({ length: 4 }, () => new Float64Array(0));
  const pairs = Array.from({ length: 2 * kinds }, () => new Uint32Array(0));

  /** Adds one by one. */
  const addBase = (column: number, cycle: number, code: number, count: number): void => {
    const place = 16 * cycle + code;
    columns[column] = roomFor(columns[column]!, place + 1);
    columns[column]![place]! += count;
  };
  const addLong = (
    bytes: Uint8Array,
    seq: number,
    length: number,
    column: number,
    reverse: boolean,
  ): number => {
    columns[column] = roomFor(columns[column]!, 16 * length);
    const counts = columns[column]!;
    let place = reverse ? 16 * (length - 1) : 0;
    const step = reverse ? -16 : 16;
    let gc = 0;
    for (let i = 0; i < length; i++, place += step) {
      const code = i & 1 ? bytes[seq + (i >> 1)]! & 15 : bytes[seq + (i >> 1)]! >> 4;
      counts[place + code]!++;
      gc += gcOf[code << 4]!;
    }
    return gc;
  };
  const roomOf = (kind: number, size: number): Uint32Array => {
    const table = roomFor(pairs[kind]!, size);
    pairs[kind] = table;
    return table;
  };
  return {
    addBase,
    addPairs(kind, counts) {
      let size = counts.length;
      while (size > 0 && counts[size - 1] === 0) size--;
      const table = roomOf(kind, Math.ceil(size / 256) * 256);
      for (let i = 0; i < size; i++) table[i]! += counts[i]!;
    },
    add(bytes, seq, length, order, reverse) {
      const column = 2 * order + (reverse ? 1 : 0);
      const whole = length >>> 1;
      if (whole > shortSize) return addLong(bytes, seq, length, column, reverse);
      const odd = length & 1;
      const kind = kinds * order + (reverse ? 1 + odd : 0);
      const table = roomOf(kind, 256 * (whole + odd));
      let gc = 0;
      let row = reverse ? 256 * (whole - 1 + odd) : 0;
      const step = reverse ? -256 : 256;
      for (let i = seq; i < seq + whole; i++, row += step) {
        const pair = bytes[i]!;
        table[row + pair]!++;
        gc += gcOf[pair]!;
      }
      if (odd) {
        const code = bytes[seq + whole]! >> 4;
        addBase(column, reverse ? 0 : length - 1, code, 1);
        gc += gcOf[code << 4]!;
      }
      return gc;
    },
    build() {
      pairs.forEach((table, kind) => {
        const order = Math.floor(kind / kinds);
        const way = kind % kinds;
        table.forEach((count, i) => {
          if (count === 0) return;
          const [at, pair] = [i >> 8, i & 255];
          const column = 2 * order + (way > 0 ? 1 : 0);
          // The first base of a byte is the later one in a reverse read.
          const [first, second] =
            way === 0 ? [2 * at, 2 * at + 1] : way === 1 ? [2 * at + 1, 2 * at] : [2 * at, 2 * at - 1];
          addBase(column, first, pair >> 4, count);
          addBase(column, second, pair & 15, count);
        });
        pairs[kind] = new Uint32Array(0);
      });
      return columns.map(trimmed);
    },
  };
}
