/** Where places of a CRS lie on the Earth, by proj4js, to which geotiff-geokeys-to-proj4 says what EPSG codes mean. */
import type { GeoKeys, KeyValue } from './geokeys.ts';
import { decodeKeys } from './geokeys.ts';

/** From one pair of coordinates to another: x, y, and longitude, latitude in degrees of WGS 84. */
type Way = (x: number, y: number) => [number, number];

/**
 * The way from a CRS to longitude and latitude; undefined for one that cannot be gone without more than the file says. Old datums are taken for WGS 84, which is
 * good for a catalogue: some 150 metres off at most.
 */
export async function toLonLat(keys: GeoKeys): Promise<Way | undefined> {
  const ways = await waysOf(keys);
  return ways && ((x, y) => ways.forward(x, y).map(rounded) as [number, number]);
}

/** The way back. */
export async function fromLonLat(keys: GeoKeys): Promise<Way | undefined> {
  return (await waysOf(keys))?.inverse;
}

async function waysOf(keys: GeoKeys): Promise<{ forward: Way; inverse: Way } | undefined> {
  const [{ default: proj4 }, found] = await Promise.all([import('proj4'), definitionOf(keys)]);
  const way = found && attempt(() => proj4(found.text, 'EPSG:4326'));
  if (!way) return undefined;
  const { unit } = found;
  return {
    forward: (x, y) => way.forward([x * unit.x, y * unit.y]) as [number, number],
    inverse(lon, lat) {
      const [x, y] = way.inverse([lon, lat]) as [number, number];
      return [x / unit.x, y / unit.y];
    },
  };
}

/** A CRS as proj4js takes it, without axes: x goes east in files, whatever EPSG says. `unit`: one degree, or metre, in the units of the file. */
export type Definition = { readonly text: string; readonly unit: { readonly x: number; readonly y: number } };

/** The definition of a CRS; undefined for one that the keys do not say enough of. */
export async function definitionOf(keys: GeoKeys): Promise<Definition | undefined> {
  const [{ toProj4, convertCoordinates }, { globals }] = await Promise.all([
    import('geotiff-geokeys-to-proj4'),
    import('geotiff'),
  ]);
  const { values } = decodeKeys(keys.directory, keys.doubles, keys.ascii);
  const names = globals.geoKeyNames as { readonly [id: number]: string };
  const named: { [name: string]: KeyValue } = {};
  for (const [id, value] of values) {
    const name = names[id];
    // The package wants numbers as geotiff.js has them: single ones bare.
    if (name !== undefined) named[name] = typeof value === 'object' && value.length === 1 ? value[0]! : value;
  }
  const { proj4: text, coordinatesConversionParameters: units, errors } = toProj4(named as never);
  const isUnknown = Object.keys(errors).some(
    (name) => name !== 'bothGCSAndPCSAreSet' && !name.startsWith('vertical'),
  );
  if (isUnknown || !text.includes('+proj=')) return undefined;
  // Where the code says the unit, coordinates are in it, and not to be converted once more; some codes say it without its sign.
  const signed = text.replace(/ to_meter=/, ' +to_meter=').replace(/\+axis=\S+/g, '');
  const isScaled = signed.includes('+to_meter=');
  const isSouth = /\+proj=stere /.test(text) && /\+lat_ts=-/.test(text) && !text.includes('+lat_0=');
  return {
    text: signed + (isSouth ? ' +lat_0=-90' : ''),
    unit: isScaled ? { x: 1, y: 1 } : convertCoordinates(1, 1, 0, units),
  };
}

// proj4js throws texts at projections that it does not have.
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

// A tenth of a millimetre: digits behind depend on the machine.
const rounded = (degrees: number): number => Math.round(degrees * 1e9) / 1e9;
