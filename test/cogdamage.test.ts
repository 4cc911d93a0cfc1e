/** Damaged and hostile GeoTIFFs end in a verdict, in one line a problem and bounded time. */
import { expect, test, vi } from 'vitest';
import { memorySource } from './memorysource.ts';
import { readTiff } from '../geospatial/formats/directories.ts';
import { validateCog } from '../geospatial/validate/cog.ts';
import { bases, change, cog, placeOf } from './cogfile.ts';
import { type TestField, tiffFile } from './tifffile.ts';

vi.setConfig({ testTimeout: 60_000 });

const judge = (bytes: Uint8Array) => validateCog(memorySource(bytes), 'x.tif');

test('tiles outside of the file, too few of them, and images without a size are told', async () => {
  const cut = await judge(bases.plain.subarray(0, bases.plain.length - 1));
  expect(cut.problems).toEqual([
    expect.stringMatching(
      /^COG: tile \(10, 4\) of the full image lies from byte \d+ to \d+, expected it within \d+ bytes$/,
    ),
  ]);
  // GDAL reads nothing behind the end of a file, and takes nothing for what it looks for.
  expect((await judge(cog.subarray(0, cog.length - 4))).problems).toEqual([
    expect.stringMatching(/^COG: tile \(2, 1\) of the full image is not followed by its last 4 bytes/),
  ]);
  const far = await change(bases.plain, (view, [first]) => {
    for (let i = 0; i < 30; i++) view.setUint32(placeOf(first!, 324, i), 0xffff_ff00, true);
  });
  const { problems } = await judge(far);
  expect(problems).toHaveLength(11);
  expect(problems.at(-1)).toBe('COG: and more of the kind');
  for (const [tag, value] of [
    [256, 0],
    [256, 65_000],
    [322, 0],
    [322, 1],
    [277, 0],
  ] as const) {
    const broken = await change(bases.plain, (view, [first]) =>
      view.setUint16(first!.fields.get(tag)!.at, value, true),
    );
    expect((await judge(broken)).problems, `${tag} ${value}`).toEqual([
      expect.stringMatching(
        /^GeoTIFF: directory at byte 8 of x\.tif has .*, expected .*; get the file again$/,
      ),
    ]);
  }
});

test('many tiles that lie on one another end in bounded time', async () => {
  const tiles = 2 ** 19;
  const side = 16 * Math.sqrt(tiles / 2);
  const head = (at: number): TestField[] => [
    { tag: 256, type: 4, values: [side * 2] },
    { tag: 257, type: 4, values: [side] },
    { tag: 258, type: 3, values: [8] },
    { tag: 322, type: 3, values: [16] },
    { tag: 323, type: 3, values: [16] },
    { tag: 324, type: 4, values: [at] },
    { tag: 325, type: 4, values: [at] },
  ];
  // Offsets and sizes are one list; both count as many values as there are tiles.
  const start = 4096;
  const file = new Uint8Array(start + 4 * tiles);
  file.set(tiffFile([head(start)]));
  const view = new DataView(file.buffer);
  const ghost = 'BLOCK_LEADER=SIZE_AS_UINT4 BLOCK_TRAILER=LAST_4_BYTES_REPEATED BLOCK_ORDER=ROW_MAJOR';
  const directory = tiffFile([head(start)]).subarray(8);
  const area = `GDAL_STRUCTURAL_METADATA_SIZE=${String(ghost.length).padStart(6, '0')} bytes\n${ghost}`;
  const at = 8 + area.length + (area.length & 1);
  file.fill(0, 8, start);
  file.set(new TextEncoder().encode(area), 8);
  file.set(directory, at);
  view.setUint32(4, at, true);
  for (const i of [5, 6]) view.setUint32(at + 2 + 12 * i + 4, tiles, true);
  for (let i = 0; i < tiles; i++) view.setUint32(start + 4 * i, 8 + ((i * 7919) % (file.length / 4)), true);
  const { problems } = await judge(file);
  expect(problems.length).toBeGreaterThan(20);
  expect(problems.length).toBeLessThan(40);
});

/** Numbers of a seed, from 0 to below 1 (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One line a problem, whatever the file. */
async function mustJudge(bytes: Uint8Array): Promise<number> {
  const { problems, warnings } = await judge(bytes);
  for (const line of [...problems, ...warnings]) expect(line).toMatch(/^(COG|GeoTIFF): [^\n]+$/);
  return problems.length;
}

test('500 mutations end in a verdict', async () => {
  const next = random(11);
  const files = Object.values(bases);
  const special = [0, 1, 4, 16, 255];
  let told = 0;
  for (let i = 0; i < 500; i++) {
    const file = files[i % files.length]!;
    const bytes = new Uint8Array(file);
    const { directories } = await readTiff(memorySource(file), 'x.tif');
    const reach = directories.at(-1)!.at + 600;
    for (let k = 0; k <= next() * 4; k++) {
      const at = Math.floor(next() * Math.min(bytes.length, reach));
      bytes[at] = next() < 0.5 ? special[Math.floor(next() * special.length)]! : Math.floor(next() * 256);
    }
    if ((await mustJudge(bytes)) > 0) told++;
  }
  expect(told).toBeGreaterThan(200);
});

test.each(Object.keys(bases))('%s cut at every border of its directories is no valid COG', async (name) => {
  const file = bases[name as keyof typeof bases]!;
  const { directories, big } = await readTiff(memorySource(file), 'x.tif');
  const [head, entry, offset] = big ? [8, 20, 8] : [2, 12, 4];
  const edges = new Set<number>([0, 4, 8, 16]);
  for (const { at, fields } of directories) {
    edges.add(at).add(at + head);
    for (let i = 0; i <= fields.size; i++) edges.add(at + head + i * entry);
    edges.add(at + head + fields.size * entry + offset);
    for (const field of fields.values()) edges.add(field.at);
  }
  for (const edge of edges)
    for (const length of [edge - 1, edge, edge + 1])
      if (length >= 0) expect(await mustJudge(file.subarray(0, length)), `${length}`).toBeGreaterThan(0);
});
