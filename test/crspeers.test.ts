/** The CRS of real LAS files, and of every kind of text that GDAL writes: codes, parameters and units as GDAL understands them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { encodeTile, writeCog } from '../geospatial/formats/cog.ts';
import type { CrsRecords, GeoKeys } from '../geospatial/formats/crs.ts';
import { crsOf } from '../geospatial/formats/crs.ts';
import { albers, metres, valuesOf } from './crsfixture.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { shared } from './shared.ts';

// Other programs are started: a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'crs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const lidar = shared() && join(shared()!, 'data', 'geospatial', 'lidar');
const unshared = lidar ? undefined : 'skipped: no shared data';
if (unshared) console.warn(unshared);

/** The records of a LAS file, as the specification lays them out. */
function recordsOf(path: string): CrsRecords {
  const file = readFileSync(path);
  let at = file.readUInt16LE(94);
  let wkt: string | undefined;
  const tags = new Map<number, Buffer>();
  for (let n = file.readUInt32LE(100); n > 0; n--) {
    const [id, length] = [file.readUInt16LE(at + 18), file.readUInt16LE(at + 20)];
    const payload = Buffer.from(file.subarray(at + 54, at + 54 + length));
    if (id === 2112) wkt ??= payload.toString('utf8');
    else if (!tags.has(id)) tags.set(id, payload);
    at += 54 + length;
  }
  const numbers = (id: number, bytes: number): Buffer =>
    (tags.get(id) ?? Buffer.alloc(0)).subarray(0, Math.floor((tags.get(id)?.length ?? 0) / bytes) * bytes);
  const directory = Uint16Array.from({ length: numbers(34735, 2).length / 2 }, (_, i) =>
    numbers(34735, 2).readUInt16LE(2 * i),
  );
  const doubles = Float64Array.from({ length: numbers(34736, 8).length / 8 }, (_, i) =>
    numbers(34736, 8).readDoubleLE(8 * i),
  );
  const ascii = tags.get(34737)?.toString('latin1') ?? '';
  return {
    wkt,
    keys: tags.has(34735) ? { directory, doubles, ascii } : undefined,
    wktBit: (file.readUInt16LE(6) & 16) !== 0,
  };
}

/** A raster of one cell in this CRS; its path. */
async function raster(name: string, crs: GeoKeys | undefined): Promise<string> {
  const path = join(folder, `${name}.tif`);
  const tile = encodeTile(new Float32Array(512 * 512));
  const blocks: Uint8Array[] = [];
  const place = {
    width: 1,
    height: 1,
    transform: [1, 0, 0, 0, -1, 0] as const,
    side: 512,
    bands: [{}],
    type: 'Float32' as const,
  };
  await writeCog(
    { write: async (bytes) => void blocks.push(bytes) },
    crs ? { ...place, crs } : place,
    [Uint32Array.of(tile.length)],
    async () => tile,
  );
  writeFileSync(path, Buffer.concat(blocks));
  return path;
}

/** How GDAL's reading of a raster differs from its reading of a text: in projected units at a place, and as a whole. */
type Seen = { code: string | null; vertical: string | null; unit: number; apart: number; same: boolean };
const compare = `def project(s, at):
    base = s.CloneGeogCS(); s.SetAxisMappingStrategy(0); base.SetAxisMappingStrategy(0)
    scale = 0.017453292519943295 / base.GetAngularUnits()
    return osr.CoordinateTransformation(base, s).TransformPoint(at[0] * scale, at[1] * scale, 0)[:2]
out = []
for path, wkt, at in given:
    a = osr.SpatialReference(wkt); ds = gdal.Open(path); b = ds.GetSpatialRef()
    same = bool(a.IsSame(b, ['CRITERION=EQUIVALENT_EXCEPT_AXIS_ORDER_GEOGCRS', 'IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES']))
    apart = max(abs(p - q) for p, q in zip(project(a, at), project(b, at))) if b.IsProjected() else 0
    out.append(dict(code=b.GetAuthorityCode('PROJCS' if b.IsProjected() else 'GEOGCS'), vertical=b.GetAuthorityCode('VERT_CS') if b.IsVertical() else None,
        unit=b.GetLinearUnits(), apart=apart, same=same))
print(json.dumps(out))`;

/** Codes of the horizontal and the vertical system of real files. */
const files: [file: string, epsg: number | undefined, vertical: number | undefined, reason?: RegExp][] = [
  ['bcts/bcts_1.laz', 3005, 5713],
  ['cloudbutton/lasfile-0000.las', 25831, undefined],
  ['copc/autzen_clip_native.copc.laz', 2991, 6360],
  ['copc/rlas-example.copc.laz', 26917, undefined],
  ['copc/lone-star.copc.laz', undefined, undefined],
  ['copc/lone-star.laz', 4326, undefined],
  ['corrupt/bad-geotiff-keys.las', 32617, undefined],
  ['corrupt/no-points.las', 4269, undefined],
  ['formats/1815.las', 6580, 5703],
  ['formats/1815.laz', 6580, 5703],
  ['formats/1_4_w_evlr.laz', 2903, 5703],
  ['formats/32-1-472-150-76.laz', 25832, 5941],
  ['formats/autzen_trim.las', undefined, undefined],
  ['formats/autzen_trim_7.las', undefined, undefined],
  ['formats/file_with_both_wkt_and_geotiff_vlrs.las', undefined, undefined],
  ['formats/las_with_several_extra_byte_bloc.laz', 2154, undefined],
  ['lidr/Megaplot.laz', 26917, undefined],
  ['lidr/Topography.laz', 2949, undefined],
  ['ahn/AHN3.laz', undefined, undefined, /^no CRS: neither WKT nor GeoTIFF keys$/],
  ['formats/point10.las', undefined, undefined, /^no CRS: neither WKT nor GeoTIFF keys$/],
];

describe.skipIf(unshared)('real files', () => {
  test.each(files)('%s', (file, epsg, vertical, reason) => {
    const found = crsOf(recordsOf(join(lidar!, file)));
    expect(found.keys?.epsg).toBe(epsg);
    expect(found.keys && valuesOf(found.keys)[4096]).toBe(vertical);
    if (reason) expect(found.reason).toMatch(reason);
    else expect(found.reason).toBeUndefined();
  });

  test('Nebraska in US survey feet comes from the WKT, not from the keys for metres beside it', () => {
    const { keys } = crsOf(recordsOf(join(lidar!, 'formats/file_with_both_wkt_and_geotiff_vlrs.las')));
    expect(valuesOf(keys!)).toMatchObject({
      2050: 1116,
      3075: 8,
      3076: 9003,
      3078: [40],
      3079: [43],
      3084: [-100],
      3085: [39.83333333333334],
      3086: [1640416.666666667],
    });
  });

  test.skipIf(gdalMissing)('GDAL finds the codes', async () => {
    const paths = await Promise.all(
      files.map(async ([file], i) => raster(`file${i}`, crsOf(recordsOf(join(lidar!, file))).keys)),
    );
    const codes = gdal<(string | null)[]>(
      `out = []
for path in given:
    ds = gdal.Open(path); s = ds.GetSpatialRef()
    out.append(s and (s.GetAuthorityCode('PROJCS') or s.GetAuthorityCode('GEOGCS' if s.IsGeographic() else None)))
print(json.dumps(out))`,
      paths,
    );
    // A projected CRS without a code has one of its base at the most; lone-star calls 4326 geocentric.
    const expected = files.map(([, epsg]) => epsg && String(epsg));
    for (const [i, [file]] of files.entries())
      if (file !== 'copc/lone-star.laz') expect([file, codes[i] ?? undefined]).toEqual([file, expected[i]]);
  });
});

describe.skipIf(unshared ?? gdalMissing)('real WKT', () => {
  test.each<[string, [number, number], number]>([
    ['bcts/bcts_1.laz', [-120, 50], 1],
    ['copc/autzen_clip_native.copc.laz', [-123, 44], 1],
    ['formats/1_4_w_evlr.laz', [-106, 35], 1200 / 3937],
    ['formats/autzen_trim.las', [-123, 44], 0.3048],
    ['formats/autzen_trim_7.las', [-123, 44], 0.3048],
    ['formats/file_with_both_wkt_and_geotiff_vlrs.las', [-100, 41], 1200 / 3937],
    ['formats/las_with_several_extra_byte_bloc.laz', [3, 47], 1],
  ])('%s: GDAL takes the keys for the same places', async (file, at, unit) => {
    const { wkt, keys, wktBit } = recordsOf(join(lidar!, file));
    const text = wkt!.replace(/\0.*/s, '');
    for (const records of [{ wkt, wktBit: true }, ...(keys ? [{ keys, wktBit }] : [])]) {
      // The keys of Nebraska speak of another CRS than its WKT.
      if (!records.wkt && wktBit) continue;
      const path = await raster('real', crsOf(records).keys);
      const [seen] = gdal<Seen[]>(compare, [[path, text, at]]);
      expect(seen!.apart).toBeLessThan(1e-6);
      expect(seen!.unit).toBeCloseTo(unit, 12);
    }
  });
});

describe.skipIf(gdalMissing)('GDAL', () => {
  type Case = { epsg: number; format: string; wkt: string; coded: boolean; at: [number, number] };

  // Every method, units of three kinds, a meridian of its own, compound, geographic and geocentric systems.
  const projected = [
    3005, 28992, 25831, 2154, 2903, 6339, 32633, 3031, 3995, 3413, 5041, 3395, 3857, 27700, 2056, 26931, 2263,
    2992, 3035, 31370, 2193, 27572, 2048, 2180, 26967, 6576, 6880, 3832, 30200,
  ];
  const others = [4326, 4269, 4978];
  const generate = `import re
out = []
for epsg in given:
    s = osr.SpatialReference(); s.ImportFromEPSG(epsg); area = s.GetAreaOfUse()
    at = [(area.west_lon_degree + area.east_lon_degree) / 2, (area.south_lat_degree + area.north_lat_degree) / 2]
    for format in ['WKT1_GDAL', 'WKT2_2015', 'WKT2_2019', 'WKT1_ESRI']:
        if format == 'WKT1_ESRI' and s.IsGeocentric(): continue
        wkt = s.ExportToWkt(['FORMAT=' + format])
        if format != 'WKT1_ESRI': out.append(dict(epsg=epsg, format=format, wkt=wkt, coded=True, at=at))
        out.append(dict(epsg=epsg, format=format, wkt=re.sub(r',(AUTHORITY|ID)\\["EPSG",[^]]*\\]', '', wkt), coded=False, at=at))
print(json.dumps(out))`;
  // GeoTIFF keys know no axes of a CRS without a code, nor units of its base.
  const unlike = new Set([3035, 2193, 2180, 27572]);

  test('takes the keys for what it takes the text for', async () => {
    const cases = gdal<Case[]>(generate, [...projected, ...others]);
    expect(cases.length).toBe(projected.length * 7 + 2 * 7 + 6);
    const requests = [];
    for (const [i, { wkt, at, format, epsg }] of cases.entries()) {
      const { keys, reason } = crsOf({ wkt, wktBit: true });
      expect([epsg, format, reason]).toEqual([epsg, format, undefined]);
      requests.push([await raster(`wkt${i}`, keys), wkt, at]);
    }
    const seen = gdal<Seen[]>(compare, requests);
    for (const [i, { epsg, format, coded }] of cases.entries()) {
      const what = `EPSG:${epsg} ${format} ${coded ? 'with' : 'without'} codes`;
      const { code, apart, same } = seen[i]!;
      expect(apart, what).toBeLessThan(1e-6);
      if (coded && epsg !== 4978) expect(code, what).toBe(String(epsg));
      if (coded || !unlike.has(epsg)) expect(same, what).toBe(true);
    }
  });

  test('finds both systems of a compound one, and a foot that is a foot', async () => {
    const make = `s = osr.SpatialReference(); s.SetFromUserInput('EPSG:2263+6360'); print(json.dumps(s.ExportToWkt(['FORMAT=' + given])))`;
    for (const format of ['WKT1_GDAL', 'WKT2_2019']) {
      const wkt = gdal<string>(make, format);
      const { keys } = crsOf({ wkt, wktBit: true });
      const [seen] = gdal<Seen[]>(compare, [[await raster(`compound-${format}`, keys), wkt, [-74, 40.7]]]);
      expect(seen).toEqual({
        code: '2263',
        vertical: '6360',
        unit: expect.closeTo(1200 / 3937, 12) as number,
        apart: 0,
        same: true,
      });
    }
  });

  test('shows the name of what GeoTIFF cannot say', async () => {
    const { keys } = crsOf({ wkt: albers(metres, 'Bonne'), wktBit: true });
    const name = gdal<string>(
      `ds = gdal.Open(given); print(json.dumps(ds.GetSpatialRef().GetName()))`,
      await raster('bonne', keys),
    );
    expect(name).toBe('NAD83 / BC Albers');
  });
});
