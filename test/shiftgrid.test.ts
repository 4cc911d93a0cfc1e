/** Grids of shifts between datums: places by PROJ with the same NTv2 grid, and grids that are broken. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BadInput, BadUsage } from '../core/errors.ts';
import { memorySource } from './memorysource.ts';
import { random } from '../datasets/random.ts';
import { readShiftGrid } from '../geospatial/formats/ntv2.ts';
import { epsgKeys, reprojection } from '../geospatial/formats/reproject.ts';
import { gdal, gdalMissing } from './gdal.ts';

/** Degrees, longitudes positive to the east. */
type Sheet = {
  readonly name: string;
  readonly parent: string;
  readonly west: number;
  readonly south: number;
  readonly step: number;
  readonly columns: number;
  readonly rows: number;
};
const sheets: readonly Sheet[] = [
  { name: 'COARSE', parent: 'NONE', west: -101, south: 39, step: 0.5, columns: 7, rows: 5 },
  { name: 'FINE', parent: 'COARSE', west: -100, south: 40, step: 0.125, columns: 9, rows: 5 },
];

/** An NTv2 file from Clarke's ellipsoid of 1866, with shifts of up to some 3 seconds that differ from node to node. */
function ntv2(isLittle: boolean, radius = 6_378_206.4): Uint8Array<ArrayBuffer> {
  const records: ((view: DataView, at: number) => void)[] = [];
  const put = (key: string, set: (view: DataView, at: number) => void): void => {
    records.push((view, at) => {
      for (let i = 0; i < 8; i++) view.setUint8(at + i, key.charCodeAt(i) || 32);
      set(view, at + 8);
    });
  };
  const int = (key: string, value: number): void =>
    put(key, (view, at) => view.setInt32(at, value, isLittle));
  const real = (key: string, value: number): void =>
    put(key, (view, at) => view.setFloat64(at, value, isLittle));
  const text = (key: string, value: string): void =>
    put(key, (view, at) => {
      for (let i = 0; i < 8; i++) view.setUint8(at + i, value.charCodeAt(i) || 32);
    });
  int('NUM_OREC', 11);
  int('NUM_SREC', 11);
  int('NUM_FILE', sheets.length);
  text('GS_TYPE', 'SECONDS');
  text('VERSION', 'TEST');
  text('SYSTEM_F', 'OLD');
  text('SYSTEM_T', 'NEW');
  real('MAJOR_F', radius);
  real('MINOR_F', 6_356_583.8);
  real('MAJOR_T', 6_378_137);
  real('MINOR_T', 6_356_752.314);
  const chance = random(7);
  for (const { name, parent, west, south, step, columns, rows } of sheets) {
    text('SUB_NAME', name);
    text('PARENT', parent);
    text('CREATED', '');
    text('UPDATED', '');
    real('S_LAT', 3600 * south);
    real('N_LAT', 3600 * (south + (rows - 1) * step));
    real('E_LONG', -3600 * (west + (columns - 1) * step));
    real('W_LONG', -3600 * west);
    real('LAT_INC', 3600 * step);
    real('LONG_INC', 3600 * step);
    int('GS_COUNT', columns * rows);
    for (let i = 0; i < columns * rows; i++)
      records.push((view, at) => {
        view.setFloat32(at, 0.5 + chance.below(1000) / 500, isLittle);
        view.setFloat32(at + 4, -1 - chance.below(1000) / 500, isLittle);
      });
  }
  const bytes = new Uint8Array(16 * (records.length + 1));
  const view = new DataView(bytes.buffer);
  for (const [i, write] of records.entries()) write(view, 16 * i);
  bytes.set(Buffer.from('END     '), 16 * records.length);
  return bytes;
}

const read = (bytes: Uint8Array<ArrayBuffer>) => readShiftGrid(memorySource(bytes), 'a.gsb');

describe.skipIf(gdalMissing)('beside PROJ', () => {
  const folder = mkdtempSync(join(tmpdir(), 'servermix-shifts-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([true, false])('places are those of PROJ, little-endian: %s', async (isLittle) => {
    const path = join(folder, `${isLittle}.gsb`);
    const bytes = ntv2(isLittle);
    writeFileSync(path, bytes);
    const chance = random(3);
    // Within the fine sheet, the coarse one, and beside both.
    const degrees = Array.from({ length: 300 }, () => [
      -101.3 + chance.below(4_000_000) / 1e6,
      38.8 + chance.below(2_600_000) / 1e6,
    ]);
    const theirs = gdal<(readonly [number, number] | null)[]>(
      `
a = osr.SpatialReference(); a.ImportFromProj4('+proj=longlat +ellps=clrk66 +nadgrids=' + given['path'] + ' +no_defs')
b = osr.SpatialReference(); b.ImportFromEPSG(4326); b.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
t = osr.CoordinateTransformation(a, b)
out = []
for x, y in given['degrees']:
    try:
        p = t.TransformPoint(x, y)
        out.append(p[:2] if np.isfinite(p[0]) else None)
    except RuntimeError: out.append(None)
print(json.dumps(out))`,
      { path, degrees },
    );
    const way = await reprojection(await epsgKeys(4267), await epsgKeys(4326), await read(bytes));
    expect(way.notes).toEqual(['CRS EPSG:4267: moved from OLD to NEW by a.gsb']);
    let beside = 0;
    for (const [i, place] of degrees.entries()) {
      const there = Float64Array.from(place);
      way.forward(there);
      if (theirs[i] === null) {
        beside++;
        expect(there, `${place}`).toEqual(Float64Array.of(NaN, NaN));
        continue;
      }
      // A tenth of a micrometre on the ground is 1e-12 degrees.
      expect(Math.abs(there[0]! - theirs[i]![0]) + Math.abs(there[1]! - theirs[i]![1])).toBeLessThan(1e-10);
      way.inverse(there);
      // At the outer edge some places cannot be come back to.
      if (Number.isFinite(there[0]))
        expect(Math.abs(there[0]! - place[0]!) + Math.abs(there[1]! - place[1]!)).toBeLessThan(2e-10);
    }
    expect(beside).toBeGreaterThan(20);
    expect(beside).toBeLessThan(200);
  });
});

test('a projected system goes by its own datum, and the grid there and back', async () => {
  const grid = await read(ntv2(true));
  const way = await reprojection(await epsgKeys(26714), await epsgKeys(4326), grid);
  const there = Float64Array.of(480_000, 4_440_000);
  way.forward(there);
  const [x, y] = there;
  expect(x).toBeCloseTo(-99.23, 1);
  expect(y).toBeCloseTo(40.11, 1);
  way.inverse(there);
  expect(there[0]).toBeCloseTo(480_000, 5);
  expect(there[1]).toBeCloseTo(4_440_000, 5);
});

test('a grid is asked for, must be of the ellipsoid, and leads from one datum', async () => {
  const [old, near, other] = await Promise.all([4267, 4326, 4284].map((code) => epsgKeys(code)));
  await expect(reprojection(old!, near!)).rejects.toThrow(/--shifts grid\.gsb/);
  await expect(reprojection(old!, near!, await read(ntv2(true, 6_377_397)))).rejects.toThrow(
    /radius of 6377397 m, expected 6378206.4 m/,
  );
  await expect(reprojection(old!, other!, await read(ntv2(true)))).rejects.toThrow(BadUsage);
  // Where none is needed, none is used.
  const way = await reprojection(await epsgKeys(32614), near!, await read(ntv2(true)));
  expect(way.notes).toEqual([]);
});

test('broken grids are refused in a line, wherever they end or whatever they say', async () => {
  const whole = ntv2(true);
  // The end record is not needed.
  for (let size = 0; size < whole.length - 16; size += 61)
    await expect(read(whole.slice(0, size)), `${size}`).rejects.toThrow(BadInput);
  const chance = random(11);
  for (let i = 0; i < 500; i++) {
    const bytes = whole.slice();
    for (let n = 0; n < 3; n++) bytes[chance.below(i % 2 ? 900 : bytes.length)] = chance.next();
    try {
      const grid = await read(bytes);
      expect(grid.forward({ x: -99.5, y: 40.2 })).toHaveProperty('y');
      expect(grid.inverse({ x: -99.5, y: 40.2 })).toHaveProperty('y');
    } catch (error) {
      expect(error).toBeInstanceOf(BadInput);
      expect((error as Error).message).not.toContain('\n');
    }
  }
});
