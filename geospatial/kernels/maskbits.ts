/** Masks that travel as the last band of cells, apart from these and as bits. */
import { type Cells, cellArrays, typeOfCells } from './pyramid.ts';

/** Cells without their last band. */
export function withoutMask(cells: Cells, bands: number): Cells {
  const out = new cellArrays[typeOfCells(cells)]((cells.length / bands) * (bands - 1));
  for (let from = 0, to = 0; from < cells.length; from++)
    for (let band = 1; band < bands; band++) out[to++] = cells[from++]!;
  return out;
}

/** The last band of rows of `width` places, a multiple of 8: a bit a place, 1 where it is not 0, the first place in the highest bit (TIFF 6.0, FillOrder 1). */
export function maskBits(cells: Cells, bands: number): Uint8Array {
  const out = new Uint8Array(cells.length / bands / 8);
  for (let i = 0, at = bands - 1; at < cells.length; i++, at += bands)
    if (cells[at] !== 0) out[i >> 3] = out[i >> 3]! | (128 >> (i & 7));
  return out;
}
