/** Scenes by blocks of tiles: what parts of jobs over bands have in common. */
import type { Dataset, Source } from '../../core/job.ts';
import type { Window } from '../kernels/window.ts';
import { type Expression, runCells } from '../kernels/expression.ts';
import type { Node, Pyramid } from '../kernels/pyramid.ts';
import { type Block, blocksOver, windowOf } from './blocks.ts';
import { maskedCells } from './masking.ts';
import { type Bands, type Lattice, type OpenScene, planScene, readScene, type ScenePart } from './scenes.ts';

/** A block of a scene: how large the scene's grid is, and what to read. Plain JSON. */
export type SceneBlock = Block & {
  readonly width: number;
  readonly height: number;
  readonly scene: ScenePart;
};

/** Blocks of about `split` tiles, with `halo` cells around that are read, too. */
export async function sceneBlocks(
  scene: OpenScene,
  lattice: Lattice,
  pyramid: Pyramid,
  { split, halo, product = 0 }: { readonly split: number; readonly halo: number; readonly product?: number },
): Promise<SceneBlock[]> {
  const { width, height } = lattice;
  const blocks: SceneBlock[] = [];
  for (const block of blocksOver(pyramid, split, product)) {
    const own = windowOf({ level: block.top, column: block.column, row: block.row }, pyramid);
    const window = {
      left: own.left - halo,
      top: own.top - halo,
      width: own.width + 2 * halo,
      height: own.height + 2 * halo,
    };
    blocks.push({ ...block, width, height, scene: await planScene(scene, lattice, window) });
  }
  return blocks;
}

/** Bytes of what a block reads: its bands, and a tile that is decoded. */
export const sceneMemory = ({ scene }: SceneBlock): number =>
  scene.readings.reduce(
    (sum, { reading }) => sum + 10 * reading.width * reading.height * reading.bands.length,
    2 ** 24,
  );

/** Bands that expressions name, each once. */
export const namesIn = (expressions: readonly (Expression | undefined)[]): string[] => [
  ...new Set(expressions.flatMap((expression) => expression?.names ?? [])),
];

/** The values of some bands, and which cells are masked, tile by tile. */
export type SceneTiles = {
  /**
   * Goes through a tile from the top: `act` gets values of `count` cells of each of `wanted`, which are those of whole rows from `row` of the tile on, NaN where there is
   * none or where the mask says so. The arrays are the same each time.
   */
  each(
    node: Node,
    wanted: readonly string[],
    act: (values: Float64Array[], row: number, rows: number, window: Window) => void,
  ): void;
};

/** Reads a block. */
export async function readTiles(
  { scene }: SceneBlock,
  pyramid: Pyramid,
  {
    names,
    mask,
    dilation,
  }: { readonly names: readonly string[]; readonly mask: Expression | undefined; readonly dilation: number },
  datasets: readonly Dataset[],
  open: (dataset: Dataset) => Promise<Source>,
): Promise<SceneTiles> {
  const bands: Bands = await readScene(scene, names, datasets, open);
  const numbersOf = (some: readonly string[]): number[] => some.map((name) => names.indexOf(name));
  return {
    each(node, wanted, act) {
      const window = windowOf(node, pyramid);
      const masked = mask && maskedCells(bands, mask, numbersOf(mask.names), window, dilation);
      const numbers = numbersOf(wanted);
      const values = numbers.map(() => new Float64Array(runCells));
      // As many rows at once as fit in a run.
      const atOnce = Math.max(1, Math.floor(runCells / window.width));
      for (let row = 0; row < window.height; row += atOnce) {
        const rows = Math.min(atOnce, window.height - row);
        for (const [k, band] of numbers.entries())
          for (let r = 0; r < rows; r++)
            bands.fill(band, window.top + row + r, window.left, window.width, values[k]!, r * window.width);
        if (masked)
          for (let i = 0, at = row * window.width; i < rows * window.width; i++, at++)
            if (masked[at] === 1) for (const own of values) own[i] = NaN;
        act(values, row, rows, window);
      }
    },
  };
}

/** The bands of `--bands` that are no mask's alone, as they come. */
export const bandNames = (
  layers: { readonly [name: string]: unknown },
  mask: Expression | undefined,
): string[] => Object.keys(layers).filter((name) => !mask?.names.includes(name));
