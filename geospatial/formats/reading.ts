/** Windows of images by their tiles: where the bytes lie is told once, then one ranged read a run of neighbours brings them. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { type Cells, cellArrays } from '../kernels/pyramid.ts';
import type { Window } from '../kernels/window.ts';
import type { Directory, Tiff } from './directories.ts';
import { type Layout, tilesIn } from './imagelayout.ts';
import { faultOf, tileDecoder } from './tilecodec.ts';

/** Everything that it takes to read bands of a window, besides the file. Plain JSON, so that a plan can ship it to workers. */
export type Reading = Window & {
  readonly layout: Layout;
  /** From 0. */
  readonly bands: readonly number[];
  /** Column, row and plane of a tile, its first byte and how many there are: five numbers a tile, in the order of the file; tiles that are not there are left out. */
  readonly tiles: readonly number[];
};

const numbersOfTile = 5;
// Bytes between tiles that are read for nothing rather than asked around: leaders and trailers, a twentieth of the run at most.
const widestGap = 2 ** 14;
const shareOfGaps = 0.05;
/** Bytes of one read, unless one tile has more. */
export const mostAtOnce = 2 ** 26;
// So many offsets are read whole rather than row by row of the window.
const fewTiles = 2 ** 14;

/** Plans the reading of a window. @throws BadInput for tiles that lie outside of the file */
export async function planReading(
  tiff: Tiff,
  directory: Directory,
  layout: Layout,
  bands: readonly number[],
  window: Window,
  size: number,
  name: string,
): Promise<Reading> {
  const { columns, rows, planes } = tilesIn(layout);
  const { tileWidth, tileHeight, isPlanar, isTiled } = layout;
  const [offsetTag, sizeTag] = isTiled ? [324, 325] : [273, 279];
  const first = [Math.floor(window.left / tileWidth), Math.floor(window.top / tileHeight)] as const;
  const end = [
    Math.ceil((window.left + window.width) / tileWidth),
    Math.ceil((window.top + window.height) / tileHeight),
  ] as const;
  const isSmall = columns * rows * planes <= fewTiles;
  const places = async (tag: number, from: number, to: number): Promise<Float64Array> =>
    (await tiff.numbers(directory, tag, from, to)) ?? missing(tag);
  const missing = (tag: number): never => {
    throw new BadInput(
      `GeoTIFF: ${name}, directory at byte ${directory.at}: no places of tiles (tag ${tag}), expected ${columns * rows * planes}; get the file again`,
    );
  };
  const found: number[][] = [];
  const whole = isSmall
    ? await Promise.all([offsetTag, sizeTag].map((tag) => places(tag, 0, columns * rows * planes)))
    : undefined;
  for (const plane of isPlanar ? new Set(bands) : [0])
    for (let row = first[1]; row < end[1]; row++) {
      const from = (plane * rows + row) * columns + first[0];
      const to = from + end[0] - first[0];
      const [offsets, sizes] = whole
        ? whole.map((numbers) => numbers.subarray(from, to))
        : await Promise.all([offsetTag, sizeTag].map((tag) => places(tag, from, to)));
      for (let i = 0; i < to - from; i++) {
        const [offset, length] = [offsets![i] ?? missing(offsetTag), sizes![i] ?? missing(sizeTag)];
        if (offset === 0 || length === 0) continue;
        if (offset + length > size)
          throw new BadInput(
            `GeoTIFF: ${name}: tile ${from + i} from byte ${offset} to ${offset + length}, expected it within ${size} bytes; get the file again`,
          );
        found.push([first[0] + i, row, plane, offset, length]);
      }
    }
  found.sort((a, b) => a[3]! - b[3]! || a[4]! - b[4]!);
  return { ...window, layout, bands, tiles: found.flat() };
}

type Tile = {
  readonly column: number;
  readonly row: number;
  readonly plane: number;
  readonly start: number;
  readonly end: number;
};

/** Where the tiles of readings lie in their file: runs that come by one read, of some `most` bytes, apart from one another and in their order, and how many tiles each brings. */
export function rangesOf(
  readings: readonly Pick<Reading, 'tiles'>[],
  most: number,
): { readonly start: number; readonly end: number; readonly tiles: number }[] {
  // The bands of a tile are read together, masks beside them: a place comes once.
  const all = new Map<number, readonly number[]>();
  for (const { tiles } of readings)
    for (let i = 0; i < tiles.length; i += numbersOfTile) {
      const tile = tiles.slice(i, i + numbersOfTile);
      const [, , , start, length] = tile as unknown as [number, number, number, number, number];
      if ((all.get(start)?.[4] ?? -1) < length) all.set(start, tile);
    }
  const sorted = [...all.values()].sort((a, b) => a[3]! - b[3]!);
  const out: { start: number; end: number; tiles: number }[] = [];
  for (const run of runsOf(sorted.flat(), most)) {
    // Tiles of a damaged file may overlap; no byte comes twice.
    const start = Math.max(run[0]!.start, out.at(-1)?.end ?? 0);
    out.push({ start, end: Math.max(start, run.at(-1)!.end), tiles: run.length });
  }
  return out;
}

/** Tiles that come by one read: neighbours with little between them, of `most` bytes or one tile. */
function* runsOf(tiles: readonly number[], most = mostAtOnce): Generator<Tile[]> {
  let run: Tile[] = [];
  let gaps = 0;
  for (let i = 0; i < tiles.length; i += numbersOfTile) {
    const [column, row, plane, start, length] = tiles.slice(i, i + numbersOfTile) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const last = run.at(-1);
    const gap = last ? Math.max(0, start - last.end) : 0;
    const whole = start + length - (run[0]?.start ?? start);
    const joins = last && gap <= widestGap && gaps + gap <= shareOfGaps * whole && whole <= most;
    if (last && !joins) {
      yield run;
      [run, gaps] = [[], 0];
    } else gaps += gap;
    run.push({ column, row, plane, start, end: Math.max(last?.end ?? 0, start + length) });
    if (run.length === 1) run[0] = { column, row, plane, start, end: start + length };
  }
  if (run.length > 0) yield run;
}

/**
 * The cells of a window, one array a band, row by row; `empty` where the file has no tile.
 * @throws BadInput for tiles that cannot be decoded
 */
export async function readWindow(
  source: Pick<Source, 'read'>,
  { layout, bands, tiles, ...window }: Reading,
  empty: number,
  name: string,
): Promise<Cells[]> {
  const make = cellArrays[layout.type];
  const out = bands.map(() => new make(window.width * window.height));
  const { columns, rows } = tilesIn(layout);
  if (empty !== 0) for (const cells of out) cells.fill(empty);
  const decode = await tileDecoder(layout);
  for (const run of runsOf(tiles)) {
    const base = run[0]!.start;
    const bytes = await source.read(base, run.at(-1)!.end);
    for (const { column, row, plane, start, end } of run) {
      const tileRows = layout.isTiled
        ? layout.tileHeight
        : Math.min(layout.tileHeight, layout.height - row * layout.tileHeight);
      try {
        const found = decode(bytes.subarray(start - base, end - base), tileRows);
        // Waited for only where need be: cells are good until another reader decodes something.
        const cells = found instanceof Promise ? await found : found;
        for (const [i, band] of bands.entries()) {
          if (layout.isPlanar && band !== plane) continue;
          copyTile(cells, layout, layout.isPlanar ? 0 : band, { column, row }, out[i]!, window);
        }
      } catch (error) {
        throw new BadInput(
          `GeoTIFF: ${name}: tile ${(plane * rows + row) * columns + column} at byte ${start} cannot be decoded (${faultOf(error)}), expected ${layout.tileWidth} x ${tileRows} cells; get the file again`,
          { cause: error },
        );
      }
    }
  }
  return out;
}

function copyTile(
  cells: Cells,
  { tileWidth, tileHeight, bands, isPlanar }: Layout,
  band: number,
  { column, row }: { readonly column: number; readonly row: number },
  out: Cells,
  window: Window,
): void {
  const samples = isPlanar ? 1 : bands;
  const left = Math.max(window.left, column * tileWidth);
  const right = Math.min(window.left + window.width, (column + 1) * tileWidth);
  const top = Math.max(window.top, row * tileHeight);
  const rowsHere = Math.floor(cells.length / (tileWidth * samples));
  const bottom = Math.min(window.top + window.height, row * tileHeight + rowsHere);
  for (let y = top; y < bottom; y++) {
    const from = ((y - row * tileHeight) * tileWidth + left - column * tileWidth) * samples;
    const to = (y - window.top) * window.width + left - window.left;
    if (samples === 1) out.set(cells.subarray(from, from + right - left), to);
    else for (let i = 0, at = from + band; i < right - left; i++, at += samples) out[to + i] = cells[at]!;
  }
}
