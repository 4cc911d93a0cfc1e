/** Surfaces in pieces: what binning leaves in the store, and later stages put together. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset, Source, Stored } from '../../core/job.ts';
import { joinPlaces } from '../../core/tables.ts';
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
  /** One element a piece: which of the products it is of; its tile, counted in tiles; its blob, and its bytes there; scale and offset of its raw values. */
  readonly pieces: {
    readonly product: Uint32Array<ArrayBuffer>;
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

/** Reads the manifest that a job left. */
export async function surfaceOf(
  dataset: Dataset,
  context: { open(dataset: Dataset): Promise<Source> },
): Promise<Surface> {
  const source = await context.open(dataset);
  return surfaceCodec.decode(await source.read(0, source.size));
}

/** The pieces of all, in order. What the first one says of grid and CRS holds for all. */
export function mergeSurfaces(surfaces: readonly Surface[]): Surface {
  const pieces = joinPlaces(
    surfaces.map((surface) => surface.pieces),
    surfaces.map(({ blobs }) => blobs),
  );
  const { grid, crs, note } = surfaces[0]!;
  const points = surfaces.reduce((sum, surface) => sum + surface.points, 0);
  return { grid, crs, note, points, blobs: surfaces.flatMap((surface) => surface.blobs), pieces };
}

/** A piece of a product, its values in raw units of `unit`. */
type Kept = Piece & { readonly product: number; readonly unit: Placement };
/** Pieces that wait to be stored, and their bytes. */
export type Shards = { pieces: Kept[]; bytes: number };

/** Puts pieces by. */
export function keepPieces(shards: Shards, pieces: readonly Kept[]): void {
  for (const piece of pieces) {
    shards.pieces.push(piece);
    shards.bytes += piece.bytes.length;
  }
}

/** Stores all pieces that wait in one blob; none are left. */
export async function storePieces(
  shards: Shards,
  context: Pick<Context, 'put'>,
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
    blobs: bytes === 0 ? [] : [await context.put(blob)],
    pieces: {
      product: Uint32Array.from(pieces, ({ product }) => product),
      column: Uint32Array.from(pieces, ({ column }) => column),
      row: Uint32Array.from(pieces, ({ row }) => row),
      blob: new Uint32Array(pieces.length),
      start,
      end,
      scale: Float64Array.from(pieces, ({ unit }) => unit.scale[2]),
      offset: Float64Array.from(pieces, ({ unit }) => unit.offset[2]),
    },
  };
}

/** A piece's blob, by its number, and its bytes there. */
export type Place = { readonly blob: number; readonly start: number; readonly end: number };

export const windowBytes = 16 * 1024 * 1024;
// Closer pieces of a blob are read as one.
const gapBytes = 256 * 1024;

/** The bytes of each piece in turn; up to 16 MiB of them at a time, neighbours in a blob by one read. */
export async function* readPieces(
  pieces: readonly Place[],
  blobs: readonly Stored[],
  context: Pick<Context, 'get'>,
): AsyncGenerator<Uint8Array, undefined> {
  for (let from = 0, to = 0; from < pieces.length; from = to) {
    for (let sum = 0; to < pieces.length; to++) {
      const { start, end } = pieces[to]!;
      if (to > from && sum + end - start > windowBytes) break;
      sum += end - start;
    }
    const found = new Map<number, Uint8Array>();
    for (const { blob, start, end, numbers } of readsOf(pieces, from, to)) {
      const bytes = await context.get(blobs[blob]!, start, end);
      for (const i of numbers) found.set(i, bytes.subarray(pieces[i]!.start - start, pieces[i]!.end - start));
    }
    for (let i = from; i < to; i++) yield found.get(i)!;
  }
  return undefined;
}

type Read = { readonly blob: number; readonly start: number; end: number; readonly numbers: number[] };

function readsOf(pieces: readonly Place[], from: number, to: number): Read[] {
  const order = Array.from({ length: to - from }, (_, i) => from + i);
  order.sort((a, b) => pieces[a]!.blob - pieces[b]!.blob || pieces[a]!.start - pieces[b]!.start);
  const out: Read[] = [];
  for (const i of order) {
    const { blob, start, end } = pieces[i]!;
    const last = out.at(-1);
    if (last && last.blob === blob && start - last.end <= gapBytes) {
      last.end = end;
      last.numbers.push(i);
    } else out.push({ blob, start, end, numbers: [i] });
  }
  return out;
}
