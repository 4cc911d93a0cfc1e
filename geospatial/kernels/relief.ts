/** What a cell and its eight neighbours say of a surface. Source: Horn 1981; GDAL's gdaldem, whose numbers these are; Riley 1999 (TRI); Wilson 2007 (TPI, roughness). */

/** A product by name: of the nine heights of a cell's window, north-west first, to a number; NaN for none. */
export type Formula = (
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
  g: number,
  h: number,
  i: number,
) => number;

export type Light = {
  /** Degrees, clockwise from the north. */
  readonly azimuth: number;
  /** Degrees above the horizon. */
  readonly altitude: number;
};
/** Side of a cell; factor of heights, as where they are in feet on a grid of metres. */
export type Scale = { readonly cell: number; readonly zFactor: number };

const radians = Math.PI / 180;

/** Shades from 1 (dark) to 255. */
export function hillshade({ azimuth, altitude }: Light, { cell, zFactor }: Scale): Formula {
  const z = zFactor / (8 * cell);
  const low = Math.cos(altitude * radians) * z;
  const [east, north, up] = [
    Math.sin(azimuth * radians) * low,
    Math.cos(azimuth * radians) * low,
    Math.sin(altitude * radians),
  ];
  return (a, b, c, d, _e, f, g, h, i) => {
    const x = c + f + f + i - (a + d + d + g);
    const y = a + b + b + c - (g + h + h + i);
    const shade = (254 * (up - (y * north + x * east))) / Math.sqrt(1 + z * z * (x * x + y * y));
    return shade <= 0 ? 1 : 1 + shade;
  };
}

/** Light from four sides, each where it falls across the slope (Mark 1992, USGS Open-File Report 92-422). */
export function multidirectional({ altitude }: Light, { cell, zFactor }: Scale): Formula {
  const z = zFactor / (8 * cell);
  const up = 127 * Math.sin(altitude * radians);
  const low = 127 * Math.cos(altitude * radians) * z;
  const slant = low * Math.SQRT1_2;
  return (a, b, c, d, _e, f, g, h, i) => {
    const x = a + d + d + g - (c + f + f + i);
    const y = g + h + h + i - (a + b + b + c);
    const square = x * x + y * y;
    if (square === 0) return 1 + 2 * up;
    // From the south-west, west, north-west and north.
    const shades = [up - slant * (x + y), up - low * x, up - slant * (x - y), up + low * y];
    const southWest = 0.5 * square - -x * y;
    const weights = [southWest, x * x, square - southWest, y * y];
    let sum = 0;
    for (let k = 0; k < 4; k++) sum += weights[k]! * Math.max(0, shades[k]!);
    return 1 + sum / square / Math.sqrt(1 + z * z * square);
  };
}

/** Degrees. */
export function slope({ cell, zFactor }: Scale): Formula {
  return (a, b, c, d, _e, f, g, h, i) => {
    const x = c + f + f + i - (a + d + d + g);
    const y = a + b + b + c - (g + h + h + i);
    return Math.atan((Math.sqrt(x * x + y * y) * zFactor) / (8 * cell)) / radians;
  };
}

/** a + 2 b + c in f32, in which gdaldem finds what is level. */
const weighted = (a: number, b: number, c: number): number => {
  const { fround } = Math;
  return fround(fround(fround(a + b) + b) + c);
};

/** Degrees clockwise from the north to which the surface falls; NaN where it is level. */
export const aspect: Formula = (a, b, c, d, _e, f, g, h, i) => {
  const x = Math.fround(weighted(c, f, i) - weighted(a, d, g));
  const y = Math.fround(weighted(g, h, i) - weighted(a, b, c));
  if (x === 0 && y === 0) return NaN;
  const angle = Math.atan2(y, -x) / radians;
  const found = angle > 90 ? 450 - angle : 90 - angle;
  return found === 360 ? 0 : found;
};

/** Greatest difference within the window. */
export const roughness: Formula = (...heights) => Math.max(...heights) - Math.min(...heights);

/** Height above the mean of the neighbours. */
export const tpi: Formula = (a, b, c, d, e, f, g, h, i) => e - (a + b + c + d + f + g + h + i) / 8;

/** Root of the squared differences from the neighbours. */
export const tri: Formula = (a, b, c, d, e, f, g, h, i) =>
  Math.sqrt([a, b, c, d, f, g, h, i].reduce((sum, height) => sum + (height - e) ** 2, 0));

/** Heights of a part of a raster: cell (column, row) of the raster is at (column - left, row - top). */
export type Heights = {
  readonly values: Float32Array;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

/**
 * Hands `take` the result of every cell of columns `[from, to)` of a row of the raster, which is `width` by `height` cells; NaN where the window has a cell without height. With
 * `isFilled` such a cell counts as the middle one, and beyond the raster's edge the slope goes on: a cell there is twice the outermost one less the one before it, where both have a height.
 */
export function sweepRow(
  { values, left, top, width: columns }: Heights,
  size: { readonly width: number; readonly height: number },
  row: number,
  from: number,
  to: number,
  formula: Formula,
  isFilled: boolean,
  take: (column: number, value: number) => void,
): void {
  const at = (column: number, r: number): number => values[(r - top) * columns + column - left]!;
  const isRow = row > 0 && row < size.height - 1;
  /** A cell that may lie beyond the edge. */
  const beyond = (column: number, r: number): number => {
    const go = (outer: number, inner: number): number => 2 * outer - inner;
    const c = Math.max(0, Math.min(size.width - 1, column));
    if (r < 0) return size.height > 1 ? go(at(c, 0), at(c, 1)) : at(c, 0);
    if (r >= size.height) return size.height > 1 ? go(at(c, r - 1), at(c, r - 2)) : at(c, r - 1);
    // In the first and last row gdaldem lets columns end.
    if (!isRow) return at(c, r);
    if (column < 0) return size.width > 1 ? go(at(0, r), at(1, r)) : at(0, r);
    if (column >= size.width)
      return size.width > 1 ? go(at(column - 1, r), at(column - 2, r)) : at(column - 1, r);
    return at(column, r);
  };
  for (let column = from; column < to; column++) {
    const middle = at(column, row);
    const isInside = isRow && column > 0 && column < size.width - 1;
    if (middle !== middle || (!isInside && !isFilled)) {
      take(column, NaN);
      continue;
    }
    const near = isInside ? at : beyond;
    const filled = (c: number, r: number): number => {
      const height = near(c, r);
      return isFilled && height !== height ? middle : height;
    };
    const value = formula(
      filled(column - 1, row - 1),
      filled(column, row - 1),
      filled(column + 1, row - 1),
      filled(column - 1, row),
      middle,
      filled(column + 1, row),
      filled(column - 1, row + 1),
      filled(column, row + 1),
      filled(column + 1, row + 1),
    );
    take(column, value);
  }
}
