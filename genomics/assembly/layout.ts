/** Where things lie in the kernel's memory: fixed addresses, which become immediates of its loads and stores. */
import { TABLES_END } from '../../core/assembly/inflatelayout.ts';

/** Records by FLAG: 65536 counts of 4 bytes; then four counts of mates that lie elsewhere. */
export const FLAGS: usize = TABLES_END;
export const ELSEWHERE: usize = FLAGS + 65536 * 4;

/** Bases of a piece of a contig, and of a stretch of it that is skipped whole when nothing changes there, as powers of two. */
export const PIECE_BITS: u32 = 16;
export const STRETCH_BITS: u32 = 10;
export const PIECE: i32 = 1 << 16;
/** Changes of depth in the piece, one 4-byte number a base; and which stretches have any. */
export const CHANGES: usize = ELSEWHERE + 64;
export const TOUCHED: usize = CHANGES + PIECE * 4;
/** Runs of equal depth: where each starts, and its depth. */
export const RUN_AT: usize = TOUCHED + 64;
export const RUN_DEPTH: usize = RUN_AT + (PIECE + 1) * 4;
/** Changes beyond the piece: position and size, 8 bytes each. */
export const LATER: usize = RUN_DEPTH + (PIECE + 1) * 4;
export const MAX_LATER: i32 = 1 << 18;
/** Bases by depth: 4-byte counts of the depths 0 to MAX_BIN. */
export const BINS: usize = LATER + MAX_LATER * 8;
export const MAX_BIN: i32 = 400000;

/** Reads whose mate is awaited: heads of chains, entries, and their names and operations in 4-byte words. */
export const HEADS: usize = BINS + (MAX_BIN + 8) * 4;
export const HEAD_BITS: u32 = 14;
export const ENTRIES: usize = HEADS + (4 << HEAD_BITS);
export const MAX_ENTRIES: i32 = 1 << 16;
export const ENTRY_SIZE: i32 = 32;
export const WORDS: usize = ENTRIES + MAX_ENTRIES * ENTRY_SIZE;
export const MAX_WORDS: i32 = 1 << 20;

/** Compressed bytes as they are handed over, with room behind them for loads that look ahead. */
export const INPUT: usize = (WORDS + MAX_WORDS * 4 + 63) & ~63;
export const MAX_INPUT: i32 = (1 << 20) + (1 << 17);
/** Inflated bytes; the last thing in memory, so that it can grow. */
export const WINDOW: usize = INPUT + MAX_INPUT + 64;
/** Bytes of the window that a block needs: its own, and those that a fast copy writes too many. */
export const BLOCK_ROOM: usize = 65536 + 512;
export const FIRST_WINDOW: usize = 320 << 10;

// The module starts with no memory at all; what is not touched is never taken from the machine.
if (memory.grow(<i32>((WINDOW + FIRST_WINDOW + 65535) >> 16)) < 0) unreachable();
