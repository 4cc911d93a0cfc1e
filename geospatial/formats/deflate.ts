/** DEFLATE of a tile. */
import { deflateZlib } from '../../core/deflate.ts';

/** A zlib stream of `bytes`, about as small as zlib's level 6 makes it. The same bytes for the same input, whatever zlib is about. */
export const deflateTile = (bytes: Uint8Array): Uint8Array => deflateZlib(bytes, 6);
