/** Where the compressor's tables lie in memory: fixed addresses, above those of the decompressor's tables. */
import { TABLES_END } from './inflatelayout.ts';

/** The position that was last seen under a hash: 2^15 numbers of 4 bytes. */
export const HASH_BITS: u64 = 15;
export const HEADS: usize = TABLES_END;
/** How far back the position before lies that has the same hash: 2 bytes for each position of the window. */
export const CHAINS: usize = HEADS + (4 << 15);
/** What a block is made of: 8 bytes each for literals and the match after them, see matches.ts. */
export const SEQUENCES: usize = CHAINS + (2 << 15);
export const MAX_SEQUENCES: usize = 1 << 15;

/** Counts of symbols, 4 bytes each: of literals and lengths, then of distances; of the block so far, and of its last stretch. */
export const SYMBOLS: usize = 320;
export const DISTANCES: usize = 288;
export const COUNTS: usize = SEQUENCES + 8 * MAX_SEQUENCES;
export const STRETCH_COUNTS: usize = COUNTS + 4 * SYMBOLS;
/** A second table of literals, so that two in a row do not wait for each other. */
export const OTHER_COUNTS: usize = STRETCH_COUNTS + 4 * SYMBOLS;

/** Price of each literal in sixteenths of a bit, 2 bytes each. */
export const PRICES: usize = OTHER_COUNTS + 4 * 256;
/** Logarithms of 0 to 4095, in 1/4096 of a bit, 2 bytes each. */
export const LOGARITHMS: usize = PRICES + 2 * 256;

/** Codes as they are written: bits of the code, and from bit 24 on how many; 4 bytes each. */
export const CODES: usize = LOGARITHMS + 2 * 4096;
export const FIXED_CODES: usize = CODES + 4 * SYMBOLS;
/** A length's code with its extra bits, by the length. */
export const LENGTH_CODES: usize = FIXED_CODES + 4 * SYMBOLS;
/** Bits of each code, a byte each: of literals and lengths, then of distances; and those that are fixed. */
export const LENGTHS: usize = LENGTH_CODES + 4 * 260;
export const FIXED_LENGTHS: usize = LENGTHS + SYMBOLS;
/** Number of the code of each length, less 257; a byte each. */
export const LENGTH_SLOTS: usize = FIXED_LENGTHS + SYMBOLS;

/** Scratch of the builder of codes: sorted symbols twice, counts of digits and of lengths. */
export const SORTED: usize = LENGTH_SLOTS + 272;
export const SORTED_TOO: usize = SORTED + 4 * SYMBOLS;
export const DIGITS: usize = SORTED_TOO + 4 * SYMBOLS;
export const DEPTHS: usize = DIGITS + 4 * 256;
/** The code of code lengths: counts, codes, lengths of 19 symbols; and the lengths as its symbols, 2 bytes each. */
export const META_COUNTS: usize = DEPTHS + 4 * 16;
export const META_CODES: usize = META_COUNTS + 4 * 20;
export const META_LENGTHS: usize = META_CODES + 4 * 20;
export const META_SYMBOLS: usize = META_LENGTHS + 32;

/** What is compressed; the last thing in memory, with what becomes of it behind it. */
export const INPUT: usize = (META_SYMBOLS + 2 * SYMBOLS + 63) & ~63;

/** Memory up to `address`, at least. */
export function reach(address: usize): bool {
  const pages = <i32>((address + 65535) >> 16);
  return pages <= memory.size() || memory.grow(pages - memory.size()) >= 0;
}

if (!reach(INPUT)) unreachable();
