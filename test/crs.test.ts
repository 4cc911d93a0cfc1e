/** The CRS of LAS files as GeoTIFF keys: what is kept, what is refused, and which record holds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { canonical } from '../core/json.ts';
import type { CrsRecords } from '../geospatial/formats/crs.ts';
import { crsOf } from '../geospatial/formats/crs.ts';
import { albers, metres, valuesOf } from './crsfixture.ts';

const keysOf = (...entries: number[][]): NonNullable<CrsRecords['keys']> => ({
  directory: Uint16Array.from([1, 1, 0, entries.length, ...entries.flat()]),
  doubles: Float64Array.of(1, 2, 3),
  ascii: 'WGS 84 / UTM zone 33N|',
});
const utm33 = [3072, 0, 1, 32633];

describe('GeoTIFF keys', () => {
  test('pass through ascending, as areas, without what is void, with the model that writers forget', () => {
    const given = keysOf(
      [4096, 0, 1, 5773],
      utm33,
      [1025, 0, 1, 2],
      [1026, 34737, 22, 0],
      [0, 0, 0, 0],
      [4099, 0, 1, 9001],
    );
    const { keys, reason } = crsOf({ keys: given, wktBit: false });
    expect(reason).toBeUndefined();
    expect(keys).toEqual({
      directory: [
        [1, 1, 0, 6],
        [1024, 0, 1, 1],
        [1025, 0, 1, 1],
        [1026, 34737, 22, 0],
        utm33,
        [4096, 0, 1, 5773],
        [4099, 0, 1, 9001],
      ].flat(),
      doubles: [],
      ascii: 'WGS 84 / UTM zone 33N|',
      epsg: 32633,
      name: 'WGS 84 / UTM zone 33N',
    });
    const plain: Json = keys!;
    expect(JSON.parse(canonical(plain))).toEqual(keys);
  });

  test.each([
    ['version 2, expected 1', { directory: Uint16Array.of(2, 1, 0, 1, ...utm33) }],
    ['header promises 9 keys, found 1', { directory: Uint16Array.of(1, 1, 0, 9, ...utm33) }],
    ['3 numbers, expected a header of 4', { directory: Uint16Array.of(1, 1, 0) }],
    ['key 2057 has 2 values from 2 of 3 doubles', keysOf(utm33, [2057, 34736, 2, 2])],
    ['key 2057 is NaN, expected numbers', { ...keysOf([2057, 34736, 1, 0]), doubles: Float64Array.of(NaN) }],
    ['key 3072 stands twice', keysOf(utm33, [3072, 0, 1, 32634])],
    ['key 3072 has 3 values in its entry', keysOf([3072, 0, 3, 32633])],
    ['key 3072 lies in tag 77', keysOf([3072, 77, 1, 0])],
    ['no key names a CRS', keysOf([1024, 0, 1, 1])],
  ])('that do not hold give no CRS but a reason: %s', (expected, broken) => {
    const found = crsOf({ keys: { ...keysOf(), ...broken }, wktBit: false });
    expect(found.keys).toBeUndefined();
    expect(found.reason).toContain(`GeoTIFF keys: ${expected}`);
  });

  test('lose a text that is not there, and keep the rest', () => {
    const found = crsOf({ keys: keysOf(utm33, [3073, 34737, 500, 0]), wktBit: false });
    expect(found.keys?.epsg).toBe(32633);
    expect(found.keys?.ascii).toBe('');
    expect(found.reason).toBe('GeoTIFF keys: text of key 3073 is missing');
  });

  test('spell accents as ASCII', () => {
    const keys = { ...keysOf(utm33, [1026, 34737, 6, 0]), ascii: 'p\u00e5 \u00b0x|' };
    expect(crsOf({ keys, wktBit: false }).keys?.ascii).toBe('pa ?x|');
  });

  test('name the same texts over and over without growing', () => {
    const texts = (n: number): number[][] =>
      Array.from({ length: n }, (_, i) => [5000 + i, 34737, 30_000, 0]);
    const ascii = 'x'.repeat(30_000);
    const found = crsOf({ keys: { ...keysOf(utm33, ...texts(9)), ascii }, wktBit: false });
    expect(found.keys?.epsg).toBe(32633);
    expect(found.keys?.ascii.length).toBeLessThan(10_000);
    expect(found.reason).toBe(
      'GeoTIFF keys: text of key 5002, 5003, 5004, 5005, 5006, 5007, 5008 is missing',
    );
    expect(crsOf({ keys: { ...keysOf(...texts(300)), ascii }, wktBit: false }).reason).toBe(
      'GeoTIFF keys: 300 keys, expected at most 256',
    );
  });
});

describe('WKT', () => {
  test('gives the code of the horizontal CRS, not of a part of it', () => {
    const { keys, reason } = crsOf({ wkt: albers(`${metres},AUTHORITY["EPSG","3005"]`), wktBit: true });
    expect(reason).toBeUndefined();
    expect(keys).toMatchObject({ epsg: 3005, name: 'NAD83 / BC Albers' });
    expect(valuesOf(keys!)).toMatchObject({ 1024: 1, 1025: 1, 3072: 3005, 3076: 9001 });
  });

  test.each([
    ['metre', 1, { 3076: 9001 }],
    ['foot', 0.3048, { 3076: 9002 }],
    ['US survey foot', 0.3048006096012192, { 3076: 9003 }],
    ['Foot_US', 0.30480061, { 3076: 9003 }],
    ['furlong', 201.168, { 3076: 32767, 3077: [201.168] }],
  ])('keeps lengths in %s', (name, factor, expected) => {
    const { keys } = crsOf({ wkt: albers(`UNIT["${name}",${factor}]`), wktBit: true });
    expect(valuesOf(keys!)).toMatchObject({
      ...expected,
      2048: 32767,
      2050: 6269,
      3072: 32767,
      3075: 11,
      3082: [1000000],
    });
    expect(keys!.epsg).toBeUndefined();
  });

  test('turns angles in grads into degrees, from a meridian of their own', () => {
    const wkt = `PROJCS["NTF (Paris) / Lambert zone II",GEOGCS["NTF (Paris)",DATUM["D_NTF",SPHEROID["Clarke 1880 (IGN)",6378249.2,293.466021293627]],PRIMEM["Paris",2.5969213,AUTHORITY["EPSG","8903"]],UNIT["grad",0.01570796326794897]],PROJECTION["Lambert_Conformal_Conic_1SP"],PARAMETER["latitude_of_origin",52],PARAMETER["central_meridian",0],PARAMETER["scale_factor",0.99987742],PARAMETER["false_easting",600000],PARAMETER["false_northing",2200000],${metres}]`;
    const values = valuesOf(crsOf({ wkt, wktBit: true }).keys!);
    expect(values).toMatchObject({ 2050: 32767, 2051: 8903, 2054: 9102, 2057: [6378249.2], 3075: 9 });
    expect((values[2061] as number[])[0]).toBeCloseTo(2.33722917, 10);
    expect((values[3081] as number[])[0]).toBeCloseTo(46.8, 10);
    expect(values).toMatchObject({ 3080: [0], 3082: [600000], 3083: [2200000], 3092: [0.99987742] });
  });

  test('gives the vertical CRS beside a compound one, and one put inside', () => {
    const vertical =
      'VERT_CS["NAVD88 height (ftUS)",VERT_DATUM["NAVD88",2005,AUTHORITY["EPSG","5103"]],UNIT["US survey foot",0.304800609601219],AUTHORITY["EPSG","6360"]]';
    const compound = `COMPD_CS["both",${albers(`${metres},AUTHORITY["EPSG","3005"]`)},${vertical}]`;
    const inside = albers(`${metres},AUTHORITY["EPSG","3005"],${vertical}`);
    for (const wkt of [compound, inside]) {
      const { keys } = crsOf({ wkt, wktBit: true });
      expect(keys!.epsg).toBe(3005);
      expect(valuesOf(keys!)).toMatchObject({ 4096: 6360, 4097: 'NAVD88 height (ftUS)|', 4099: 9003 });
    }
  });

  test.each([
    ['the projection "Bonne"', albers(metres, 'Bonne')],
    ['the parallel1 of Transverse_Mercator', albers(metres, 'Transverse_Mercator')],
    ['the parameter "tilt"', albers(`PARAMETER["tilt",3],${metres}`)],
    ['an EXTENSION', albers(`${metres},EXTENSION["PROJ4","+proj=merc"]`)],
  ])('that GeoTIFF cannot say is known by name: %s', (expected, wkt) => {
    const { keys, reason } = crsOf({ wkt, wktBit: true });
    expect(reason).toBe(`WKT: GeoTIFF has no key for ${expected}: the CRS is known by its name only`);
    expect(valuesOf(keys!)).toMatchObject({ 1024: 32767, 1026: 'NAD83 / BC Albers|', 3076: 9001 });
    expect(keys).toMatchObject({ name: 'NAD83 / BC Albers' });
    expect(keys).not.toHaveProperty('epsg');
  });

  test('reads the other brackets, doubled quotes, and blanks', () => {
    const wkt = albers(`${metres},AUTHORITY["EPSG","3005"]`).replaceAll('[', ' (').replaceAll(']', '\n)');
    expect(crsOf({ wkt: wkt.replace('BC Albers', '""BC"" Albers'), wktBit: true }).keys).toMatchObject({
      epsg: 3005,
      name: 'NAD83 / "BC" Albers',
    });
  });

  test('cut anywhere gives no CRS but a reason', () => {
    const wkt = albers(`${metres},AUTHORITY["EPSG","3005"]`);
    for (let length = 1; length < wkt.length; length++) {
      const found = crsOf({ wkt: wkt.slice(0, length), wktBit: true });
      expect(found.keys).toBeUndefined();
      expect(found.reason).toMatch(/^WKT: found .* expected/);
    }
  });

  test('that goes too deep or on too long is refused', () => {
    expect(crsOf({ wkt: 'PROJCS["x",'.repeat(100_000), wktBit: true }).reason).toContain('expected at most');
    expect(crsOf({ wkt: 'PROJCS["x",'.repeat(50_000), wktBit: true }).reason).toBe(
      'WKT: more than 32 levels of brackets',
    );
    expect(crsOf({ wkt: 'LOCAL_CS["site",UNIT["metre",1]]', wktBit: true }).reason).toBe(
      'WKT: LOCAL_CS "site" has no projected or geodetic CRS',
    );
  });
});

describe('which record holds', () => {
  const wkt = albers(`${metres},AUTHORITY["EPSG","3005"]`);
  const keys = keysOf(utm33);
  test.each([
    ['WKT, where its bit is set', { wkt, keys, wktBit: true }, 3005, undefined],
    ['the keys, where it is not', { wkt, keys, wktBit: false }, 32633, undefined],
    ['WKT, where there are no keys', { wkt, wktBit: false }, 3005, undefined],
    ['the keys, where WKT is void', { wkt: '\0\0', keys, wktBit: true }, 32633, undefined],
    ['the keys, where WKT is broken', { wkt: wkt.slice(0, 50), keys, wktBit: true }, 32633, /^WKT: found/],
    [
      'the keys, where WKT says a name only',
      { wkt: albers(metres, 'Bonne'), keys, wktBit: true },
      32633,
      /"Bonne"/,
    ],
    [
      'WKT, where the keys are broken',
      { wkt, keys: keysOf([3072, 9, 1, 1]), wktBit: false },
      3005,
      /^GeoTIFF keys/,
    ],
    ['none, where there is none', { wktBit: true }, undefined, /^no CRS: neither WKT nor GeoTIFF keys$/],
  ])('%s', (_, records, epsg, reason) => {
    const found = crsOf(records);
    expect(found.keys?.epsg).toBe(epsg);
    if (reason) expect(found.reason).toMatch(reason);
    else expect(found.reason).toBeUndefined();
  });

  test('never throws, whatever the bytes, and what it gives is whole', () => {
    const u16 = fc.oneof(
      fc.integer({ min: 0, max: 65_535 }),
      fc.constantFrom(0, 1, 3072, 2048, 1026, 34736, 34737),
    );
    const arbitrary = fc.record({
      wkt: fc.oneof(
        fc.string(),
        fc.constant(wkt).chain((t) => fc.nat(t.length).map((n) => `${t.slice(n)}]]`)),
      ),
      keys: fc.record({
        directory: fc
          .array(u16, { maxLength: 40 })
          .map((a) => Uint16Array.of(1, 1, 0, Math.floor(a.length / 4), ...a)),
        doubles: fc.array(fc.double(), { maxLength: 8 }).map((a) => Float64Array.from(a)),
        ascii: fc.string({ maxLength: 40 }),
      }),
      wktBit: fc.boolean(),
    });
    fc.assert(
      fc.property(arbitrary, (records) => {
        const { keys, reason } = crsOf(records);
        expect(keys ?? reason).toBeDefined();
        if (!keys) return;
        expect(keys.directory.length).toBe(4 + 4 * keys.directory[3]!);
        expect(keys.directory.every((n) => Number.isInteger(n) && n >= 0 && n < 65_536)).toBe(true);
        expect(valuesOf(keys)).toMatchObject({ 1025: 1 });
      }),
      { numRuns: 500 },
    );
  });
});
