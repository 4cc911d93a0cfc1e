/** What STAC says of a point cloud, from its header. Source: the point cloud extension 2.0.0; names of dimensions as PDAL has them. */
import { infoOf } from '../formats/copc.ts';
import { crsOf } from '../formats/crs.ts';
import type { Las } from '../formats/las.ts';
import { extensions, type Fields, type Footprint, footprintOf, type Item, timeOf } from './item.ts';
import { segmentsOf } from './names.ts';

/** All of an item but what depends on where the file lies. */
export type CloudItem = {
  readonly footprint: Footprint;
  readonly time: Fields;
  readonly properties: Fields;
  readonly isCopc: boolean;
};

/** `given`: the time of files whose headers have no date. */
export async function cloudItem(las: Las, given: string): Promise<CloudItem> {
  const { keys } = crsOf(las.crs);
  const [minX, minY, maxX, maxY] = [las.min[0], las.min[1], las.max[0], las.max[1]];
  const isPlaced = las.count > 0 && minX <= maxX && minY <= maxY;
  const area = (maxX - minX) * (maxY - minY);
  return {
    footprint: isPlaced
      ? await footprintOf({ minX, minY, maxX, maxY }, keys)
      : { geometry: null, properties: { 'proj:code': null } },
    time: timeOf(createdOf(las) ?? (given === '' ? undefined : given)),
    properties: {
      'pc:count': las.count,
      'pc:type': 'lidar',
      'pc:schemas': dimensionsOf(las).map(([name, size, type]) => ({ name, size, type })),
      ...(isPlaced && area > 0 ? { 'pc:density': las.count / area } : {}),
    },
    isCopc: infoOf(las) !== undefined,
  };
}

/** The item of a file that is at `href`. */
export const itemOfCloud = ({ isCopc, ...item }: CloudItem, id: string, href: string): Item => ({
  ...item,
  id,
  extensions: [extensions.pointcloud],
  assets: {
    data: {
      href,
      type: isCopc ? 'application/vnd.laszip+copc' : 'application/vnd.laszip',
      roles: ['data'],
    },
  },
});

/** A file's name without its ending. */
export const cloudName = (uri: string): string => segmentsOf(uri).name.replace(/(\.copc)?\.(las|laz)$/i, '');

/** When the points of several files were taken, as their headers say. */
export function timeOfClouds(files: readonly Las[]): Fields {
  const days = files.map(createdOf);
  const known = days.filter((day) => day !== undefined).toSorted((a, b) => (a < b ? -1 : 1));
  const [first, last] = [known[0], known.at(-1)];
  if (known.length < days.length || first === last)
    return timeOf(known.length < days.length ? undefined : first);
  return { datetime: null, start_datetime: first!, end_datetime: last! };
}

/** The day of a header, by its number in the year. */
function createdOf({ created: [day, year] }: Las): string | undefined {
  if (year < 1 || year > 9999 || day < 1 || day > 366) return undefined;
  const date = new Date(Date.UTC(2000, 0, day));
  date.setUTCFullYear(year, 0, 1);
  date.setUTCDate(day);
  return `${date.toISOString().slice(0, 10)}T00:00:00Z`;
}

type Dimension = readonly [name: string, size: number, type: 'floating' | 'signed' | 'unsigned'];

/** Dimensions of a point of a format (LAS 1.4 R15, "Point Data Record"). */
function dimensionsOf({ pdrf }: Las): Dimension[] {
  const bytes = (...names: string[]): Dimension[] => names.map((name) => [name, 1, 'unsigned']);
  const words = (...names: string[]): Dimension[] => names.map((name) => [name, 2, 'unsigned']);
  const isNew = pdrf >= 6;
  const hasTime = isNew || pdrf === 1 || pdrf >= 3;
  const hasColor = [2, 3, 5, 7, 8, 10].includes(pdrf);
  return [
    ...['X', 'Y', 'Z'].map((name): Dimension => [name, 8, 'floating']),
    ...words('Intensity'),
    ...bytes('ReturnNumber', 'NumberOfReturns', 'ScanDirectionFlag', 'EdgeOfFlightLine', 'Classification'),
    ...(isNew ? bytes('ScanChannel', 'Synthetic', 'KeyPoint', 'Withheld', 'Overlap') : []),
    ['ScanAngleRank', 4, 'floating'],
    ...bytes('UserData'),
    ...words('PointSourceId'),
    ...(hasTime ? ([['GpsTime', 8, 'floating']] as const) : []),
    ...(hasColor ? words('Red', 'Green', 'Blue') : []),
    ...([8, 10].includes(pdrf) ? words('Infrared') : []),
  ];
}
