/** Overviews of tiles, from the bottom up: four tiles, halved, make one of the next level. */
import { tileSide } from './grid.ts';
import { type BlockOverview, halve, isSmooth, type Smoothing } from './overview.ts';

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

/** How cells become one of the next level. */
export type Overview = BlockOverview | Smoothing;

/** How tiles are stored: `predictor` takes differences of neighbours first. */
export type Coding = { readonly compression: 'deflate' | 'zstd'; readonly predictor: boolean };

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
  /** The last band is a mask: 0 in places where the others hold nothing, and 1. In a file it lies beside the image. */
  readonly masked?: boolean;
  /** The last band is alpha: places where it is 0 have no part in means. */
  readonly alpha?: boolean;
  /** DEFLATE with a predictor unless told. */
  readonly coding?: Coding;
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
    Pick<Pyramid, 'nodata' | 'side' | 'bands' | 'overview' | 'masked' | 'alpha' | 'coding'>
  >,
): Pyramid {
  return { bands: 1, overview: 'average', ...given, side, levels: levels(size, side) };
}

/** `count` places with nothing in them. */
export const emptyCells = (count: number, pyramid: Pick<Pyramid, 'type' | Emptiness>): Cells =>
  emptied(new cellArrays[pyramid.type](count * pyramid.bands), pyramid);

type Emptiness = 'empty' | 'bands' | 'masked';

/** The same memory with nothing in it. */
export function emptied(cells: Cells, { empty, bands, masked }: Pick<Pyramid, Emptiness>): Cells {
  cells.fill(empty);
  if (masked && empty !== 0) for (let i = bands - 1; i < cells.length; i += bands) cells[i] = 0;
  return cells;
}

/** A tile of empty cells. */
export const emptyTile = (pyramid: Pyramid): Cells => emptyCells(pyramid.side ** 2, pyramid);

/** Whether cells hold nothing but what those of a tile do that is left out of a file: `nodata`, or 0 where every number is a value; and 0 in a mask. */
export function areEmpty(
  cells: Cells,
  { nodata = 0, bands, masked }: Pick<Pyramid, 'nodata' | 'bands' | 'masked'>,
): boolean {
  const mask = masked ? bands - 1 : bands;
  for (let i = 0, band = 0; i < cells.length; i++, band = band + 1 === bands ? 0 : band + 1) {
    const none = band === mask ? 0 : nodata;
    if (cells[i] !== none && !(none !== none && cells[i] !== cells[i])) return false;
  }
  return true;
}

/**
 * A tile's cells at half the resolution; those beyond the raster's edge do not count.
 * @throws RangeError for overviews that need cells around the tile
 */
export function halveTile(values: Cells, { level, column, row }: Node, pyramid: Pyramid): Quarter {
  const { side, bands, nodata, overview, type, masked, alpha } = pyramid;
  if (isSmooth(overview)) throw new RangeError(`overviews by ${overview} need cells around a tile`);
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
    values: halve(inside, columns, rows, { nodata, bands, overview, masked, alpha }),
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
