/** Overviews of tiles, from the bottom up: four tiles, halved, make one of the next level. */
import { tileSide } from './grid.ts';
import { halve, type Overview } from './overview.ts';

/** By the name of a raster's type. */
export const cellArrays = {
  Uint8: Uint8Array,
  Int8: Int8Array,
  Uint16: Uint16Array,
  Int16: Int16Array,
  Uint32: Uint32Array,
  Int32: Int32Array,
  Float32: Float32Array,
  Float64: Float64Array,
} as const;
export type CellType = keyof typeof cellArrays;
/** Cells row by row; those of several bands side by side in each place. */
export type Cells =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;
/** The type of cells. */
export const typeOfCells = (cells: Cells): CellType =>
  cells.constructor.name.replace(/Array$/, '') as CellType;
export const isFloat = (type: CellType): boolean => type === 'Float32' || type === 'Float64';

/** What a tile gives to the level above: its cells halved, `width` by `height`. */
export type Quarter = { readonly values: Cells; readonly width: number; readonly height: number };
/** A tile of a level; column and row count tiles. */
export type Node = { readonly level: number; readonly column: number; readonly row: number };

/** One resolution of a raster: its cells, and the tiles that hold them. */
export type Level = {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
};

export type Pyramid = {
  /** The full one first. */
  readonly levels: readonly Level[];
  /** What a cell without points holds. */
  readonly empty: number;
  /** Absent where every number is a value. */
  readonly nodata?: number;
  readonly type: CellType;
  /** Cells along the side of a tile. */
  readonly side: number;
  readonly bands: number;
  readonly overview: Overview;
};

// GDAL, and whatever is built on it, counts cells in signed 32-bit integers.
const longest = 2 ** 31 - 1;

/**
 * Levels, the full one first: each half the size (rounded up) of the one before, until one tile holds it.
 * @throws RangeError for a size that is no whole number from 1 to 2^31 - 1
 */
export function levels(
  { width, height }: { readonly width: number; readonly height: number },
  side = tileSide,
): Level[] {
  for (const size of [width, height])
    if (!Number.isInteger(size) || size < 1 || size > longest)
      throw new RangeError(`raster of ${width} x ${height} cells, expected 1 to ${longest} each way`);
  const out: Level[] = [];
  for (let [w, h] = [width, height]; ; [w, h] = [Math.ceil(w / 2), Math.ceil(h / 2)]) {
    out.push({ width: w, height: h, columns: Math.ceil(w / side), rows: Math.ceil(h / side) });
    if (w <= side && h <= side) return out;
  }
}

/** The pyramid over a raster of one band and tiles of 512 cells, unless told; its overviews are means. */
export function pyramidOver(
  size: { readonly width: number; readonly height: number },
  {
    side = tileSide,
    ...given
  }: { readonly type: CellType; readonly empty: number } & Partial<
    Pick<Pyramid, 'nodata' | 'side' | 'bands' | 'overview'>
  >,
): Pyramid {
  return { bands: 1, overview: 'average', ...given, side, levels: levels(size, side) };
}

/** A tile of empty cells. */
export const emptyTile = ({ type, empty, side, bands }: Pyramid): Cells =>
  new cellArrays[type](side * side * bands).fill(empty);

/** A tile's cells at half the resolution; those beyond the raster's edge do not count. */
export function halveTile(values: Cells, { level, column, row }: Node, pyramid: Pyramid): Quarter {
  const { side, bands, nodata, overview, type } = pyramid;
  const { width, height } = pyramid.levels[level]!;
  const columns = Math.min(side, width - column * side);
  const rows = Math.min(side, height - row * side);
  let inside = values.subarray(0, columns * rows * bands);
  if (columns < side) {
    inside = new cellArrays[type](columns * rows * bands);
    for (let r = 0; r < rows; r++)
      inside.set(values.subarray(r * side * bands, (r * side + columns) * bands), r * columns * bands);
  }
  return {
    values: halve(inside, columns, rows, { nodata, bands, overview }),
    width: Math.ceil(columns / 2),
    height: Math.ceil(rows / 2),
  };
}

/**
 * Builds `node` and all below it down to level `bottom`, children in the order NW, NE, SW, SE. `leaf` gives a node of the bottom level halved,
 * or undefined where it is empty; `emit` takes each tile above the bottom that is not. Gives the node halved. Holds one tile a level. Every cell
 * depends on the four below it alone: where the tiles were cut into blocks does not show.
 */
export async function build(
  node: Node,
  bottom: number,
  pyramid: Pyramid,
  leaf: (node: Node) => Promise<Quarter | undefined>,
  emit: (node: Node, values: Cells) => Promise<void>,
): Promise<Quarter | undefined> {
  if (node.level === bottom) return leaf(node);
  const { side, bands } = pyramid;
  const { columns, rows } = pyramid.levels[node.level - 1]!;
  let values: Cells | undefined;
  for (let child = 0; child < 4; child++) {
    const column = 2 * node.column + (child & 1);
    const row = 2 * node.row + (child >> 1);
    if (column >= columns || row >= rows) continue;
    const quarter = await build({ level: node.level - 1, column, row }, bottom, pyramid, leaf, emit);
    if (!quarter) continue;
    values ??= emptyTile(pyramid);
    const corner = ((child >> 1) * side + (child & 1)) * (side / 2) * bands;
    const line = quarter.width * bands;
    for (let r = 0; r < quarter.height; r++)
      values.set(quarter.values.subarray(r * line, (r + 1) * line), corner + r * side * bands);
  }
  if (!values) return undefined;
  await emit(node, values);
  return halveTile(values, node, pyramid);
}
