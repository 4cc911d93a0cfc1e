/** Compressed tiles of a raster in the store, and the one file that they become. */
import type { Context, FileSink, Output, Stored } from '../../core/job.ts';
import { joinPlaces } from '../../core/tables.ts';
import type { Raster } from '../formats/cog.ts';
import { encodeTile, transformOf, writeCog } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Cells, Node, Pyramid, Quarter } from '../kernels/pyramid.ts';
import { build, cellArrays } from '../kernels/pyramid.ts';

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

/** Compressed tiles that wait to be stored. */
export type Tiles = (Node & { readonly bytes: Uint8Array })[];

export type Blobs = Pick<Context, 'put' | 'get'>;

/** Stores tiles, row by row within a level as the file wants them, and what is left of their block, in one blob. */
export async function storeTiles(
  tiles: Tiles,
  pieces: number,
  rest: (Node & Quarter) | undefined,
  { put }: Blobs,
): Promise<Mosaic> {
  tiles.sort((a, b) => a.level - b.level || a.row - b.row || a.column - b.column);
  const end = new Float64Array(tiles.length);
  const start = new Float64Array(tiles.length);
  let size = 0;
  for (const [i, { bytes }] of tiles.entries()) {
    start[i] = size;
    end[i] = size += bytes.length;
  }
  const raw = rest ? new Uint8Array(rest.values.buffer, rest.values.byteOffset, rest.values.byteLength) : [];
  const blob = new Uint8Array(size + raw.length);
  for (const [i, { bytes }] of tiles.entries()) blob.set(bytes, start[i]);
  blob.set(raw, size);
  const rests = rest ? [rest] : [];
  return {
    pieces,
    blobs: [await put(blob)],
    tiles: { ...places(tiles), start, end },
    rests: {
      ...places(rests),
      start: Float64Array.from(rests, () => size),
      width: Uint32Array.from(rests, ({ width }) => width),
      height: Uint32Array.from(rests, ({ height }) => height),
    },
  };
}

const places = (nodes: readonly Node[]) => ({
  level: Uint32Array.from(nodes, ({ level }) => level),
  column: Uint32Array.from(nodes, ({ column }) => column),
  row: Uint32Array.from(nodes, ({ row }) => row),
  blob: new Uint32Array(nodes.length),
});

/** A mosaic without tiles. */
const noMosaic = (): Mosaic => ({
  pieces: 0,
  blobs: [],
  tiles: { ...places([]), start: new Float64Array(), end: new Float64Array() },
  rests: { ...places([]), start: new Float64Array(), width: new Uint32Array(), height: new Uint32Array() },
});

/** The tiles of all, in order; of at least one. */
function mergeMosaics(mosaics: readonly Mosaic[]): Mosaic {
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

export const shelfBytes = 8 * 1024 * 1024;
const readBytes = 4 * 1024 * 1024;

/** Makes the levels above the blocks, then streams all tiles into a Cloud-Optimized GeoTIFF. Memory: some bytes a tile, and a few tiles. */
async function writeMosaic(
  blocks: Mosaic,
  raster: Raster,
  pyramid: Pyramid,
  file: FileSink,
  context: Context,
): Promise<void> {
  const shelf = shelve(context);
  const { tiles, blobs } = mergeMosaics([
    blocks,
    ...(await buildTop(blocks, pyramid, shelf, context.signal)),
  ]);
  const sizes = pyramid.levels.map(({ columns, rows }) => new Uint32Array(columns * rows));
  // Number of the tile among `tiles`.
  const numbers = sizes.map(({ length }) => new Uint32Array(length));
  for (const [i, level] of tiles.level.entries()) {
    const index = tiles.row[i]! * pyramid.levels[level]!.columns + tiles.column[i]!;
    sizes[level]![index] = tiles.end[i]! - tiles.start[i]!;
    numbers[level]![index] = i;
  }
  function* inOrder(): Generator<Place> {
    for (let level = sizes.length - 1; level >= 0; level--)
      for (const [index, size] of sizes[level]!.entries()) {
        const i = numbers[level]![index]!;
        if (size > 0) yield { stored: blobs[tiles.blob[i]!]!, start: tiles.start[i]!, end: tiles.end[i]! };
      }
  }
  const bytes = readPlaces(inOrder(), shelf);
  await writeCog(file, raster, sizes, async () => (await bytes.next()).value!);
}

/** Blobs of this writer: the first ones stay in memory, which is all of them unless the raster has a thousand blocks. */
export function shelve(context: Context): Blobs {
  const held = new Map<string, Uint8Array>();
  let free = shelfBytes;
  return {
    async put(bytes) {
      free -= bytes.length;
      if (free < 0) return context.put(bytes);
      const key = `shelf@0/${held.size}` as const;
      held.set(key, bytes);
      return { key, size: bytes.length };
    },
    get: async (stored, start, end) =>
      held.get(stored.key)?.subarray(start, end) ?? context.get(stored, start, end),
  };
}

/** The tiles of the levels above the blocks, stored some MiB at a time. */
async function buildTop(
  { rests, blobs }: Mosaic,
  pyramid: Pyramid,
  shelf: Blobs,
  signal: AbortSignal,
): Promise<Mosaic[]> {
  if (rests.level.length === 0) return [];
  const bottom = rests.level[0]!;
  const { columns } = pyramid.levels[bottom]!;
  const found = new Map(Array.from(rests.row, (row, i) => [row * columns + rests.column[i]!, i]));
  const leaf = async ({ column, row }: Node): Promise<Quarter | undefined> => {
    const i = found.get(row * columns + column);
    if (i === undefined) return undefined;
    const [width, height, start] = [rests.width[i]!, rests.height[i]!, rests.start[i]!];
    const cells = width * height * pyramid.bands;
    const bytes = await shelf.get(
      blobs[rests.blob[i]!]!,
      start,
      start + cellArrays[pyramid.type].BYTES_PER_ELEMENT * cells,
    );
    const { buffer } = new Uint8Array(bytes);
    const values = new cellArrays[pyramid.type](buffer, 0, cells);
    return { values, width, height };
  };
  const out: Mosaic[] = [];
  let tiles: Tiles = [];
  let size = 0;
  const emit = async (node: Node, values: Cells): Promise<void> => {
    signal.throwIfAborted();
    const bytes = encodeTile(values, pyramid);
    tiles.push({ ...node, bytes });
    size += bytes.length;
    if (size < shelfBytes) return;
    out.push(await storeTiles(tiles, 0, undefined, shelf));
    tiles = [];
    size = 0;
  };
  const root = { level: pyramid.levels.length - 1, column: 0, row: 0 };
  await build(root, bottom, pyramid, leaf, emit);
  if (tiles.length > 0) out.push(await storeTiles(tiles, 0, undefined, shelf));
  return out;
}

export type Place = { readonly stored: Stored; readonly start: number; readonly end: number };

/** The bytes of each place in turn; those that touch by one read, the next read under way. */
export async function* readPlaces(
  places: Iterable<Place>,
  { get }: Blobs,
): AsyncGenerator<Uint8Array, undefined> {
  const runs = runsOf(places);
  const read = async (): Promise<{ bytes: Uint8Array; run: Place[] } | undefined> => {
    const { value: run } = runs.next();
    return run ? { run, bytes: await get(run[0]!.stored, run[0]!.start, run.at(-1)!.end) } : undefined;
  };
  for (let next = read(); ;) {
    const found = await next;
    if (!found) return undefined;
    next = read();
    // Thrown where it is awaited; the reader may give up before.
    next.catch(() => {});
    const base = found.run[0]!.start;
    for (const { start, end } of found.run) yield found.bytes.subarray(start - base, end - base);
  }
}

function* runsOf(places: Iterable<Place>): Generator<Place[], undefined> {
  let run: Place[] = [];
  for (const place of places) {
    const [first, last] = [run[0], run.at(-1)];
    const joins = last?.stored === place.stored && last.end === place.start;
    if (first && (!joins || place.end - first.start > readBytes)) {
      yield run;
      run = [];
    }
    run.push(place);
  }
  if (run.length > 0) yield run;
  return undefined;
}

/** The mosaics of some products, in their order. */
export type Products = {
  readonly pieces: number;
  readonly products: readonly { readonly product: number; readonly mosaic: Mosaic }[];
};

export function mergeProducts(results: readonly Products[]): Products {
  const found = results.flatMap(({ products }) => products);
  const numbers = [...new Set(found.map(({ product }) => product))];
  return {
    pieces: results.reduce((sum, { pieces }) => sum + pieces, 0),
    products: numbers.map((product) => ({
      product,
      mosaic: mergeMosaics(found.filter((one) => one.product === product).map((one) => one.mosaic)),
    })),
  };
}

/** A raster to write: its cells, and what the file tells of them and of the place. */
export type Told = Pick<Raster, 'transform' | 'crs' | 'isColor' | 'hasAlpha' | 'palette'> & {
  readonly name: string;
  readonly pyramid: Pyramid;
  /** What is told of bands; their names unless given. */
  readonly bands?: Raster['bands'];
};

/** Writes a file a product; several are told apart by their names. */
export async function writeProducts(
  { products }: Products,
  rasters: readonly Told[],
  output: Output,
  context: Context,
): Promise<void> {
  for (const [i, { name, pyramid, bands, ...place }] of rasters.entries()) {
    const { width, height } = pyramid.levels[0]!;
    const { type, side, nodata } = pyramid;
    const raster: Raster = {
      ...place,
      width,
      height,
      type,
      side,
      bands: bands ?? [{ name }],
      ...(nodata === undefined ? {} : { nodata }),
    };
    const found = products.find((one) => one.product === i)?.mosaic ?? noMosaic();
    const file = await output.file(rasters.length === 1 ? '' : `.${name}.tif`);
    await writeMosaic(found, raster, pyramid, file, context);
  }
}

/** What a file tells of its place: of a grid of square cells, its CRS, and after `name` what the user should know of that. */
export const toldOf = (
  name: string,
  pyramid: Pyramid,
  { grid, crs, note }: { readonly grid: Grid; readonly crs: GeoKeys | null; readonly note: string },
): Told => ({
  name,
  pyramid,
  bands: [{ name: note === '' ? name : `${name}; ${note}` }],
  transform: transformOf(grid),
  ...(crs ? { crs } : {}),
});
