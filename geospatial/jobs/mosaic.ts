/** lidar/mosaic: the pieces of rasters put together, tile by tile, to Cloud-Optimized GeoTIFFs. The second half of lidar/raster. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset, Stored } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { number, text } from '../../core/params.ts';
import { encodeTile, type Level, levels } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Cells, Node, Quarter } from '../kernels/pyramid.ts';
import { build, halveTile } from '../kernels/pyramid.ts';
import { addPiece, finishTile, startTile } from '../kernels/tile.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { mergeProducts, type Products, storeTiles, type Tiles, writeProducts } from '../rasters/mosaics.ts';
import { isRelief, layerOf, productParam, productsOf, pyramidOf } from '../lidar/products.ts';
import { canopyTile, groundTile } from '../lidar/relief.ts';
import { readPieces, type Surface, surfaceCodec, windowBytes } from '../lidar/surface.ts';

type Inputs = { surface: readonly [Dataset] };

/** Column and row of a tile, number of the blob, start and end there, scale and offset of raw values. */
type Piece = readonly [number, number, number, number, number, number, number];
/** The tiles below one tile of level `top` of a product, and their pieces, those of a tile together. Plain JSON. */
type Part = {
  readonly product: number;
  readonly top: number;
  readonly column: number;
  readonly row: number;
  readonly blobs: readonly Stored[];
  readonly pieces: readonly Piece[];
};

const params = {
  grid: plain<Grid>(noGrid, 'grid of the surface'),
  crs: plain<GeoKeys | null>(null, 'CRS of the surface, as GeoTIFF keys'),
  note: text('what to say beside the band', 'text'),
  product: productParam,
  gap: number(50, 'radius of the largest circle without ground that is drawn across', { min: 0 }),
};

// Blocks of 4 x 4 tiles: a block's tiles, compressed, are held together until they are stored.
const highestTop = 2;
const mostTiles = 256;

export const mosaic = define<Inputs, typeof params, Part, Products>({
  name: 'lidar/mosaic',
  version: 1,
  doc: 'Pieces of rasters to Cloud-Optimized GeoTIFFs; the second half of lidar/raster',
  inputs: { surface: { doc: 'result of lidar/raster', formats: ['lidar/raster'] } },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'pieces',
  output: 'prefix',
  result: columns<Products>(),

  async partition({ surface: [dataset] }, { grid, product }, split, planning) {
    const names = productsOf(product);
    const source = await planning.open(dataset);
    const { blobs, pieces } = surfaceCodec.decode(await source.read(0, source.size));
    const tops = levels(grid).length - 1;
    const top = Math.min(tops, highestTop, Math.max(0, Math.floor(Math.log2(split) / 2)));
    const blocks = new Map<number, number[]>();
    const across = Math.ceil(levels(grid)[0]!.columns / 2 ** top);
    const down = Math.ceil(levels(grid)[0]!.rows / 2 ** top);
    let records = 0;
    for (const [i, row] of pieces.row.entries()) {
      const name = names[pieces.product[i]!];
      // Those of relief are found by the tiles that need them.
      if (name === undefined || isRelief(name)) continue;
      records++;
      const block = (pieces.product[i]! * down + (row >> top)) * across + (pieces.column[i]! >> top);
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
          product: Math.floor(block / (across * down)),
          top,
          column: block % across,
          row: Math.floor(block / across) % down,
          blobs: used.map((i) => blobs[i]!),
          pieces: rows.sort(byTile),
        };
      });
    // A tile of relief is much work: a part each, unless there are many.
    const [{ columns: wide, rows: high }] = levels(grid) as [Level];
    const peak = Math.min(top, wide * high > mostTiles ? 1 : 0);
    const [acrossPeak, downPeak] = [Math.ceil(wide / 2 ** peak), Math.ceil(high / 2 ** peak)];
    for (const [number, name] of names.entries())
      if (isRelief(name))
        for (let block = 0; block < acrossPeak * downPeak; block++) {
          const place = { column: block % acrossPeak, row: Math.floor(block / acrossPeak) };
          parts.push({ product: number, top: peak, ...place, blobs: [], pieces: [] });
        }
    // No point that counts: nothing but cells without one.
    if (parts.length === 0) parts.push({ product: 0, top, column: 0, row: 0, blobs: [], pieces: [] });
    return { parts, records };
  },

  weight: ({ pieces, blobs }) =>
    blobs.length === 0 ? 2 ** 24 : pieces.reduce((sum, [, , , start, end]) => sum + end - start, 0),
  // A window of pieces, a tile of each level and its planes, and a block's tiles twice.
  memory: ({ top, product }, given) =>
    2 * windowBytes +
    24 * 2 ** 20 +
    3 * 2 ** 20 * 4 ** top +
    (isRelief(productsOf(given.product)[product]!) ? 160 * 2 ** 20 : 0),

  async kernel(
    { product, top, column, row, blobs, pieces },
    { surface },
    { grid, product: given, gap },
    context,
  ) {
    const names = productsOf(given);
    const name = names[product]!;
    const { stat } = layerOf(name);
    const pyramid = pyramidOf(grid, name);
    const tiles: Tiles = [];
    const places = pieces.map(([, , blob, start, end]) => ({ blob, start, end }));
    const bytes = readPieces(places, blobs, context);
    let at = 0;
    const relief = isRelief(name)
      ? { surface: await surfaceOf(surface[0], context), grid, ground: names.length, gap }
      : undefined;
    const leaf = async (node: Node): Promise<Quarter | undefined> => {
      if (relief) {
        context.signal.throwIfAborted();
        const { column: c, row: r } = node;
        const found =
          name === 'dtm' ? groundTile(relief, c, r, context) : canopyTile(relief, product, c, r, context);
        const values = await found;
        if (values) tiles.push({ ...node, bytes: encodeTile(values) });
        return values && halveTile(values, node, pyramid);
      }
      const here = ([c, r]: Piece): boolean => c === node.column && r === node.row;
      if (at === pieces.length || !here(pieces[at]!)) return undefined;
      const draft = startTile(stat);
      for (; at < pieces.length && here(pieces[at]!); at++) {
        const [, , , , , scale, offset] = pieces[at]!;
        addPiece(draft, (await bytes.next()).value!, scale, offset);
      }
      const found = finishTile(draft);
      const values = name === 'density' ? Float32Array.from(found, (n) => n / grid.cell ** 2) : found;
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
    const made = await storeTiles(tiles, at, above && rest ? { ...node, ...rest } : undefined, context);
    return { pieces: at, products: [{ product, mosaic: made }] };
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(result, output, { params: { grid, crs, note, product } }, context) {
    const rasters = productsOf(product).map((name) => ({ name, pyramid: pyramidOf(grid, name) }));
    await writeProducts(result, rasters, { grid, crs, note }, output, context);
  },
});

async function surfaceOf(dataset: Dataset, context: Context): Promise<Surface> {
  const source = await context.open(dataset);
  return surfaceCodec.decode(await source.read(0, source.size));
}

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
