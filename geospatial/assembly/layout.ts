/** Constants that the files of the kernel share. */

/** Bytes of a model's head. */
export const HEAD: usize = 32;

/** Zeros below a reversed stream: a decoder looks ahead, and a damaged one reads on until the next check. */
export const PAD: usize = 256;

/** Layers that may be wanted, as bits; x, y and returns always are. The order is that of a chunk's layers. */
export const Z: u32 = 1;
export const CLASS: u32 = 2;
export const FLAGS: u32 = 4;
export const INTENSITY: u32 = 8;
export const ANGLE: u32 = 16;
export const USER: u32 = 32;
export const SOURCE: u32 = 64;
export const TIME: u32 = 128;
export const COLOR: u32 = 256;
export const NIR: u32 = 512;
export const EXTRA: u32 = 1024;

/** What a decoder ends with instead of a number of points. */
export const NO_HEADER: i32 = -1;
export const BAD_LAYERS: i32 = -2;
export const OTHER_COUNT: i32 = -3;
export const CUT_OFF: i32 = -4;
export const LEFT_OVER: i32 = -5;
export const TOO_LARGE: i32 = -6;

/** Extra bytes of a record that are taken. */
export const MOST_EXTRA: u32 = 4096;
