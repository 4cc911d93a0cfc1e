/** One tile of a surface: pieces in, cells out. */
import { BadInput } from '../../core/errors.ts';
import { tileCells } from './grid.ts';
import type { Planes, Stat } from './piece.ts';
import { combinePiece, emptyPlanes } from './piece.ts';
import type { Cells } from './pyramid.ts';

/** What a cell without points holds in a raster of heights. */
export const noHeight = -9999;
// The next f32 above: a height that happens to be the nodata value stays a height.
const besideNoHeight = -9998.9990234375;

/** A tile under construction. */
export type Draft = {
  readonly stat: Stat;
  readonly planes: Planes;
  /** Of mean: the unit of the raw sums in `planes`, and what pieces of other units came to. */
  unit?: { readonly scale: number; readonly offset: number };
  readonly sums?: Float64Array;
  readonly counts?: Uint32Array;
};

export const startTile = (stat: Stat): Draft => ({
  stat,
  planes: emptyPlanes(stat),
  ...(stat === 'mean' ? { sums: new Float64Array(tileCells), counts: new Uint32Array(tileCells) } : {}),
});

/**
 * Adds a piece. Pieces of one scale and offset come together, and these in an order that depends on the numbers alone: then every cell is the same to the
 * last bit however the points were cut.
 * @throws BadInput where a sum of raw heights is too large to be exact
 */
export function addPiece(tile: Draft, piece: Uint8Array, scale: number, offset: number): void {
  if (tile.stat === 'mean' && tile.unit && (tile.unit.scale !== scale || tile.unit.offset !== offset))
    settle(tile);
  tile.unit = { scale, offset };
  combinePiece(tile.stat, tile.planes, piece);
}

/** Turns raw sums into sums of heights. */
function settle({ planes, unit, sums, counts }: Draft): void {
  const [raw, points] = planes as [Float64Array, Uint32Array];
  const { scale, offset } = unit!;
  for (let i = 0; i < raw.length; i++) {
    const n = points[i]!;
    if (n === 0) continue;
    if (!Number.isSafeInteger(raw[i]!))
      throw new BadInput(
        `DSM: a cell of ${n} points has heights that sum to ${raw[i]} x ${scale}, expected less than 2^53; give a smaller --cell`,
      );
    sums![i]! += scale * raw[i]! + offset * n;
    counts![i]! += n;
  }
  raw.fill(0);
  points.fill(0);
}

/** The cells of the finished tile: points in u32, or heights in f32 with `noHeight` where there are none. */
export function finishTile(tile: Draft): Cells {
  if (tile.stat === 'count') return tile.planes[0] as Uint32Array;
  if (tile.stat === 'mean' && tile.unit) settle(tile);
  const { sums, counts } = tile;
  const out = sums ? new Float32Array(tileCells) : (tile.planes[0] as Float32Array);
  // 0 / 0 is NaN, as heights have it for none.
  if (sums) for (let i = 0; i < out.length; i++) out[i] = sums[i]! / counts![i]!;
  return asStored(out);
}

/** Heights as a raster holds them, in place: `noHeight` for NaN. */
export function asStored<Heights extends Float32Array>(heights: Heights): Heights {
  for (let i = 0; i < heights.length; i++) {
    // + 0 makes -0 the same as 0: which of them came first must not show.
    const height = heights[i]! + 0;
    heights[i] = height !== height ? noHeight : height === noHeight ? besideNoHeight : height;
  }
  return heights;
}
