/** Point clouds that go into one result: opened together, in one CRS, on one grid. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset, Planning, Source } from '../../core/job.ts';
import type { GeoKeys } from '../formats/crs.ts';
import { crsOf } from '../formats/crs.ts';
import type { Las, Triple } from '../formats/las.ts';
import { readLas } from '../formats/las.ts';
import type { Grid } from '../kernels/grid.ts';
import { gridOver } from '../kernels/grid.ts';
import { type Box, commonBox } from './select.ts';

const filesAtOnce = 8;

/** An input: its number among them, its bytes, its header. */
export type Cloud = { readonly file: number; readonly source: Source; readonly las: Las };

/**
 * Reads the headers of all inputs.
 * @throws BadInput as readLas
 */
export async function openClouds(
  points: readonly Dataset[],
  planning: Pick<Planning, 'open' | 'signal'>,
): Promise<Cloud[]> {
  const out: Cloud[] = [];
  for (let from = 0; from < points.length; from += filesAtOnce) {
    planning.signal.throwIfAborted();
    const some = points.slice(from, from + filesAtOnce).map(async (dataset, i) => {
      const source = await planning.open(dataset);
      return { file: from + i, source, las: await readLas(source, dataset.uri) };
    });
    out.push(...(await Promise.all(some)));
  }
  return out;
}

/**
 * The inputs that have points.
 * @throws BadInput as readLas, and where there is none
 */
export async function openFull(
  points: readonly Dataset[],
  planning: Pick<Planning, 'open' | 'signal'>,
): Promise<Cloud[]> {
  const full = (await openClouds(points, planning)).filter(({ las }) => las.count > 0);
  if (full.length === 0)
    throw new BadInput(
      `LAS: no points in ${points.map(({ uri }) => uri).join(', ')}, expected at least one; give a file that has points`,
    );
  return full;
}

/** Headers of the inputs that have points, for a writer. */
export async function headersOf(
  points: readonly Dataset[],
  context: Pick<Context, 'open' | 'signal'>,
): Promise<Las[]> {
  return (await openFull(points, context)).map(({ las }) => las);
}

/**
 * The CRS that all files share, null where none has any, and what the user should know of it.
 * @throws BadInput naming the first file and one that differs
 */
export function commonCrs(files: readonly Las[]): { crs: GeoKeys | null; note: string } {
  const systems = files.map(({ crs }) => crsOf(crs));
  const [first] = systems;
  const names = files.map(({ crs }, i) => fingerprint(systems[i]!.keys) ?? crs.wkt ?? 'none');
  const other = names.findIndex((name) => name !== names[0]);
  if (other >= 0) {
    const said = (i: number): string =>
      systems[i]!.keys?.name ?? (names[i] === 'none' ? 'no CRS' : 'another CRS');
    throw new BadInput(
      `LAS: ${files[0]!.name} has ${said(0)}, ${files[other]!.name} has ${said(other)}, expected one CRS; reproject one of them, or run them apart`,
    );
  }
  return { crs: first!.keys ?? null, note: first!.reason ?? '' };
}

/** The keys that place a coordinate, without their captions. */
function fingerprint(keys: GeoKeys | undefined): string | undefined {
  if (!keys) return undefined;
  const { directory, doubles, ascii, epsg } = keys;
  // Without a code a caption may be all that tells two systems apart.
  const out = epsg === undefined ? [ascii] : [];
  for (let i = 4; i + 3 < directory.length; i += 4) {
    const [key, place, count, value] = directory.slice(i, i + 4) as [number, number, number, number];
    if (place === 0) out.push(`${key}=${value}`);
    else if (place === 34736) out.push(`${key}=${doubles.slice(value, value + count).join(' ')}`);
  }
  return out.join(' ');
}

/**
 * The grid that holds the points of all files as their headers bound them, as far as they lie in `within`.
 * @throws BadInput for more cells than a raster can have, and a box that holds none of the files
 */
export function commonGrid(files: readonly Las[], cell: number, within?: Box): Grid {
  const {
    min: [minX, minY],
    max: [maxX, maxY],
  } = commonBounds(files);
  const bounds = { minX, minY, maxX, maxY };
  if (
    within &&
    (within.maxX <= bounds.minX ||
      within.minX > bounds.maxX ||
      within.maxY <= bounds.minY ||
      within.minY > bounds.maxY)
  )
    throw new BadInput(
      `LAS: no points within ${within.minX},${within.minY},${within.maxX},${within.maxY}, expected a box that meets ${bounds.minX},${bounds.minY},${bounds.maxX},${bounds.maxY}, the bounds of ${files[0]!.name}${files.length > 1 ? ` and ${files.length - 1} more` : ''}`,
    );
  const grid = gridOver(within ? common(bounds, within, cell) : bounds, cell);
  if (grid) return grid;
  throw new BadInput(
    `LAS: ${maxX - minX} x ${maxY - minY} units in cells of ${cell} in ${files[0]!.name}${files.length > 1 ? ` and ${files.length - 1} more` : ''}, expected at most 2^40 cells; give a larger --cell, or check the bounds in the headers`,
  );
}

/** The bounds of all files, as their headers say. */
export function commonBounds(files: readonly Las[]): { readonly min: Triple; readonly max: Triple } {
  const least = (i: 0 | 1 | 2): number => files.reduce((low, { min }) => Math.min(low, min[i]), Infinity);
  const most = (i: 0 | 1 | 2): number => files.reduce((top, { max }) => Math.max(top, max[i]), -Infinity);
  return { min: [least(0), least(1), least(2)], max: [most(0), most(1), most(2)] };
}

/** What bounds (closed) and a half-open box have in common, closed again. */
function common(bounds: Box, within: Box, cell: number): Box {
  const { minX, minY, maxX, maxY } = commonBox(bounds, within);
  const [right, top] = [within.maxX - cell * 1e-9, within.maxY - cell * 1e-9];
  return { minX, minY, maxX: Math.min(maxX, right), maxY: Math.min(maxY, top) };
}
