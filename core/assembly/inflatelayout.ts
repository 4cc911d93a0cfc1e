/** Where the decompressor's tables lie in memory: fixed addresses at its beginning. */

/** Decode tables: literals and lengths, 2^11 entries of 8 bytes and the subtables behind them; distances; lengths of codes. */
export const LITLEN: usize = 1024;
export const DIST: usize = 41984;
export const PRE: usize = 43648;
/** Code lengths of a dynamic block, with room for a store of 16 bytes past the last one. */
export const LENS: usize = 44160;
/** Scratch of the table builder: symbols by code, how many of each length, where those of a length begin. */
export const SORTED: usize = 44672;
export const COUNTS: usize = 45248;
export const OFFSETS: usize = 45312;
/** Entries of the tables before the code is added. */
export const LITLEN_PLAIN: usize = 45376;
export const DIST_PLAIN: usize = 47680;
export const PRE_PLAIN: usize = 47808;
/** For each distance up to 16: the shuffle that repeats so many bytes over 16, and the bytes by which to step then. */
export const REPEAT: usize = 47888;
export const STEP: usize = 48160;

/** Nothing of it lies from here on. */
export const TABLES_END: usize = 49152;

// The module starts with no memory at all.
if (memory.grow(1) < 0) unreachable();
