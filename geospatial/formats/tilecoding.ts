/** Tiles as they stand in a file, by what a raster says of their coding; masks apart, as bits. */
import { maskBits, withoutMask } from '../kernels/maskbits.ts';
import { predict } from './predictor.ts';
import type { Cells, Coding, Pyramid } from '../kernels/pyramid.ts';
import { encodeTile } from './cog.ts';
import { deflateTile } from './deflate.ts';
import { zstdOf } from './zstd.ts';

/** Bytes of a tile, and of the tile of its mask where the raster has one. */
export type Encoded = { readonly bytes: Uint8Array; readonly mask?: Uint8Array };

/**
 * What encodes the tiles of a raster: `side` x `side` places of its bands, the last one its mask where there is one. Masks are a bit a cell, DEFLATE whatever the
 * image has. The same bytes for the same cells.
 */
export async function tileEncoder({
  side,
  bands,
  masked,
  coding,
}: Pick<Pyramid, 'side' | 'bands' | 'masked' | 'coding'>): Promise<(cells: Cells) => Encoded> {
  const shape = { side, bands: masked ? bands - 1 : bands };
  const encode = await imageEncoder(shape, coding);
  if (!masked) return (cells) => ({ bytes: encode(cells) });
  return (cells) => ({
    bytes: encode(withoutMask(cells, bands)),
    mask: deflateTile(maskBits(cells, bands)),
  });
}

async function imageEncoder(
  shape: { readonly side: number; readonly bands: number },
  coding?: Coding,
): Promise<(cells: Cells) => Uint8Array> {
  if (!coding || (coding.compression === 'deflate' && coding.predictor))
    return (cells) => encodeTile(cells, shape);
  const compress = coding.compression === 'zstd' ? await zstdOf() : deflateTile;
  const { side, bands } = shape;
  return (cells) =>
    compress(
      coding.predictor ? predict(cells, side, bands, new Uint8Array(cells.byteLength)) : bytesOf(cells),
    );
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Cells): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
