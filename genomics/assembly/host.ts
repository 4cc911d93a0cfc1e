/** What the host does for the kernel. */

/** CRC-32 of `[at, at + length)`: WebAssembly lacks the carry-less multiplication that makes it fast. */
export declare function crc32(at: usize, length: i32): u32;

/** Takes the runs of depth that lie at RUN_AT and RUN_DEPTH; they end at `end`, and the base before them has depth `before`. */
export declare function emit(count: i32, end: i32, before: i32): void;
