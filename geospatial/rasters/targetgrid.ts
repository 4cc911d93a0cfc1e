/** The grid that rasters are put on: asked for, that of another raster, or the one that keeps as many cells along the diagonal. Source: GDAL 3.6, GDALSuggestedWarpOutput2 and gdalwarp. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import { flag, number, text } from '../../core/params.ts';
import type { Transform } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { RasterFile } from '../formats/geotiff.ts';
import type { ShiftGrid } from '../formats/ntv2.ts';
import { epsgKeys, type Reprojection, reprojection } from '../formats/reproject.ts';
import type { Lattice } from './scenes.ts';

const places = '(-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?)';

/** Options of the grid. */
export const gridParams = {
  to: text('the CRS to put cells in; that of the first raster unless given', 'EPSG:3857', /^EPSG:\d{4,6}$/),
  from: text('the CRS of rasters that do not say theirs, or say it wrong', 'EPSG:32632', /^EPSG:\d{4,6}$/),
  resolution: number(0, 'side of a cell; the one that keeps as many cells along the diagonal unless given', {
    unit: 'units of the CRS',
    min: 0,
  }),
  bbox: text(
    'edges of the grid in units of its CRS: west,south,east,north; those of the rasters unless given',
    '600000,4990000,620000,5000000',
    new RegExp(`^${places}(,${places}){3}$`),
  ),
  snap: flag('edges are multiples of the resolution, as gdalwarp -tap has it'),
};
export type GridAsked = {
  readonly to: string;
  readonly from: string;
  readonly resolution: number;
  readonly bbox: string;
  readonly snap: boolean;
};

/** A raster that lies somewhere. */
export type PlacedRaster = {
  readonly raster: RasterFile;
  readonly transform: Transform;
  readonly crs: GeoKeys;
  readonly uri: string;
  /** What leads from its datum, or from that of the grid, where one needs it. */
  readonly shifts?: ShiftGrid | undefined;
};

const codeOf = (crs: string): number => Number(crs.slice('EPSG:'.length));

/** A raster with its place. @throws BadInput for one that has none */
export async function placed(
  raster: RasterFile,
  uri: string,
  from: string,
  shifts?: ShiftGrid,
): Promise<PlacedRaster> {
  const { transform } = raster;
  const crs = from === '' ? raster.crs : await epsgKeys(codeOf(from));
  if (!transform)
    throw new BadInput(
      `GeoTIFF: ${uri} lies nowhere, expected a place on the ground; write it with gdal_translate -a_ullr`,
    );
  if (!crs) throw new BadInput(`GeoTIFF: ${uri} has no CRS, expected one; say it with --from EPSG:n`);
  const area = transform[0] * transform[4] - transform[1] * transform[3];
  if (!Number.isFinite(area) || area === 0)
    throw new BadInput(
      `GeoTIFF: ${uri} has cells without area (${transform.join(', ')}); write its place anew`,
    );
  return { raster, transform, crs, uri, shifts };
}

type Extent = { minX: number; minY: number; maxX: number; maxY: number; cell: number };
const nothing = (): Extent => ({
  minX: Infinity,
  minY: Infinity,
  maxX: -Infinity,
  maxY: -Infinity,
  cell: Infinity,
});

/**
 * The grid for some rasters.
 * @throws BadUsage for options that do not go together or give no grid, BadInput for rasters that do not lie within the target's reach
 */
export async function targetGrid(
  rasters: readonly PlacedRaster[],
  asked: GridAsked,
  like?: PlacedRaster,
): Promise<Lattice> {
  if (like) {
    if (asked.to !== '' || asked.resolution > 0 || asked.bbox !== '' || asked.snap)
      throw new BadUsage('--like gives the grid, expected no --to, --resolution, --bbox or --snap beside it');
    const { width, height, note } = like.raster;
    return { width, height, transform: like.transform, crs: like.crs, note };
  }
  const crs = asked.to === '' ? rasters[0]!.crs : await epsgKeys(codeOf(asked.to));
  const first = rasters[0]!;
  const isKept =
    rasters.length === 1 &&
    asked.resolution === 0 &&
    asked.bbox === '' &&
    !asked.snap &&
    isSame(first.crs, crs);
  if (isKept && isUpright(first.transform)) {
    const { width, height, note } = first.raster;
    return { width, height, transform: first.transform, crs, note };
  }
  const extent = nothing();
  const notes = new Set<string>();
  for (const one of rasters) {
    const way = await reprojection(one.crs, crs, one.shifts);
    for (const note of way.notes) notes.add(note);
    const found = extentOf(one, crs.epsg === webMercator ? await cappedWay(one, crs) : way);
    extent.minX = Math.min(extent.minX, found.minX);
    extent.minY = Math.min(extent.minY, found.minY);
    extent.maxX = Math.max(extent.maxX, found.maxX);
    extent.maxY = Math.max(extent.maxY, found.maxY);
    extent.cell = Math.min(extent.cell, found.cell);
  }
  const cell = asked.resolution > 0 ? asked.resolution : extent.cell;
  return { ...rectangle(boxOf(asked.bbox) ?? extent, cell, asked), crs, note: [...notes].join('; ') };
}

/** The system of web maps. */
export const webMercator = 3857;
// Where the square of web maps ends.
const highestLatitude = 85.05112877980659;

/** The way to web Mercator by latitudes that it has: its poles lie nowhere. */
async function cappedWay(
  { crs, shifts }: PlacedRaster,
  to: GeoKeys,
): Promise<Pick<Reprojection, 'forward' | 'turns'>> {
  const degrees = await epsgKeys(4326);
  const [first, second] = [await reprojection(crs, degrees, shifts), await reprojection(degrees, to)];
  return {
    turns: second.turns,
    forward(places) {
      first.forward(places);
      for (let i = 1; i < places.length; i += 2)
        places[i] = Math.max(-highestLatitude, Math.min(highestLatitude, places[i]!));
      second.forward(places);
    },
  };
}

const isSame = (a: GeoKeys, b: GeoKeys): boolean => a === b || (a.epsg !== undefined && a.epsg === b.epsg);
const isUpright = (t: Transform): boolean =>
  t[1] === 0 && t[3] === 0 && t[0] > 0 && t[4] < 0 && t[0] === -t[4];

function boxOf(bbox: string): Omit<Extent, 'cell'> | undefined {
  if (bbox === '') return undefined;
  const [minX, minY, maxX, maxY] = bbox.split(',').map(Number) as [number, number, number, number];
  if (!(minX < maxX && minY < maxY))
    throw new BadUsage(
      `option bbox: found ${bbox}, expected west,south,east,north with west < east and south < north`,
    );
  return { minX, minY, maxX, maxY };
}

// As core/kernels have it: 4 million tiles.
const mostCells = 2 ** 40;
const longest = 2 ** 31 - 1;

function rectangle(
  box: Omit<Extent, 'cell'>,
  cell: number,
  { snap }: GridAsked,
): Pick<Lattice, 'width' | 'height' | 'transform'> {
  // A hair, so that edges that are multiples already stay.
  const hair = 1e-9;
  const minX = snap ? Math.floor(box.minX / cell + hair) * cell : box.minX;
  const maxX = snap ? Math.ceil(box.maxX / cell - hair) * cell : box.maxX;
  const minY = snap ? Math.floor(box.minY / cell + hair) * cell : box.minY;
  const maxY = snap ? Math.ceil(box.maxY / cell - hair) * cell : box.maxY;
  const [width, height] = [Math.floor((maxX - minX) / cell + 0.5), Math.floor((maxY - minY) / cell + 0.5)];
  if (!(width >= 1 && height >= 1 && width <= longest && height <= longest && width * height <= mostCells))
    throw new BadUsage(
      `a grid of ${width} x ${height} cells of ${cell}, expected 1 x 1 to 2^40 cells; give another --resolution or --bbox`,
    );
  return { width, height, transform: [cell, 0, minX, 0, -cell, maxY] };
}

const samples = 20;

/** Places on the edges of a raster and within, 21 x 21 of them, in units of its CRS; the first and last are opposite corners. */
export function sampled({ raster: { width, height }, transform: t }: PlacedRaster): Float64Array {
  const out = new Float64Array(2 * (samples + 1) ** 2);
  for (let k = 0; k <= samples; k++)
    for (let i = 0; i <= samples; i++) {
      const [column, row] = [(i * width) / samples, (k * height) / samples];
      const at = 2 * (k * (samples + 1) + i);
      out[at] = t[0] * column + t[1] * row + t[2];
      out[at + 1] = t[3] * column + t[4] * row + t[5];
    }
  return out;
}

/** Takes longitudes to within half a turn of the middle one, where that makes them span less: of a raster across the 180th meridian. */
export function unturned(found: Float64Array, turn: number): void {
  const span = (shift: (x: number) => number): number => {
    let [least, most] = [Infinity, -Infinity];
    for (let i = 0; i < found.length; i += 2) {
      const x = shift(found[i]!);
      if (x < least) least = x;
      if (x > most) most = x;
    }
    return most - least;
  };
  const middle = found[2 * Math.floor(found.length / 4)]!;
  const turned = (x: number): number => x - turn * Math.round((x - middle) / turn);
  if (turn === 0 || !(span(turned) < span((x) => x) - turn / 4)) return;
  for (let i = 0; i < found.length; i += 2) found[i] = turned(found[i]!);
}

function extentOf(one: PlacedRaster, way: Pick<Reprojection, 'forward' | 'turns'>): Extent {
  const found = sampled(one);
  way.forward(found);
  unturned(found, way.turns[1]);
  const extent = nothing();
  for (let i = 0; i < found.length; i += 2) {
    const [x, y] = [found[i]!, found[i + 1]!];
    if (x !== x || y !== y) continue;
    extent.minX = Math.min(extent.minX, x);
    extent.maxX = Math.max(extent.maxX, x);
    extent.minY = Math.min(extent.minY, y);
    extent.maxY = Math.max(extent.maxY, y);
  }
  if (!(extent.maxX > extent.minX && extent.maxY > extent.minY))
    throw new BadInput(
      `GeoTIFF: ${one.uri} lies where the target's CRS does not reach, expected some of it within; check its CRS, or give another --to`,
    );
  const [x0, y0, x1, y1] = [found[0]!, found[1]!, found.at(-2)!, found.at(-1)!];
  const hasCorners = [x0, y0, x1, y1].every(Number.isFinite);
  const diagonal = hasCorners
    ? Math.hypot(x1 - x0, y1 - y0)
    : Math.hypot(extent.maxX - extent.minX, extent.maxY - extent.minY);
  const cell = diagonal / Math.hypot(one.raster.width, one.raster.height);
  // Whole cells from the upper left corner on, as gdalwarp has it.
  const maxX = extent.minX + cell * Math.floor((extent.maxX - extent.minX) / cell + 0.5);
  const minY = extent.maxY - cell * Math.floor((extent.maxY - extent.minY) / cell + 0.5);
  return { ...extent, maxX, minY, cell };
}
