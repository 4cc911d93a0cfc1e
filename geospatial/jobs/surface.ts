/** Surfaces in pieces: what geospatial/dsm leaves in the store and geospatial/mosaic puts together. */
import { columns } from '../../core/codec.ts';
import type { Context, Stored } from '../../core/job.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { Piece, Placement } from '../kernels/bins.ts';
import type { Grid } from '../kernels/grid.ts';

/** A manifest: where the pieces of all tiles lie. */
export type Surface = {
  readonly grid: Grid;
  readonly crs: GeoKeys | null;
  /** What the user should know of the CRS; empty for nothing. */
  readonly note: string;
  /** Points in the pieces. */
  readonly points: number;
  readonly blobs: readonly Stored[];
  /** One element a piece: its tile, counted in tiles; its blob, and its bytes there; scale and offset of its raw z. */
  readonly pieces: {
    readonly column: Uint32Array<ArrayBuffer>;
    readonly row: Uint32Array<ArrayBuffer>;
    readonly blob: Uint32Array<ArrayBuffer>;
    readonly start: Float64Array<ArrayBuffer>;
    readonly end: Float64Array<ArrayBuffer>;
    readonly scale: Float64Array<ArrayBuffer>;
    readonly offset: Float64Array<ArrayBuffer>;
  };
};

export const surfaceCodec = columns<Surface>();

/** The pieces of all, in order. What the first one says of grid and CRS holds for all. */
export function mergeSurfaces(surfaces: readonly Surface[]): Surface {
  const total = surfaces.reduce((sum, { pieces }) => sum + pieces.row.length, 0);
  const pieces = {
    column: new Uint32Array(total),
    row: new Uint32Array(total),
    blob: new Uint32Array(total),
    start: new Float64Array(total),
    end: new Float64Array(total),
    scale: new Float64Array(total),
    offset: new Float64Array(total),
  };
  let [at, blobs] = [0, 0];
  for (const surface of surfaces) {
    for (const [name, column] of Object.entries(pieces))
      column.set(surface.pieces[name as keyof typeof pieces], at);
    const { length } = surface.pieces.row;
    for (let i = at; i < at + length; i++) pieces.blob[i]! += blobs;
    at += length;
    blobs += surface.blobs.length;
  }
  const { grid, crs, note } = surfaces[0]!;
  const points = surfaces.reduce((sum, surface) => sum + surface.points, 0);
  return { grid, crs, note, points, blobs: surfaces.flatMap((surface) => surface.blobs), pieces };
}

/** Pieces that wait to be stored, and their bytes. */
export type Shards = { pieces: Piece[]; bytes: number };

/** Puts pieces by. */
export function keepPieces(shards: Shards, pieces: readonly Piece[]): void {
  for (const piece of pieces) {
    shards.pieces.push(piece);
    shards.bytes += piece.bytes.length;
  }
}

/** Stores all pieces that wait in one blob; none are left. Heights in them are in raw units of `how`. */
export async function storePieces(
  shards: Shards,
  { scale, offset }: Placement,
  context: Context,
): Promise<Pick<Surface, 'blobs' | 'pieces'>> {
  const { pieces, bytes } = shards;
  const blob = new Uint8Array(bytes);
  const start = new Float64Array(pieces.length);
  const end = new Float64Array(pieces.length);
  let at = 0;
  for (const [i, piece] of pieces.entries()) {
    blob.set(piece.bytes, at);
    start[i] = at;
    end[i] = at += piece.bytes.length;
  }
  shards.pieces = [];
  shards.bytes = 0;
  return {
    blobs: [await context.put(blob)],
    pieces: {
      column: Uint32Array.from(pieces, ({ column }) => column),
      row: Uint32Array.from(pieces, ({ row }) => row),
      blob: new Uint32Array(pieces.length),
      start,
      end,
      scale: new Float64Array(pieces.length).fill(scale[2]),
      offset: new Float64Array(pieces.length).fill(offset[2]),
    },
  };
}
