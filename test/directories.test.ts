/** Directories of TIFF: what geotiff.js finds, in few requests, and bad input for anything else. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { GeoTIFF } from 'geotiff';
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import type { Source } from '../core/job.ts';
import { memorySource } from './memorysource.ts';
import { readTiff, type Tiff } from '../geospatial/formats/directories.ts';
import { shared } from './shared.ts';
import { type TestField, tiffFile, valueBytes } from './tifffile.ts';

const forms = [true, false].flatMap((little) => [false, true].map((big) => ({ little, big })));
const asNumbers = (values: Float64Array | undefined): number[] | undefined => values && [...values];

/** A source that notes what was asked of it. */
function counted(bytes: Uint8Array): Source & { readonly asked: [number, number][] } {
  const under = memorySource(bytes);
  const asked: [number, number][] = [];
  return {
    ...under,
    asked,
    read(start, end) {
      asked.push([start, end]);
      return under.read(start, end);
    },
  };
}

const open = (bytes: Uint8Array): Promise<Tiff> => readTiff(memorySource(bytes), 'x.tif');

/** The one line in which a file is refused. */
async function refusal(act: () => Promise<unknown>): Promise<string> {
  const error: unknown = await act().then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(BadInput);
  const { message } = error as BadInput;
  expect(message).toMatch(/^GeoTIFF: .*x\.tif.*, expected .*; get the file again$/);
  return message;
}

const dir = shared();
const satellite = dir && join(dir, 'data/geospatial/satellite');
const rasters =
  satellite && existsSync(satellite)
    ? (readdirSync(satellite, { recursive: true }) as string[]).filter((name) => /\.tiff?$/i.test(name))
    : [];
if (rasters.length === 0) console.log('skipped: directories as geotiff.js reads them, no shared data');

test.skipIf(rasters.length === 0)('tags and values are those of geotiff.js', async () => {
  let fields = 0;
  for (const name of rasters) {
    const bytes = readFileSync(join(satellite!, name));
    const source = counted(bytes);
    const tiff = await readTiff(source, name);
    const peer = await GeoTIFF.fromSource(peerSource(bytes) as never);
    expect(tiff.directories.length, name).toBe(await peer.getImageCount());
    for (const [i, directory] of tiff.directories.entries()) {
      const other = await peer.requestIFD(i);
      const tags = [other.actualizedFields, other.deferredFields, other.deferredArrays].flatMap((m) => [
        ...m.keys(),
      ]);
      expect(new Set(directory.fields.keys()), `${name} ${i}`).toEqual(new Set(tags));
      for (const [tag, { type, count }] of directory.fields) {
        fields++;
        // geotiff.js reads them as little-endian whatever the file.
        if (!tiff.little && other.deferredArrays.has(tag)) continue;
        const found: unknown = await other.loadValue(tag);
        if (type === 2) expect(await tiff.text(directory, tag)).toBe((found as string).replace(/\0+$/, ''));
        else if (type === 7)
          expect([...(await tiff.bytes(directory, tag))!]).toEqual(
            typeof found === 'number' ? [found] : Array.from(found as Uint8Array),
          );
        else {
          const values =
            typeof found === 'number' ? [found] : Array.from(found as ArrayLike<number | bigint>, Number);
          const numbers = asNumbers(await tiff.numbers(directory, tag));
          // geotiff.js gives fractions as pairs, of which it reads every other one.
          if (type === 5 || type === 10) expect(numbers![0], `${name} ${tag}`).toBe(values[0]! / values[1]!);
          else expect(numbers, `${name} ${tag}`).toEqual(values);
          expect(numbers!.length).toBe(count);
        }
      }
    }
    expectOnce(source.asked);
  }
  expect(fields).toBeGreaterThan(1500);
});

/** What geotiff.js reads through. */
const peerSource = (bytes: Buffer) => ({
  fileSize: bytes.length,
  fetch: async (slices: readonly { offset: number; length: number }[]) =>
    slices.map(({ offset, length }) => new Uint8Array(bytes.subarray(offset, offset + length)).buffer),
});

/** No byte was asked for twice. */
function expectOnce(asked: readonly [number, number][]): void {
  const sorted = asked.toSorted(([a], [b]) => a - b);
  for (const [i, [start]] of sorted.entries())
    if (i > 0) expect(start).toBeGreaterThanOrEqual(sorted[i - 1]![1]);
}

const limits: { readonly [type: number]: readonly [number, number] } = {
  1: [0, 255],
  3: [0, 65_535],
  4: [0, 2 ** 32 - 1],
  5: [0, 4_000_000],
  6: [-128, 127],
  8: [-32_768, 32_767],
  9: [-(2 ** 31), 2 ** 31 - 1],
  10: [-2_000_000, 2_000_000],
  13: [0, 2 ** 32 - 1],
  16: [0, 2 ** 53 - 1],
  17: [-(2 ** 53) + 1, 2 ** 53 - 1],
  18: [0, 2 ** 53 - 1],
};
const anyField = fc.constantFrom(...Object.keys(valueBytes).map(Number)).chain((type) => {
  const [min, max] = limits[type] ?? [0, 255];
  const value =
    type === 11
      ? fc.float()
      : type === 12
        ? fc.double()
        : type === 2
          ? fc.integer({ min: 1, max: 127 })
          : fc.integer({ min, max });
  return fc.record({ type: fc.constant(type), values: fc.array(value, { minLength: 1, maxLength: 9 }) });
});

describe.each(forms)('$little $big', (form) => {
  test('numbers of every type come back', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyField, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        async (shape) => {
          const directories = shape.map((fields) =>
            fields.map((field, i): TestField => ({ ...field, tag: 300 + i })),
          );
          const tiff = await open(tiffFile(directories, { ...form, gap: 3 }));
          expect([tiff.little, tiff.big]).toEqual([form.little, form.big]);
          expect(tiff.directories.length).toBe(directories.length);
          for (const [i, fields] of directories.entries())
            for (const { tag, type, values } of fields) {
              const directory = tiff.directories[i]!;
              const bytes = await tiff.bytes(directory, tag);
              expect(bytes!.length).toBe(values.length * valueBytes[type]!);
              if (type === 2) expect(await tiff.text(directory, tag)).toBe(String.fromCharCode(...values));
              else if (type === 7) expect([...bytes!]).toEqual(values);
              else {
                expect(asNumbers(await tiff.numbers(directory, tag))).toEqual(values);
                const some = await tiff.numbers(directory, tag, 2, 5);
                expect(asNumbers(some)).toEqual(values.slice(2, 5));
              }
            }
          expect(await tiff.numbers(tiff.directories[0]!, 999)).toBeUndefined();
        },
      ),
      { numRuns: 60, seed: 7 },
    ));

  test('a file cut anywhere is refused', async () => {
    const whole = tiffFile(
      [
        [
          { tag: 256, type: 3, values: [10] },
          { tag: 324, type: 4, values: [1, 2, 3, 4] },
        ],
        [{ tag: 270, type: 2, values: [65, 66, 67, 68, 69, 70, 71, 72, 73, 0] }],
      ],
      form,
    );
    await open(whole);
    for (let length = 0; length < whole.length; length++) await refusal(() => open(whole.slice(0, length)));
  });

  test('directories in a circle are refused', async () => {
    const file = tiffFile([[{ tag: 256, type: 3, values: [1] }], [{ tag: 256, type: 3, values: [2] }]], form);
    const [first, second] = (await open(file)).directories;
    const end = second!.at + (form.big ? 8 + 20 : 2 + 12);
    for (const { at } of [first!, second!]) {
      const round = file.slice();
      const view = new DataView(round.buffer);
      if (form.big) view.setBigUint64(end, BigInt(at), form.little);
      else view.setUint32(end, at, form.little);
      expect(await refusal(() => open(round))).toContain(`directory at byte ${at} of x.tif comes again`);
    }
  });

  test('counts and places outside of the file are refused before memory is taken', async () => {
    const file = tiffFile([[{ tag: 324, type: 4, values: [1, 2, 3, 4] }]], form);
    const entry = form.big ? 16 + 8 : 8 + 2;
    const word = (place: number, value: number): Uint8Array => {
      const changed = file.slice();
      const view = new DataView(changed.buffer);
      if (form.big) view.setBigUint64(place, BigInt(value), form.little);
      else view.setUint32(place, value, form.little);
      return changed;
    };
    for (const count of [5, 1000, 2 ** 31, 2 ** 32 - 1])
      expect(await refusal(() => open(word(entry + 4, count)))).toContain(`${count} values of tag 324`);
    await refusal(() => open(word(entry + (form.big ? 12 : 8), file.length - 15)));
    await refusal(() => open(word(form.big ? 8 : 4, file.length)));
    await refusal(() => open(word(form.big ? 8 : 4, 0)));
    await refusal(() => open(word(form.big ? 8 : 4, 4)));
    if (form.big) await refusal(() => open(word(entry + 4, 2 ** 63)));
  });
});

test('what is no TIFF is refused', async () => {
  for (const text of [
    '',
    'II',
    'II*\0',
    'MM\0+\0\x08\0\0',
    'PK\x03\x04 and more of it',
    'II+\0\x04\0\0\0 4 bytes',
    'II\0* the other way',
  ])
    await refusal(() => open(new TextEncoder().encode(text)));
});

test('a field of another kind than asked for, or past 2^53, is refused; one of an unknown type is stepped over', async () => {
  const file = tiffFile([
    [
      { tag: 270, type: 2, values: [65, 0, 66, 0, 0] },
      { tag: 324, type: 16, values: [2 ** 53] },
      { tag: 325, type: 17, values: [-(2 ** 53), 5] },
      { tag: 347, type: 7, values: [1, 2, 3, 4, 5] },
      { tag: 400, type: 3, values: [1] },
      { tag: 400, type: 3, values: [2] },
    ],
  ]);
  const tiff = await open(file);
  const [directory] = tiff.directories as [Tiff['directories'][number]];
  expect(await tiff.text(directory, 270)).toBe('A\0B');
  expect(asNumbers(await tiff.numbers(directory, 400))).toEqual([1]);
  expect(asNumbers(await tiff.numbers(directory, 325, 1))).toEqual([5]);
  await refusal(() => tiff.numbers(directory, 270));
  await refusal(() => tiff.numbers(directory, 347));
  await refusal(() => tiff.numbers(directory, 324));
  await refusal(() => tiff.numbers(directory, 325));
  await refusal(() => tiff.text(directory, 324));
  const strange = file.slice();
  strange[8 + 2 + 2] = 14;
  expect([...(await open(strange)).directories[0]!.fields.keys()]).toEqual([324, 325, 347, 400]);
});

/** Directories of a COG whose full level has so many tiles. */
const pyramid = (tiles: number): TestField[][] => {
  const out: TestField[][] = [];
  for (let n = tiles; n >= 1; n = Math.floor(n / 4))
    out.push([
      { tag: 256, type: 4, values: [n] },
      { tag: 324, type: 4, values: Array.from({ length: n }, (_, i) => i) },
      { tag: 325, type: 4, values: Array.from({ length: n }, (_, i) => 2 * i) },
    ]);
  return out;
};

test('a small COG opens in one request, one of 200 KB of offsets in two', async () => {
  for (const [tiles, requests] of [
    [1000, 1],
    [25_600, 2],
    [250_000, 2],
  ] as const) {
    const source = counted(Buffer.concat([tiffFile(pyramid(tiles)), new Uint8Array(3_000_000)]));
    const tiff = await readTiff(source, 'x.tif');
    expect(source.asked.length).toBe(requests);
    const [full] = tiff.directories as [Tiff['directories'][number]];
    const from = tiles - 800;
    expect(asNumbers(await tiff.numbers(full, 324, from, from + 3))).toEqual([from, from + 1, from + 2]);
    expect(await tiff.numbers(full, 324, from + 3, from + 900)).toHaveLength(797);
    expect(source.asked.length).toBe(tiles === 1000 ? 1 : requests + 1);
    expect(await tiff.numbers(full, 324)).toHaveLength(tiles);
    for (const directory of tiff.directories)
      expect((await tiff.numbers(directory, 325))!.at(-1)! % 2).toBe(0);
    expectOnce(source.asked);
  }
});

test('pages far from one another take 4 KiB each, and 1,025 of them are refused', async () => {
  const page: TestField[] = [{ tag: 256, type: 4, values: [1] }];
  const source = counted(tiffFile(Array<TestField[]>(20).fill(page), { gap: 100_000 }));
  await readTiff(source, 'x.tif');
  expect(source.asked.length).toBe(20);
  for (const [start, end] of source.asked.slice(1)) expect(end - start).toBe(4096);
  await open(tiffFile(Array<TestField[]>(1024).fill(page)));
  expect(await refusal(() => open(tiffFile(Array<TestField[]>(1025).fill(page))))).toContain(
    'more than 1024',
  );
});

test('long fields are read without being kept', async () => {
  const count = 3_000_000;
  const file = tiffFile([[{ tag: 324, type: 16, values: [] }]], { big: true, gap: 8 * count });
  const view = new DataView(file.buffer);
  view.setBigUint64(16 + 8 + 4, BigInt(count), true);
  view.setBigUint64(16 + 8 + 12, BigInt(file.length - 8 * count), true);
  view.setBigUint64(file.length - 8, 12_345n, true);
  const source = counted(file);
  const tiff = await readTiff(source, 'x.tif');
  for (let from = 0; from < count; from += 65_536)
    await tiff.numbers(tiff.directories[0]!, 324, from, from + 65_536);
  expect((await tiff.numbers(tiff.directories[0]!, 324, count - 1))![0]).toBe(12_345);
  expectOnce(source.asked);
});
