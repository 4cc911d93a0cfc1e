/** Cloud-Optimized GeoTIFF, judged: GDAL's verdicts on real files, and every rule broken by hand. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { memorySource } from './memorysource.ts';
import type { Directory } from '../geospatial/formats/directories.ts';
import { validateCog } from '../geospatial/validate/cog.ts';
import { bases, change, cog, full, half, masked, placeOf, plain, quarter } from './cogfile.ts';
import { servermix } from './command.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { shared } from './shared.ts';

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'cogvalidate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const judge = (bytes: Uint8Array) => validateCog(memorySource(bytes), 'x.tif');

type Verdict = { readonly valid: boolean; readonly warnings: number; readonly said: string };

/** Full check of GDAL's validator; what makes it fail itself is no valid file. */
const peer = (paths: readonly string[]): Verdict[] =>
  gdal<Verdict[]>(
    `from osgeo_utils.samples.validate_cloud_optimized_geotiff import validate
osr.DontUseExceptions(); gdal.DontUseExceptions()
gdal.PushErrorHandler('CPLQuietErrorHandler')
out = []
for path in given:
    try:
        warnings, errors, _ = validate(path, full_check=True)
    except Exception as error:
        warnings, errors = [], [str(error)]
    out.append({'valid': not errors, 'warnings': len(warnings), 'said': ' | '.join(errors)})
print(json.dumps(out))`,
    paths,
  );

const dir = shared();
const data = dir && join(dir, 'data/geospatial');
const verdicts = data && join(data, 'expected/cog_validity.json');
const isThere = verdicts !== undefined && existsSync(verdicts);
if (!isThere) console.log('skipped: verdicts on real files, no shared data');

describe.skipIf(!isThere)('real files', async () => {
  const expected = isThere
    ? (JSON.parse(readFileSync(verdicts, 'utf8').replaceAll('NaN', 'null')) as {
        [name: string]: { cog: string; warn: string | null };
      })
    : {};
  const found = new Map<string, Awaited<ReturnType<typeof judge>>>();
  for (const name of Object.keys(expected)) found.set(name, await judge(readFileSync(join(data!, name))));

  test('have the verdicts and warnings that were noted', () => {
    expect(found.size).toBeGreaterThan(100);
    for (const [name, { cog, warn }] of Object.entries(expected)) {
      const { problems, warnings } = found.get(name)!;
      expect(problems.length === 0, `${name}: ${problems.join('; ')}`).toBe(cog === 'valid');
      expect(warnings.length, name).toBe(warn === null ? 0 : 1);
    }
  });
  test.skipIf(gdalMissing)('have the verdicts of the GDAL that is installed', () => {
    const names = Object.keys(expected);
    for (const [i, verdict] of peer(names.map((name) => join(data!, name))).entries()) {
      const { problems, warnings } = found.get(names[i]!)!;
      expect(problems.length === 0, `${names[i]}: ${verdict.said}`).toBe(verdict.valid);
      expect(warnings.length, names[i]).toBe(verdict.warnings);
    }
  });
});

/** Where a classic directory names the next one. */
const nextOf = (view: DataView, { at }: Directory): number => at + 2 + 12 * view.getUint16(at, true);

function replace(bytes: Uint8Array, from: string, to: string): void {
  const at = Buffer.from(bytes.buffer).indexOf(from);
  expect(at).toBeGreaterThan(0);
  bytes.set(new TextEncoder().encode(to), at);
}

function swap(view: DataView, a: number, b: number): void {
  const [first, second] = [view.getUint32(a, true), view.getUint32(b, true)];
  view.setUint32(a, second, true);
  view.setUint32(b, first, true);
}

/** Every rule, broken: the file, and what is said of it. */
const faults: { readonly [name: string]: { make(): Promise<Uint8Array> | Uint8Array; said: RegExp } } = {
  'a ghost area under another name': {
    make: () => change(cog, (_, __, bytes) => replace(bytes, 'GDAL_STRUCT', 'GDAL_struct')),
    said: /the first directory lies at byte 192, expected byte 8$/m,
  },
  'a ghost area of another size': {
    make: () => change(cog, (_, __, bytes) => replace(bytes, '_SIZE=000140', '_SIZE=000040')),
    said: /the first directory lies at byte 192, expected byte 92$/m,
  },
  'a ghost area of no size': {
    make: () => change(cog, (_, __, bytes) => replace(bytes, '_SIZE=000140', '_SIZE=00x140')),
    said: /size of "00x140", expected six digits/,
  },
  'an edition that breaks promises': {
    make: () => change(cog, (_, __, bytes) => replace(bytes, 'EDITION=NO\n ', 'EDITION=YES\n')),
    said: /^COG: KNOWN_INCOMPATIBLE_EDITION=YES.*$/,
  },
  'a wrong leader': {
    make: () =>
      change(cog, (view, [, level]) => {
        const at = view.getUint32(placeOf(level!, 324, 1), true) - 4;
        view.setUint32(at, view.getUint32(at, true) + 1, true);
      }),
    said: /^COG: tile \(1, 0\) of overview 1 has a leader of \d+, expected its size of \d+ bytes: BLOCK_LEADER=SIZE_AS_UINT4 is promised$/,
  },
  'a wrong trailer': {
    make: () =>
      change(cog, (view, [level]) => {
        const at =
          view.getUint32(placeOf(level!, 324, 5), true) + view.getUint32(placeOf(level!, 325, 5), true);
        view.setUint8(at + 3, view.getUint8(at + 3) ^ 1);
      }),
    said: /^COG: tile \(2, 1\) of the full image is not followed by its last 4 bytes: BLOCK_TRAILER=LAST_4_BYTES_REPEATED is promised$/,
  },
  'a wrong size of a tile': {
    make: () =>
      change(cog, (view, [level]) => {
        const at = placeOf(level!, 325, 2);
        view.setUint32(at, view.getUint32(at, true) - 5, true);
      }),
    said: /tile \(2, 0\) of the full image has a leader/,
  },
  'tiles in another order than row by row': {
    make: () =>
      change(cog, (view, [level]) => {
        for (const tag of [324, 325]) swap(view, placeOf(level!, tag, 1), placeOf(level!, tag, 2));
      }),
    said: /^COG: tile \(2, 0\) of the full image lies at byte \d+, expected it behind the one before at byte \d+: BLOCK_ORDER=ROW_MAJOR is promised$/,
  },
  'overviews in another order': {
    make: () =>
      change(bases.plain, (view, [first, second, third, fourth]) => {
        view.setUint32(nextOf(view, first!), third!.at, true);
        view.setUint32(nextOf(view, third!), second!.at, true);
        view.setUint32(nextOf(view, second!), fourth!.at, true);
      }),
    said: /overview 2 has 350 x 150 cells, expected no more than the 175 x 75 of overview 1\n.*the directory of overview 2 lies at byte \d+, expected it behind that of overview 1/,
  },
  'an overview that is larger than the full image': {
    make: () => plain([half, { ...full, kind: 1 }]),
    said: /^COG: overview 1 has 700 x 300 cells, expected no more than the 350 x 150 of the full image$/,
  },
  'an overview that is wider than the one before': {
    make: () => plain([full, quarter, { ...half, height: 20 }]),
    said: /^COG: overview 2 has 350 x 20 cells/,
  },
  'a full image in strips': {
    make: () =>
      plain([
        { width: 1100, height: 300, strips: true },
        { ...half, width: 550 },
      ]),
    said: /^COG: the full image of 1100 x 300 cells is not tiled, expected tiles$/,
  },
  'an overview in strips': {
    make: () =>
      plain([
        { width: 2300, height: 100 },
        { kind: 1, width: 1150, height: 50, strips: true },
      ]),
    said: /^COG: overview 1 of 1150 x 50 cells is not tiled, expected tiles$/,
  },
  'data of the full image before those of an overview': {
    make: () => plain([full, half, quarter], [2, 0, 1]),
    said: /^COG: the data of the full image start at byte \d+, expected them behind those of overview 1 at byte \d+$/,
  },
  'data of a larger overview before those of a smaller one': {
    make: () => plain([full, half, quarter], [1, 2, 0]),
    said: /^COG: the data of overview 1 start at byte \d+, expected them behind those of overview 2 at byte \d+$/,
  },
  'a last directory behind its data': {
    make: async () => {
      const { length } = bases.plain;
      return change(Buffer.concat([bases.plain, new Uint8Array(300)]), (view, directories, bytes) => {
        const [before, last] = directories.slice(-2) as [Directory, Directory];
        bytes.copyWithin(length, last.at, nextOf(view, last) + 4);
        view.setUint32(nextOf(view, before), length, true);
      });
    },
    said: /^COG: the data of overview 3 start at byte \d+, expected them behind its directory at byte \d+$/,
  },
  'a first directory behind all data': {
    make: async () => {
      const small = plain([{ width: 100, height: 100 }]);
      return change(Buffer.concat([small, new Uint8Array(300)]), (view, [only], bytes) => {
        bytes.copyWithin(small.length, only!.at, nextOf(view, only!) + 4);
        view.setUint32(4, small.length, true);
      });
    },
    said: /^COG: the first directory lies at byte \d+, expected byte 8\nCOG: the data of the full image start at byte/,
  },
};
if (masked) {
  const file = masked;
  Object.assign(faults, {
    'a mask away from its image': {
      make: () =>
        change(file, (view, [, mask]) => {
          swap(view, placeOf(mask!, 324, 3), placeOf(mask!, 324, 4));
          swap(view, placeOf(mask!, 325, 3), placeOf(mask!, 325, 4));
        }),
      said: /tile \(3, 0\) of the mask of the full image lies at byte \d+, expected byte \d+, behind the image's: MASK_INTERLEAVED_WITH_IMAGERY=YES is promised/,
    },
    'a wrong leader of a mask': {
      make: () =>
        change(file, (view, [, mask]) =>
          view.setUint8(view.getUint32(placeOf(mask!, 324, 2), true) - 4, 255),
        ),
      said: /^COG: tile \(2, 0\) of the mask of the full image has a leader of/,
    },
    'a wrong trailer of the mask of an overview': {
      make: () =>
        change(file, (view, directories) => {
          const mask = directories.at(-1)!;
          const at = view.getUint32(placeOf(mask, 324), true) + view.getUint32(placeOf(mask, 325), true);
          view.setUint8(at, view.getUint8(at) ^ 255);
        }),
      said: /^COG: tile \(0, 0\) of the mask of overview 2 is not followed by/,
    },
  });
}

describe('planted faults', async () => {
  const made = new Map<string, Uint8Array>();
  for (const [name, fault] of Object.entries(faults)) made.set(name, await fault.make());

  test.each(Object.keys(faults))('%s', async (name) => {
    expect((await judge(made.get(name)!)).problems.join('\n')).toMatch(faults[name]!.said);
  });
  test.each(Object.keys(bases))('none in %s', async (name) => {
    expect((await judge(bases[name as keyof typeof bases]!)).problems).toEqual([]);
  });
  test.skipIf(gdalMissing)('GDAL judges them alike', () => {
    const files = [...Object.entries(bases), ...made];
    const paths = files.map(([, bytes], i) => {
      const path = join(folder, `${i}.tif`);
      writeFileSync(path, bytes);
      return path;
    });
    for (const [i, { valid, said }] of peer(paths).entries())
      expect(valid, `${files[i]![0]}: ${said}`).toBe(i < Object.keys(bases).length);
  });
});

test('a large raster without overviews is valid with a warning', async () => {
  const { problems, warnings } = await judge(plain([full]));
  expect(problems).toEqual([]);
  expect(warnings).toEqual([
    'COG: 700 x 300 cells have no overviews, expected some for a side of more than 512',
  ]);
  expect(await judge(plain([half]))).toEqual({ problems: [], warnings: [] });
});

test('the command tells problems and warnings, and its exit code', async () => {
  const [good, large, bad] = ['good.tif', 'large.TIFF', 'bad.tif'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(good, cog);
  writeFileSync(large, plain([full]));
  writeFileSync(bad, await faults['a wrong leader']!.make());
  const [fine, warned, broken, json, other] = await Promise.all([
    servermix(['validate', good], folder),
    servermix(['validate', large], folder),
    servermix(['validate', bad], folder),
    servermix(['validate', '--json', bad], folder),
    servermix(['validate', join(folder, 'x.bam')], folder),
  ]);
  expect(fine).toMatchObject({ code: 0, stdout: `${good}: valid COG\n`, stderr: '' });
  expect(warned).toMatchObject({ code: 0, stderr: '' });
  expect(warned.stdout).toMatch(
    /^warning: COG: 700 x 300 cells have no overviews, .*\n.*large\.TIFF: valid COG\n$/,
  );
  expect(broken).toMatchObject({ code: 3, stdout: expect.stringMatching(/^COG: tile \(1, 0\) .*\n$/) });
  expect(broken.stderr).toMatch(/^servermix: .*bad\.tif: 1 rules broken, expected none; .*\n$/);
  expect(json.code).toBe(3);
  expect(JSON.parse(json.stdout)).toMatchObject({
    uri: bad,
    valid: false,
    problems: [expect.any(String)],
    warnings: [],
  });
  expect(other.code).not.toBe(0);
});
