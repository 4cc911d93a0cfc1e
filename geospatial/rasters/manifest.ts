/** Where compressed tiles of a raster lie in the store. */
import type { Stored } from '../../core/job.ts';
import { joinPlaces } from '../../core/tables.ts';
import type { Encoded } from '../formats/tilecoding.ts';
import type { Node, Quarter } from '../kernels/pyramid.ts';
import type { Blobs } from './shelves.ts';

/** A manifest: where the tiles of blocks lie, and what the blocks give to the levels above them. */
export type Mosaic = {
  /** Pieces that went in. */
  readonly pieces: number;
  readonly blobs: readonly Stored[];
  /** One element a tile: its place in the raster; its blob, and its bytes there. */
  readonly tiles: {
    readonly level: Uint32Array<ArrayBuffer>;
    readonly column: Uint32Array<ArrayBuffer>;
    readonly row: Uint32Array<ArrayBuffer>;
    readonly blob: Uint32Array<ArrayBuffer>;
    readonly start: Float64Array<ArrayBuffer>;
    readonly end: Float64Array<ArrayBuffer>;
  };
  /** One element a block that is not the whole raster: its highest tile, halved, as raw cells. */
  readonly rests: {
    readonly level: Uint32Array<ArrayBuffer>;
    readonly column: Uint32Array<ArrayBuffer>;
    readonly row: Uint32Array<ArrayBuffer>;
    readonly blob: Uint32Array<ArrayBuffer>;
    readonly start: Float64Array<ArrayBuffer>;
    readonly width: Uint32Array<ArrayBuffer>;
    readonly height: Uint32Array<ArrayBuffer>;
  };
};

/** The tiles of a raster, and those of its mask where it has one: of the same places, each behind that of the image. */
export type Layers = { readonly mosaic: Mosaic; readonly mask?: Mosaic };

/** Compressed tiles that wait to be stored. */
export type Tiles = (Node & Encoded)[];

/** Stores tiles, row by row within a level as the file wants them, and what is left of their block, in one blob. */
export async function storeTiles(
  tiles: Tiles,
  pieces: number,
  rest: (Node & Quarter) | undefined,
  { put }: Blobs,
): Promise<Layers> {
  tiles.sort((a, b) => a.level - b.level || a.row - b.row || a.column - b.column);
  const [start, end, maskEnd] = [0, 1, 2].map(() => new Float64Array(tiles.length)) as [
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
    Float64Array<ArrayBuffer>,
  ];
  let size = 0;
  for (const [i, { bytes, mask }] of tiles.entries()) {
    start[i] = size;
    end[i] = size += bytes.length;
    maskEnd[i] = size += mask?.length ?? 0;
  }
  const raw = rest ? new Uint8Array(rest.values.buffer, rest.values.byteOffset, rest.values.byteLength) : [];
  const blob = new Uint8Array(size + raw.length);
  for (const [i, { bytes, mask }] of tiles.entries()) {
    blob.set(bytes, start[i]);
    if (mask) blob.set(mask, end[i]);
  }
  blob.set(raw, size);
  const blobs = [await put(blob)];
  const mosaic = {
    pieces,
    blobs,
    tiles: { ...places(tiles), start, end },
    rests: restsOf(rest ? [rest] : [], size),
  };
  const isMasked = tiles.some(({ mask }) => mask);
  if (!isMasked) return { mosaic };
  const masks = { ...places(tiles), start: end, end: maskEnd };
  return { mosaic, mask: { pieces: 0, blobs, tiles: masks, rests: restsOf([], 0) } };
}

const restsOf = (rests: readonly (Node & Quarter)[], at: number): Mosaic['rests'] => ({
  ...places(rests),
  start: Float64Array.from(rests, () => at),
  width: Uint32Array.from(rests, ({ width }) => width),
  height: Uint32Array.from(rests, ({ height }) => height),
});

const places = (nodes: readonly Node[]) => ({
  level: Uint32Array.from(nodes, ({ level }) => level),
  column: Uint32Array.from(nodes, ({ column }) => column),
  row: Uint32Array.from(nodes, ({ row }) => row),
  blob: new Uint32Array(nodes.length),
});

/** A mosaic without tiles. */
export const noMosaic = (): Mosaic => ({
  pieces: 0,
  blobs: [],
  tiles: { ...places([]), start: new Float64Array(), end: new Float64Array() },
  rests: restsOf([], 0),
});

/** The tiles of all, in order; of at least one. */
export function mergeMosaics(mosaics: readonly Mosaic[]): Mosaic {
  const blobs = mosaics.map((mosaic) => mosaic.blobs);
  return {
    pieces: mosaics.reduce((sum, { pieces }) => sum + pieces, 0),
    blobs: blobs.flat(),
    tiles: joinPlaces(
      mosaics.map(({ tiles }) => tiles),
      blobs,
    ),
    rests: joinPlaces(
      mosaics.map(({ rests }) => rests),
      blobs,
    ),
  };
}
