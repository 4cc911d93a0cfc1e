/** Units of sizes. */

/** Bytes. */
export const mebibyte = 2 ** 20;
