/** Values as cells of a type. */
import { type Cells, type CellType, isFloat } from './pyramid.ts';

const limits: { readonly [type in CellType]?: readonly [number, number] } = {
  Uint8: [0, 255],
  Int8: [-128, 127],
  Uint16: [0, 65_535],
  Int16: [-32_768, 32_767],
  Uint32: [0, 2 ** 32 - 1],
  Int32: [-(2 ** 31), 2 ** 31 - 1],
};

/** What stands for no value in a type, unless told otherwise. */
export const usualNodata = (type: CellType): number =>
  isFloat(type) ? NaN : type.startsWith('Int') ? limits[type]![0] : limits[type]![1];

/**
 * Stores `count` values times `scale` in `out` from `to`: what is not finite as `nodata`, whole numbers rounded to the nearest, halves away from zero, and held within the type. A value
 * that would become `nodata` becomes its neighbour towards zero. Gives how many had a value.
 */
export function storeRun(
  values: Float64Array,
  count: number,
  scale: number,
  out: Cells,
  to: number,
  type: CellType,
  nodata: number,
): number {
  let found = 0;
  const limit = limits[type];
  if (!limit) {
    for (let i = 0; i < count; i++) {
      const value = values[i]! * scale;
      // Infinite less infinite is no number.
      const isValue = value - value === 0;
      if (isValue) found++;
      out[to + i] = isValue ? value : nodata;
    }
    return found;
  }
  const [least, most] = limit;
  for (let i = 0; i < count; i++) {
    const value = values[i]! * scale;
    if (value - value !== 0) {
      out[to + i] = nodata;
      continue;
    }
    found++;
    const whole = value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
    const held = whole < least ? least : whole > most ? most : whole;
    out[to + i] = held !== nodata ? held : held > 0 || least === 0 ? (held === 0 ? 1 : held - 1) : held + 1;
  }
  return found;
}
