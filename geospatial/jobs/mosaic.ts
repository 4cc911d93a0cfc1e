/** geospatial/mosaic: the pieces of a surface put together, tile by tile, to a Cloud-Optimized GeoTIFF. The second half of geospatial/dsm. */
import type { Context, Dataset, Stored } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Json } from '../../core/json.ts';
import type { Param } from '../../core/params.ts';
import { choice, text } from '../../core/params.ts';
import type { Raster } from '../formats/cog.ts';
import { encodeTile, levels } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Stat } from '../kernels/piece.ts';
import type { Cells, Node, Pyramid, Quarter } from '../kernels/pyramid.ts';
import { build, halveTile } from '../kernels/pyramid.ts';
import { addPiece, finishTile, noHeight, startTile } from '../kernels/tile.ts';
import type { Mosaic, Tiles } from './mosaics.ts';
import { mergeMosaics, mosaicCodec, storeTiles, writeMosaic } from './mosaics.ts';
import { surfaceCodec } from './surface.ts';

type Inputs = { surface: readonly [Dataset] };

/** Column and row of a tile, number of the blob, start and end there, scale and offset of raw z. */
type Piece = readonly [number, number, number, number, number, number, number];
/** The tiles below one tile of level `top`, and their pieces, those of a tile together. Plain JSON. */
type Part = {
  readonly top: number;
  readonly column: number;
  readonly row: number;
  readonly blobs: readonly Stored[];
  readonly pieces: readonly Piece[];
};

const plain = <T extends Json>(fallback: T, doc: string): Param<T> => ({
  default: fallback,
  doc,
  hint: 'json',
  expected: 'JSON',
  parse: (value) => JSON.parse(value) as Json,
  check: (value): value is T => typeof value === 'object',
});

const params = {
  grid: plain<Grid>({ west: 0, north: 0, cell: 1, width: 1, height: 1 }, 'grid of the surface'),
  crs: plain<GeoKeys | null>(null, 'CRS of the surface, as GeoTIFF keys'),
  note: text('what to say beside the band', 'text'),
  stat: choice(['max', 'min', 'mean', 'count'], 'what the pieces hold'),
};

// Blocks of 4 x 4 tiles: a block's tiles, compressed, are held together until they are stored.
const highestTop = 2;
const windowBytes = 16 * 1024 * 1024;
// Closer pieces of a blob are read as one.
const gapBytes = 256 * 1024;

export const mosaic = define<Inputs, typeof params, Part, Mosaic>({
  name: 'geospatial/mosaic',
  version: 1,
  doc: 'Pieces of a surface to a Cloud-Optimized GeoTIFF; the second half of geospatial/dsm',
  inputs: { surface: { doc: 'result of geospatial/dsm', formats: ['geospatial/dsm'] } },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'pieces',
  output: 'file',
  result: mosaicCodec,

  async partition({ surface: [dataset] }, { grid }, split, planning) {
    const source = await planning.open(dataset);
    const { blobs, pieces } = surfaceCodec.decode(await source.read(0, source.size));
    const tops = levels(grid).length - 1;
    const top = Math.min(tops, highestTop, Math.max(0, Math.floor(Math.log2(split) / 2)));
    const blocks = new Map<number, number[]>();
    const across = Math.ceil(levels(grid)[0]!.columns / 2 ** top);
    for (const [i, row] of pieces.row.entries()) {
      const block = (row >> top) * across + (pieces.column[i]! >> top);
      const found = blocks.get(block);
      if (found) found.push(i);
      else blocks.set(block, [i]);
    }
    const parts = [...blocks.keys()]
      .sort((a, b) => a - b)
      .map((block): Part => {
        const numbers = blocks.get(block)!;
        const used = [...new Set(numbers.map((i) => pieces.blob[i]!))].sort((a, b) => a - b);
        const number = new Map(used.map((blob, i) => [blob, i]));
        const rows = numbers.map((i): Piece => [
          ...([pieces.column[i]!, pieces.row[i]!, number.get(pieces.blob[i]!)!] as const),
          ...([pieces.start[i]!, pieces.end[i]!, pieces.scale[i]!, pieces.offset[i]!] as const),
        ]);
        return {
          top,
          column: block % across,
          row: Math.floor(block / across),
          blobs: used.map((i) => blobs[i]!),
          pieces: rows.sort(byTile),
        };
      });
    return { parts, records: pieces.row.length };
  },

  weight: ({ pieces }) => pieces.reduce((sum, [, , , start, end]) => sum + end - start, 0),
  // A window of pieces, a tile of each level and its planes, and a block's tiles twice.
  memory: ({ top }) => 2 * windowBytes + 24 * 2 ** 20 + 3 * 2 ** 20 * 4 ** top,

  async kernel({ top, column, row, blobs, pieces }, _inputs, { grid, stat }, context) {
    const pyramid = pyramidOf(grid, stat);
    const tiles: Tiles = [];
    const bytes = readPieces(pieces, blobs, context);
    let at = 0;
    const leaf = async (node: Node): Promise<Quarter | undefined> => {
      const here = ([c, r]: Piece): boolean => c === node.column && r === node.row;
      if (at === pieces.length || !here(pieces[at]!)) return undefined;
      const draft = startTile(stat);
      for (; at < pieces.length && here(pieces[at]!); at++) {
        const [, , , , , scale, offset] = pieces[at]!;
        addPiece(draft, (await bytes.next()).value!, scale, offset);
      }
      const values = finishTile(draft);
      tiles.push({ ...node, bytes: encodeTile(values) });
      return halveTile(values, node, pyramid);
    };
    const emit = async (node: Node, values: Cells): Promise<void> => {
      context.signal.throwIfAborted();
      tiles.push({ ...node, bytes: encodeTile(values) });
    };
    const node = { level: top, column, row };
    const rest = await build(node, 0, pyramid, leaf, emit);
    if (at !== pieces.length)
      throw new Error(`block ${column}, ${row}: ${at} pieces of ${pieces.length} used`);
    const above = top < pyramid.levels.length - 1;
    return storeTiles(tiles, at, above && rest ? { ...node, ...rest } : undefined, context);
  },

  merge: mergeMosaics,
  records: ({ pieces }) => pieces,

  async write(result, output, { params: { grid, crs, note, stat } }, context) {
    const pyramid = pyramidOf(grid, stat);
    const raster: Raster = {
      ...grid,
      type: pyramid.type,
      ...(pyramid.nodata === undefined ? {} : { nodata: pyramid.nodata }),
      ...(crs ? { crs } : {}),
      description: note === '' ? stat : `${stat}; ${note}`,
    };
    await writeMosaic(result, raster, pyramid, output, context);
  },
});

/** Heights have a nodata value; where there are no points their number is simply 0. */
const pyramidOf = (grid: Grid, stat: Stat): Pyramid => ({
  levels: levels(grid),
  ...(stat === 'count'
    ? { type: 'Uint32', empty: 0 }
    : { type: 'Float32', empty: noHeight, nodata: noHeight }),
});

/** As `build` comes by the tiles (NW, NE, SW, SE), then as `addPiece` wants them, then as they lie. */
function byTile(a: Piece, b: Piece): number {
  const order = quadOrder(a) - quadOrder(b);
  if (order !== 0) return order;
  for (const i of [5, 6, 2, 3] as const) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/** Bits of column and row within a block, interleaved. */
const quadOrder = ([column, row]: Piece): number =>
  ((row & 2) << 2) | ((column & 2) << 1) | ((row & 1) << 1) | (column & 1);

/** The bytes of each piece in turn; up to 16 MiB of them at a time, neighbours in a blob by one read. */
async function* readPieces(
  pieces: readonly Piece[],
  blobs: readonly Stored[],
  context: Context,
): AsyncGenerator<Uint8Array, undefined> {
  for (let from = 0, to = 0; from < pieces.length; from = to) {
    for (let sum = 0; to < pieces.length; to++) {
      const [, , , start, end] = pieces[to]!;
      if (to > from && sum + end - start > windowBytes) break;
      sum += end - start;
    }
    const found = new Map<number, Uint8Array>();
    for (const { blob, start, end, numbers } of readsOf(pieces, from, to)) {
      const bytes = await context.get(blobs[blob]!, start, end);
      for (const i of numbers) found.set(i, bytes.subarray(pieces[i]![3] - start, pieces[i]![4] - start));
    }
    for (let i = from; i < to; i++) yield found.get(i)!;
  }
  return undefined;
}

type Read = { readonly blob: number; readonly start: number; end: number; readonly numbers: number[] };

function readsOf(pieces: readonly Piece[], from: number, to: number): Read[] {
  const order = Array.from({ length: to - from }, (_, i) => from + i);
  order.sort((a, b) => pieces[a]![2] - pieces[b]![2] || pieces[a]![3] - pieces[b]![3]);
  const out: Read[] = [];
  for (const i of order) {
    const [, , blob, start, end] = pieces[i]!;
    const last = out.at(-1);
    if (last && last.blob === blob && start - last.end <= gapBytes) {
      last.end = end;
      last.numbers.push(i);
    } else out.push({ blob, start, end, numbers: [i] });
  }
  return out;
}
