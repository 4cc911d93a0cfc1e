/** From one CRS to another, by proj4js. Source: EPSG guidance note 7-2; PROJ, "Geodetic transformation". */
import type proj4js from 'proj4';
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { GeoKeys, KeyValue } from './geokeys.ts';
import { decodeKeys, encodeKeys, geoKey, isCode, model } from './geokeys.ts';
import { type Definition, definitionOf } from './lonlat.ts';
import type { Place, ShiftGrid } from './ntv2.ts';
import { type Datum, oldDatum } from './shifts.ts';

/** Takes places x, y, x, y, ... of one CRS to another, in place; what cannot be reached becomes NaN. */
export type Move = (places: Float64Array) => void;

/** Both ways between two systems. */
export type Reprojection = {
  readonly forward: Move;
  readonly inverse: Move;
  /** Units of x in a whole turn around the Earth, in the first and the second system; 0 where x is no longitude. */
  readonly turns: readonly [number, number];
  /** What a person should know of how datums are moved. */
  readonly notes: readonly string[];
};

/**
 * The keys of an EPSG code, of a projected or geographic system.
 * @throws BadUsage for a code that is not known, or that GeoTIFF cannot hold
 */
export async function epsgKeys(code: number): Promise<GeoKeys> {
  const unknown = new BadUsage(
    `EPSG:${code} is none that is known here, expected a projected or geographic system, say EPSG:32632, EPSG:3857 or EPSG:4326`,
  );
  if (!isCode(code)) throw unknown;
  const make = (type: number, key: number): GeoKeys =>
    encodeKeys(
      new Map<number, KeyValue>([
        [geoKey.modelType, type],
        [geoKey.rasterType, pixelIsArea],
        [key, code],
      ]),
      geotiff11,
    );
  const projected = make(model.projected, geoKey.projectedType);
  const definition = await definitionOf(projected);
  if (!definition || /\+proj=geocent\b/.test(definition.text)) throw unknown;
  return isLonLat(definition) ? make(model.geographic, geoKey.geographicType) : projected;
}

const pixelIsArea = 1;
const geotiff11 = 1;
const isLonLat = ({ text }: Definition): boolean => /\+proj=longlat\b/.test(text);

/**
 * The way from a system to another one. Datums within some two metres of WGS 84 (ETRS89, NAD83, GDA94, ...) count as one; old ones are moved by three or seven parameters, or by
 * a grid of shifts where one is given.
 * @throws BadInput for a system that the keys do not say enough of, an old datum that needs a grid of shifts, naming it, or a grid of another ellipsoid; BadUsage for two old datums
 * and one grid
 */
export async function reprojection(from: GeoKeys, to: GeoKeys, grid?: ShiftGrid): Promise<Reprojection> {
  const [{ default: proj4 }, a, b] = await Promise.all([import('proj4'), read(from), read(to)]);
  const turn = ({ definition }: Known): number => (isLonLat(definition) ? 360 / definition.unit.x : 0);
  const turns = [turn(a), turn(b)] as const;
  if (a.datum === b.datum && JSON.stringify(a.definition) === JSON.stringify(b.definition))
    return { forward: () => {}, inverse: () => {}, turns, notes: [] };
  const isOneDatum = a.datum !== undefined && a.datum === b.datum;
  const gridded = grid && !isOneDatum ? [a, b].filter((one) => !isNear(one)) : [];
  if (gridded.length === 2)
    throw new BadUsage(
      `a grid leads from one datum: ${a.name} and ${b.name} are both on others than WGS 84; go by EPSG:4326 in two runs`,
    );
  const degrees = new proj4.Proj('EPSG:4326');
  const [source, target] = [a, b].map((one) => {
    const { text } = one.definition;
    try {
      if (grid && gridded.includes(one)) return griddedWay(proj4, exact(text), grid, one.name);
      const projection = new proj4.Proj(exact(text) + (isOneDatum ? '' : shiftOf(one)));
      return wayOf(proj4, projection, degrees);
    } catch (error) {
      if (error instanceof BadInput) throw error;
      throw new BadInput(
        `CRS ${one.name}: proj4js has no such projection (${text}); reproject it with GDAL`,
        {
          cause: error,
        },
      );
    }
  });
  const move =
    (first: Way, second: Way, p: Definition['unit'], q: Definition['unit']): Move =>
    (places) => {
      for (let i = 0; i < places.length; i += 2) {
        const found = carry(first, second, places[i]! * p.x, places[i + 1]! * p.y);
        places[i] = found.x / q.x;
        places[i + 1] = found.y / q.y;
      }
    };
  return {
    forward: move(source!, target!, a.definition.unit, b.definition.unit),
    inverse: move(target!, source!, b.definition.unit, a.definition.unit),
    turns,
    notes: isOneDatum
      ? []
      : [a, b].flatMap((one) =>
          grid && gridded.includes(one)
            ? [`CRS ${one.name}: moved from ${grid.from} to ${grid.to} by ${grid.uri}`]
            : noteOf(one),
        ),
  };
}

const noteOf = ({ name, datum }: Known): string[] =>
  datum ? [`CRS ${name}: ${datum.name} is moved to WGS 84 to some ${datum.accuracy} m`] : [];

type Projection = InstanceType<(typeof proj4js)['Proj']>;
type Way = { forward(place: Place): Place | undefined; inverse(place: Place): Place | undefined };
const nowhere: Place = { x: NaN, y: NaN };
/** Degrees; rounding may go beyond the pole by a little. */
const northernmost = 90 + 1e-9;

/** To degrees and back. A point that has a height costs proj4js a third less than one without, or an array. */
const wayOf = ({ transform }: typeof proj4js, own: Projection, degrees: Projection): Way => ({
  forward: ({ x, y }) => transform(own, degrees, { x, y, z: 0 }),
  inverse: ({ x, y }) => transform(degrees, own, { x, y, z: 0 }),
});

function carry(first: Way, second: Way, x: number, y: number): Place {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return nowhere;
  try {
    const place = first.forward({ x, y });
    // proj4js takes any number for a latitude.
    if (!place || !Number.isFinite(place.x) || !(Math.abs(place.y) <= northernmost)) return nowhere;
    const found = second.inverse(place);
    return found && Number.isFinite(found.x) && Number.isFinite(found.y) ? found : nowhere;
  } catch {
    // proj4js throws at places that a projection does not reach.
    return nowhere;
  }
}

type Known = {
  readonly definition: Definition;
  readonly datum: Datum | undefined;
  readonly name: string;
};

async function read(keys: GeoKeys): Promise<Known> {
  const name = keys.epsg === undefined ? (keys.name ?? 'of the raster') : `EPSG:${keys.epsg}`;
  const definition = await definitionOf(keys);
  if (!definition || /\+proj=geocent\b/.test(definition.text))
    throw new BadInput(
      `CRS ${name}: the file's keys do not say where it lies, expected a known EPSG code or projection; write it with gdal_translate -a_srs`,
    );
  const { datum, own } = datumOf(keys);
  // Parameters that the package has by code have their signs wrong at times: only those of the file count.
  const text = definition.text.replace(/\+towgs84=\S+/, '') + own;
  return { definition: { ...definition, text }, datum, name };
}

/** An old datum, and parameters that the file has itself. */
function datumOf(keys: GeoKeys): { datum: Datum | undefined; own: string } {
  const { values } = decodeKeys(keys.directory, keys.doubles, keys.ascii);
  const code = (key: number): number => {
    const value = values.get(key);
    return isCode(value) ? value : 0;
  };
  const own = values.get(geoKey.toWgs84);
  if (typeof own === 'object') return { datum: undefined, own: ` +towgs84=${own.join(',')}` };
  // Codes of datums are those of their geographic systems and 2000.
  const datum =
    oldDatum(code(geoKey.projectedType)) ??
    oldDatum(code(geoKey.geographicType)) ??
    oldDatum(code(geoKey.datum) - 2000);
  return { datum, own: '' };
}

/** Longitudes and latitudes on the system's own datum, moved by a grid. */
function griddedWay(proj4: typeof proj4js, text: string, grid: ShiftGrid, name: string): Way {
  const own = text.replace(/\+(towgs84|datum)=\S+/g, '');
  const { a: radius } = new proj4.Proj(own);
  if (!(Math.abs(radius - grid.radius) < 1))
    throw new BadInput(
      `NTv2: ${grid.uri} leads from ${grid.from} with a radius of ${grid.radius} m, expected ${radius} m as ${name} has; give the grid of its datum`,
    );
  const way = wayOf(
    proj4,
    new proj4.Proj(`${own} +datum=none`),
    new proj4.Proj(`+proj=longlat +a=${radius} +datum=none`),
  );
  return {
    forward(place) {
      const there = way.forward(place);
      return there && grid.forward(there);
    },
    inverse: (place) => way.inverse(grid.inverse(place)),
  };
}

/** Whether nothing, or what the file has itself, leads to WGS 84. */
const isNear = ({ definition: { text }, datum }: Known): boolean =>
  datum === undefined && (/\+(towgs84|datum)=/.test(text) || isNearWgs84(text));

/** What a definition lacks to lead to WGS 84. */
function shiftOf(one: Known): string {
  const {
    definition: { text },
    datum,
    name,
  } = one;
  if (datum?.shift !== undefined) return ` +towgs84=${datum.shift}`;
  if (isNear(one)) return '';
  const found = datum?.name ?? `on the ellipsoid ${/\+ellps=(\S+)/.exec(text)?.[1] ?? 'of the file'}`;
  throw new BadInput(
    `CRS ${name}: its datum (${found}) is not moved to another one without a grid of shifts; give one to satellite/warp or satellite/mosaic with --shifts grid.gsb`,
  );
}

/** Ellipsoids of WGS 84 and GRS 80, and spheres, which have no datum. */
function isNearWgs84(text: string): boolean {
  const size = (key: string): number => Number(new RegExp(`\\+${key}=([\\d.]+)`).exec(text)?.[1]);
  const [major, minor] = [size('a'), size('b')];
  if (/\+ellps=(WGS84|GRS80)\b/.test(text) && Number.isNaN(major)) return true;
  return major === minor || (Math.abs(major - 6378137) < 0.5 && Math.abs(minor - 6356752.314) < 0.5);
}

// The series of tmerc are good to a millimetre within a zone alone.
function exact(text: string): string {
  const size = (key: string): string | undefined => new RegExp(`\\+${key}=(\\S+)`).exec(text)?.[1];
  return size('a') !== undefined && size('a') === size('b')
    ? text
    : text.replace(/\+proj=tmerc\b/, '+proj=etmerc');
}
