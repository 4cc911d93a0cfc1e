/** What STAC says of a raster file: from its header, and from its name. Sources: STAC 1.1.0, "Bands"; the raster and projection extensions 2.0.0. */
import type { Json } from '../../core/json.ts';
import type { RasterFile } from '../formats/geotiff.ts';
import { decodeKeys, geoKey, model } from '../formats/geokeys.ts';
import type { Spread } from '../kernels/spread.ts';
import { type Fields, type Footprint, footprintOfCorners } from './item.ts';
import type { Place } from './outline.ts';
import type { Sensor } from './sensors.ts';
import { commonNames, timeInTag } from './sensors.ts';

/** What a header tells. Plain JSON; nothing of where the file lies. */
export type Image = {
  readonly footprint: Footprint;
  /** In units of the CRS, to tell the largest of several. */
  readonly area: number;
  /** When it was taken, as the sensor's own fact says; and when the file was made, as tag 306 says. */
  readonly taken?: string;
  readonly made?: string;
  /** Of the asset: shape, transform, resolution. */
  readonly fields: Fields;
  /** As STAC has them, names where the file has them. */
  readonly bands: readonly Fields[];
  readonly isColor: boolean;
  readonly alpha?: number;
};

// As satellites' ground segments and providers call it.
const timesOfTaking = [
  'ACQUISITIONDATETIME',
  'ACQUISITION_DATETIME',
  'ACQUISITION_DATE',
  'DATE_ACQUIRED',
  'SENSING_TIME',
  'DATATAKE_SENSING_START',
  'DATATAKE_1_DATATAKE_SENSING_START',
  'PRODUCT_START_TIME',
  'DATETIME',
];

/** What the header says, with statistics of the bands where they were taken. */
export async function imageOf(raster: RasterFile, statistics?: readonly Spread[]): Promise<Image> {
  const { width, height, transform, crs, type, nodata, bands, facts } = raster;
  const corners = transform && cornersOf(raster);
  const taken = timesOfTaking.map((name) => timeInTag(facts.get(name))).find((time) => time !== undefined);
  const made = timeInTag(facts.get('TIFFTAG_DATETIME'));
  const resolution = transform && metresOf(raster);
  return {
    footprint: corners
      ? await footprintOfCorners(corners, crs)
      : { geometry: null, properties: { 'proj:code': null } },
    area: transform
      ? width * height * Math.abs(transform[0] * transform[4] - transform[1] * transform[3])
      : 0,
    ...(taken === undefined ? {} : { taken }),
    ...(made === undefined ? {} : { made }),
    fields: {
      'proj:shape': [height, width],
      ...(transform ? { 'proj:transform': [...transform] } : {}),
      ...(resolution ? { 'raster:spatial_resolution': resolution } : {}),
    },
    bands: bands.map(({ name, scale, offset }, i) => ({
      ...(name === undefined || name === '' ? {} : { name }),
      data_type: type.toLowerCase(),
      ...(nodata === undefined || i === raster.alpha ? {} : { nodata: numberOf(nodata) }),
      ...(scale === 1 ? {} : { 'raster:scale': scale }),
      ...(offset === 0 ? {} : { 'raster:offset': offset }),
      ...(statistics ? { statistics: told(statistics[i]!, width * height) } : {}),
    })),
    isColor: raster.isColor,
    ...(raster.alpha === undefined ? {} : { alpha: raster.alpha }),
  };
}

/** Corners in turn, of cell corners. */
export function cornersOf({ width, height, transform }: RasterFile): readonly Place[] | undefined {
  if (!transform) return undefined;
  const [a, b, c, d, e, f] = transform;
  const at = (column: number, row: number): Place => [a * column + b * row + c, d * column + e * row + f];
  return [at(0, height), at(width, height), at(width, 0), at(0, 0)];
}

/** Metres a cell, of square cells in a projected CRS of metres. */
function metresOf({ transform, crs }: RasterFile): number | undefined {
  if (!transform || !crs) return undefined;
  const { values } = decodeKeys(crs.directory, crs.doubles, crs.ascii);
  const unit = values.get(geoKey.linearUnits) ?? 9001;
  if (values.get(geoKey.modelType) !== model.projected || unit !== 9001) return undefined;
  const [a, b, , d, e] = transform;
  const [across, down] = [Math.hypot(a, d), Math.hypot(b, e)];
  return Math.abs(across - down) <= across * 1e-9 ? across : undefined;
}

/** JSON has no numbers for these; STAC writes them out. */
const numberOf = (value: number): Json =>
  Number.isNaN(value) ? 'nan' : Number.isFinite(value) ? value : value > 0 ? 'inf' : '-inf';

function told({ count, min, max, mean, squares }: Spread, cells: number): Fields {
  const found = count === 0 ? {} : { minimum: min, maximum: max, mean, stddev: Math.sqrt(squares / count) };
  const finite = Object.entries(found).filter(([, value]) => Number.isFinite(value));
  return { ...Object.fromEntries(finite), count, valid_percent: (100 * count) / cells };
}

/** The bands as an asset has them: named as the file or else its name says, with the eo extension's common names where they are known. */
export function bandsOf(image: Image, band: string | undefined, sensor: Sensor | undefined): Fields[] {
  const { bands, isColor, alpha } = image;
  return bands.map((fields, i) => {
    const color = isColor && i < 3 ? ['red', 'green', 'blue'][i] : undefined;
    const own = bands.length === 1 ? band : undefined;
    const given =
      (fields['name'] as string | undefined) ?? own ?? color ?? (i === alpha ? 'alpha' : undefined);
    const name = given ?? (bands.length > 1 ? `${i + 1}` : undefined);
    const common = color ?? commonName(own ?? given, sensor);
    return {
      ...(name === undefined ? {} : { name }),
      ...(common === undefined ? {} : { 'eo:common_name': common }),
      ...fields,
    };
  });
}

function commonName(name: string | undefined, sensor: Sensor | undefined): string | undefined {
  if (name === undefined) return undefined;
  const word = name.toLowerCase();
  if (commonNames.has(word)) return word;
  const known = sensor?.commonNames ?? {};
  return Object.hasOwn(known, name) ? known[name] : undefined;
}
