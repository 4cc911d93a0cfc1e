/** What was found in zones, as a table that grows from parts: its rows, and the columns that people see. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import type { PolygonFile } from '../formats/polygons.ts';
import type { FoundColumn } from '../formats/zonetable.ts';
import { boundsOf, type Rule } from '../kernels/coverage.ts';
import { hilbertOrder } from '../kernels/hilbert.ts';
import { type Bins, emptyZone, histogramOfZone, mostValues, statisticsOfZone } from '../kernels/zone.ts';
import type { Placement } from './placing.ts';
import { type ZoneRaster, zoneReader } from './zones.ts';

/** Options that say what a table has. `range`: least and greatest value of the bins, with a comma between. */
export type ZoneOptions = {
  readonly rule: Rule;
  readonly stats: string;
  readonly bins: number;
  readonly range: string;
  readonly band: readonly number[];
  readonly prefix: string;
};

/**
 * Rows by the number of their feature, which is in `rows`, ascending; a row has the statistics of every band of every raster, NaN for none. `histograms` are JSON, one a row, raster and
 * band, if they were asked for.
 */
export type Table = {
  readonly features: number;
  readonly rows: Uint32Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
  readonly histograms: readonly string[];
};

/** Numbers of features along a Hilbert curve: who takes them in turn comes to each block of a raster once, or a few times. */
export const orderOf = ({ features }: PolygonFile): Uint32Array =>
  hilbertOrder(
    Float64Array.from(
      features.flatMap(({ polygons }) => {
        const { minX, minY, maxX, maxY } = boundsOf(polygons.flat());
        return [(minX + maxX) / 2, (minY + maxY) / 2];
      }),
    ),
  );

/** Numbers of bands, from 1. */
export const bandsOf = ({ band }: ZoneOptions): readonly number[] => (band.length > 0 ? band : [1]);

/** @throws BadUsage for bins without a range, or one that is none */
function binsOf({ bins, range }: ZoneOptions): Bins | undefined {
  if (bins === 0 && range === '') return undefined;
  const [from, to] = range.split(',').map(Number);
  if (bins === 0 || from === undefined || to === undefined || !(Number.isFinite(to - from) && from < to))
    throw new BadUsage(
      `--bins ${bins} --range ${range || 'nothing'}: expected a count and a range, say --bins 20 --range 0,1`,
    );
  return { from, to, count: bins };
}

/** An opened raster, and where the polygons lie on it. */
type Opened = { readonly opened: ZoneRaster; readonly placement: Placement };

/**
 * The table of some features, in any order.
 * @throws BadInput for a histogram of too many values
 */
export async function tableOfZones(
  { features }: PolygonFile,
  order: Uint32Array,
  rasters: readonly (() => Promise<Opened>)[],
  options: ZoneOptions,
  name: string,
  signal: AbortSignal,
): Promise<Table> {
  const names = options.stats.split(',');
  const bins = binsOf(options);
  const zones = bandsOf(options).map(() => emptyZone(names, bins));
  const rows = order.slice().sort();
  const rowOf = new Map([...rows].map((number, row) => [number, row]));
  const layers = rasters.length * zones.length;
  const values = new Float64Array(rows.length * layers * names.length);
  const histograms = names.includes('histogram')
    ? Array.from({ length: rows.length * layers }, () => '{}')
    : [];
  for (const [r, open] of rasters.entries()) {
    const { opened, placement } = await open();
    const read = zoneReader(opened);
    for (const number of order) {
      signal.throwIfAborted();
      await read(placement.ringsOf(features[number]!.polygons), options.rule, zones);
      for (const [k, zone] of zones.entries()) {
        const at = rowOf.get(number)! * layers + r * zones.length + k;
        values.set(statisticsOfZone(zone, names), at * names.length);
        if (histograms.length === 0) continue;
        if (zone.found && zone.found.size > mostValues)
          throw new BadInput(
            `histogram: feature ${number} of ${name} has ${zone.found.size} values, expected ${mostValues} at most; give bins, say --bins 20 --range 0,1`,
          );
        histograms[at] = histogramOfZone(zone);
      }
    }
  }
  return { features: rows.length, rows, values, histograms };
}

/** Joins tables of other features each; rows stay in the order of their numbers. */
export function mergeTables(tables: readonly Table[]): Table {
  const features = tables.reduce((sum, table) => sum + table.features, 0);
  const places = tables.flatMap(({ rows }, t) => Array.from(rows, (number, row) => ({ number, t, row })));
  places.sort((a, b) => a.number - b.number);
  const widthOf = (length: number, of: number): number => (of === 0 ? 0 : length / of);
  const first = tables.find((table) => table.features > 0);
  const width = first ? widthOf(first.values.length, first.features) : 0;
  const layers = first ? widthOf(first.histograms.length, first.features) : 0;
  const values = new Float64Array(features * width);
  const histograms: string[] = [];
  for (const [i, { t, row }] of places.entries()) {
    const from = tables[t]!;
    values.set(from.values.subarray(row * width, (row + 1) * width), i * width);
    for (let k = row * layers; k < (row + 1) * layers; k++) histograms.push(from.histograms[k]!);
  }
  return { features, rows: Uint32Array.from(places, ({ number }) => number), values, histograms };
}

/**
 * The columns of a table. Their names are those of the statistics, after those of the raster and the band where there are several: `2024_b4_mean`.
 * @throws BadUsage for a raster or a band that is there twice, or bins without a range
 */
export function columnsOfZones(
  rasters: readonly Pick<Dataset, 'uri'>[],
  options: ZoneOptions,
  table: Table,
): FoundColumn[] {
  const names = options.stats.split(',');
  const layers = layersOf(rasters, options);
  const width = names.length * layers.length;
  return layers.flatMap((layer, l) =>
    names.map((name, k): FoundColumn => {
      const label = options.prefix + layer + name;
      if (name === 'histogram')
        return {
          name: label,
          kind: 'json',
          values: Array.from(table.rows, (_, row) => table.histograms[row * layers.length + l]!),
        };
      const values = Float64Array.from(
        table.rows,
        (_, row) => table.values[row * width + l * names.length + k]!,
      );
      const isCount = /^(nodata|variety)$/.test(name) || (name === 'count' && options.rule !== 'fraction');
      return { name: label, kind: 'number', isCount, values };
    }),
  );
}

/** What names of columns of each band of each raster begin with. @throws BadUsage as `columnsOfZones` */
export function layersOf(rasters: readonly Pick<Dataset, 'uri'>[], options: ZoneOptions): string[] {
  binsOf(options);
  const bands = bandsOf(options);
  if (new Set(bands).size < bands.length)
    throw new BadUsage(`--band ${bands.join(',')}: expected each band once`);
  const stems = rasters.length > 1 ? stemsOf(rasters.map(({ uri }) => uri)).map((stem) => `${stem}_`) : [''];
  return stems.flatMap((stem) => bands.map((band) => stem + (bands.length > 1 ? `b${band}_` : '')));
}

/** Names of files without their endings, and with as many of their folders as it takes to tell them apart. */
function stemsOf(uris: readonly string[]): string[] {
  const paths = uris.map((uri) =>
    uri
      .replace(/[?#].*$/, '')
      .replace(/\.[^./]*$/, '')
      .split('/'),
  );
  const longest = Math.max(...paths.map((path) => path.length));
  for (let depth = 1; depth <= longest; depth++) {
    const stems = paths.map((path) => path.slice(-depth).join('_'));
    if (new Set(stems).size === stems.length) return stems;
  }
  throw new BadUsage(`--raster ${uris.join(' ')}: expected each raster once`);
}
