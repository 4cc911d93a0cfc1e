/** Cells as pixels of red, green, blue and alpha. */
import type { Cells } from './pyramid.ts';
import type { Ramp } from './ramp.ts';

/** How values become steps: `min` is step 0, `max` step 255, those beyond are taken for them; between them steps are the nearest, halves up. */
export type Stretch = { readonly min: number; readonly max: number };

/** Which cells are none besides NaN: those of a value, and those where the mask is 0. */
export type Absent = { readonly nodata?: number; readonly mask?: Cells };

/**
 * Pixels of one band by a ramp, four bytes a cell; all four are 0 where there is none.
 * @throws RangeError for bounds that do not ascend
 */
export function paintRamp(
  values: Cells,
  ramp: Ramp,
  stretch: Stretch,
  { nodata, mask }: Absent = {},
): Uint8Array<ArrayBuffer> {
  const factor = factorOf(stretch);
  const out = new Uint8Array(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value !== value || value === nodata || mask?.[i] === 0) continue;
    const step = stepOf((value - stretch.min) * factor);
    for (let c = 0; c < 4; c++) out[4 * i + c] = ramp[4 * step + c]!;
  }
  return out;
}

/**
 * Pixels of three bands, of red, green and blue: four bytes a cell. A cell is there where any of its bands has a value, as GDAL's masks have it; a band without one is 0 there.
 * @throws RangeError for bounds that do not ascend, or bands of unequal sizes
 */
export function paintColors(
  bands: readonly [red: Cells, green: Cells, blue: Cells],
  stretch: Stretch,
  { nodata, mask }: Absent = {},
): Uint8Array<ArrayBuffer> {
  const factor = factorOf(stretch);
  const count = bands[0].length;
  if (bands.some(({ length }) => length !== count))
    throw new RangeError(
      `bands of ${bands.map(({ length }) => length).join(', ')} cells, expected as many each`,
    );
  const out = new Uint8Array(4 * count);
  for (const [c, values] of bands.entries()) {
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      if (value !== value || value === nodata || mask?.[i] === 0) continue;
      out[4 * i + c] = stepOf((value - stretch.min) * factor);
      out[4 * i + 3] = 255;
    }
  }
  return out;
}

function factorOf({ min, max }: Stretch): number {
  const factor = 255 / (max - min);
  if (!(factor > 0 && factor < Infinity))
    throw new RangeError(`values from ${min} to ${max}, expected min < max`);
  return factor;
}

const stepOf = (place: number): number => (place <= 0 ? 0 : place >= 255 ? 255 : Math.floor(place + 0.5));
