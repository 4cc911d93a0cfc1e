/** Overviews of tiles, from the bottom up: four tiles, halved, make one of the next level. */
import { tileCells, tileSide } from './grid.ts';
import { halve } from './overview.ts';

export type Cells = Float32Array | Uint32Array | Uint8Array;
/** By the name of a raster's type. */
export const cellArrays = { Float32: Float32Array, Uint32: Uint32Array, Uint8: Uint8Array } as const;
export type CellType = keyof typeof cellArrays;
/** What a tile gives to the level above: its cells halved, `width` by `height`. */
export type Quarter = { readonly values: Cells; readonly width: number; readonly height: number };
/** A tile of a level; column and row count tiles. */
export type Node = { readonly level: number; readonly column: number; readonly row: number };

export type Pyramid = {
  /** The full one first: cells, and tiles. */
  readonly levels: readonly {
    readonly width: number;
    readonly height: number;
    readonly columns: number;
    readonly rows: number;
  }[];
  /** What a cell without points holds. */
  readonly empty: number;
  /** Absent where every number is a value. */
  readonly nodata?: number;
  readonly type: CellType;
};

const half = tileSide / 2;

/** 512 x 512 empty cells. */
export const emptyTile = ({ type, empty }: Pyramid): Cells => new cellArrays[type](tileCells).fill(empty);

/** A tile's cells at half the resolution; those beyond the raster's edge do not count. */
export function halveTile(values: Cells, { level, column, row }: Node, pyramid: Pyramid): Quarter {
  const { width, height } = pyramid.levels[level]!;
  const columns = Math.min(tileSide, width - column * tileSide);
  const rows = Math.min(tileSide, height - row * tileSide);
  const inside =
    columns === tileSide
      ? values.subarray(0, columns * rows)
      : emptyTile(pyramid).subarray(0, columns * rows);
  if (columns < tileSide)
    for (let r = 0; r < rows; r++)
      inside.set(values.subarray(r * tileSide, r * tileSide + columns), r * columns);
  return {
    values: halve<Cells>(inside, columns, rows, pyramid.nodata),
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
  const { columns, rows } = pyramid.levels[node.level - 1]!;
  let values: Cells | undefined;
  for (let child = 0; child < 4; child++) {
    const column = 2 * node.column + (child & 1);
    const row = 2 * node.row + (child >> 1);
    if (column >= columns || row >= rows) continue;
    const quarter = await build({ level: node.level - 1, column, row }, bottom, pyramid, leaf, emit);
    if (!quarter) continue;
    values ??= emptyTile(pyramid);
    const corner = (child >> 1) * half * tileSide + (child & 1) * half;
    for (let r = 0; r < quarter.height; r++)
      values.set(quarter.values.subarray(r * quarter.width, (r + 1) * quarter.width), corner + r * tileSide);
  }
  if (!values) return undefined;
  await emit(node, values);
  return halveTile(values, node, pyramid);
}
