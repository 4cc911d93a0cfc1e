/** lidar/index: COPC that keeps every rule, with all points, the same bytes for any cut, order and form of the files; and the validator, which sees each rule broken. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Copc, Hierarchy } from 'copc';
import { createLazPerf } from 'laz-perf';
import { describe, expect, test } from 'vitest';
import { infoOf, readHierarchy } from '../geospatial/formats/copc.ts';
import { readLas } from '../geospatial/formats/las.ts';
import { index } from '../geospatial/jobs/index.ts';
import {
  buildSubtree,
  countCells,
  hashesOf,
  subtreeByCell,
  subtreesOf,
} from '../geospatial/kernels/octree.ts';
import { validateCopc } from '../geospatial/validate/copc.ts';
import { concatenated, linesOf, onlyFile, plainRecords } from './cloudjobs.ts';
import { lasFile, patched, random, sourceOf } from './lasfile.ts';
import { lazModule } from './pointcolumns.ts';
import { shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const lidar = join(folder ?? '', 'data/geospatial/lidar');
const load = (path: string): Uint8Array => readFileSync(join(lidar, path));
const validate = (bytes: Uint8Array) => validateCopc(sourceOf(bytes), 'x.copc.laz', lazModule);

/** A cloud of clumps, in three dimensions; some places come many times. */
function clumps(count: number, seed: number): Uint8Array {
  const next = random(seed);
  const points = Array.from({ length: count }, (_, i) => {
    const clump = i % 3;
    const spread = clump === 0 ? 90 : clump === 1 ? 6 : 0.3;
    return {
      x: 40 + spread * (next() - 0.5),
      y: 20 + spread * (next() - 0.5),
      z: 10 + 0.3 * spread * next(),
    };
  });
  const bytes = lasFile(points, { minor: 4, pdrf: 6, offset: [7, 0, 0], wkt: 'LOCAL_CS["x"]' });
  const at = new DataView(bytes.buffer);
  const first = at.getUint32(96, true);
  for (let i = 0; i < count; i++) {
    at.setFloat64(first + 30 * i + 22, Math.floor(1000 * next()), true);
    at.setUint8(first + 30 * i + 14, 0x11);
  }
  at.setBigUint64(255, BigInt(count), true);
  return bytes;
}

/** All points of a COPC file by the npm package copc: x, y, z, time of each. */
async function byPeer(bytes: Uint8Array): Promise<string[]> {
  const getter = async (from: number, to: number) => bytes.slice(from, to);
  const copc = await Copc.create(getter);
  const lazPerf = await createLazPerf();
  const lines: string[] = [];
  const visit = async (page: Hierarchy.Page): Promise<void> => {
    const { nodes, pages } = await Copc.loadHierarchyPage(getter, page);
    for (const node of Object.values(nodes)) {
      if (!node || node.pointCount === 0) continue;
      const view = await Copc.loadPointDataView(getter, copc, node, { lazPerf: lazPerf as never });
      const [x, y, z, time] = ['X', 'Y', 'Z', 'GpsTime'].map((name) => view.getter(name));
      for (let i = 0; i < view.pointCount; i++)
        lines.push([x!(i).toFixed(6), y!(i).toFixed(6), z!(i).toFixed(6), time!(i)].join(' '));
    }
    for (const more of Object.values(pages)) if (more) await visit(more);
  };
  await visit(copc.info.rootHierarchyPage);
  return lines.sort();
}

const cloud = clumps(150_000, 1);
const built = onlyFile(index, { 'x.las': cloud });

test('an index holds the points, keeps every rule, and opens in the package copc', async () => {
  const bytes = await built;
  expect(await validate(bytes)).toEqual([]);
  expect(await linesOf(bytes)).toEqual(await linesOf(cloud));
  const at = new DataView(cloud.buffer);
  const first = at.getUint32(96, true);
  const expected = Array.from({ length: 150_000 }, (_, i) => {
    const p = first + 30 * i;
    const place = [0, 4, 8].map((k) => (at.getInt32(p + k, true) * 0.01 + (k === 0 ? 7 : 0)).toFixed(6));
    return [...place, at.getFloat64(p + 22, true)].join(' ');
  });
  expect(await byPeer(bytes)).toEqual(expected.sort());
  const las = await readLas(sourceOf(bytes), 'x');
  expect(las.crs.wkt).toBe('LOCAL_CS["x"]');
  const entries = await readHierarchy(sourceOf(bytes), 'x', infoOf(las)!);
  expect(Math.max(...entries.map(({ key }) => key[0]))).toBeGreaterThan(2);
});

test('no cut, no order of points and no number of files shows', async () => {
  const expected = await built;
  for (const cut of [
    { split: 4000, later: 5000 },
    { split: 30_000, later: 1e9, arity: 2 },
  ])
    expect(Buffer.compare(await onlyFile(index, { 'x.las': cloud }, {}, cut), expected)).toBe(0);
  const first = new DataView(cloud.buffer).getUint32(96, true);
  const next = random(4);
  const order = Array.from({ length: 150_000 }, (_, i) => ({ i, at: next() })).sort((a, b) => a.at - b.at);
  const records = order.map(({ i }) => cloud.subarray(first + 30 * i, first + 30 * (i + 1)));
  expect(
    Buffer.compare(await onlyFile(index, { 'y.las': await concatenated([cloud], records) }), expected),
  ).toBe(0);
  const halves = await Promise.all(
    [records.slice(0, 70_000), records.slice(70_000)].map((half) => concatenated([cloud], half)),
  );
  expect(Buffer.compare(await onlyFile(index, { 'a.las': halves[0]!, 'b.las': halves[1]! }), expected)).toBe(
    0,
  );
  // What was written is an input, too.
  expect(Buffer.compare(await onlyFile(index, { 'x.copc.laz': expected }), expected)).toBe(0);
});

test('points that lie in one place are one node, and one point is a file', async () => {
  for (const count of [1, 2, 60_000]) {
    const bytes = lasFile(
      Array.from({ length: count }, () => ({ x: 5, y: 5, z: 5 })),
      { minor: 4, pdrf: 7 },
    );
    const found = await onlyFile(index, { 'x.las': bytes });
    expect(await validate(found)).toEqual([]);
    const las = await readLas(sourceOf(found), 'x');
    expect((await readHierarchy(sourceOf(found), 'x', infoOf(las)!)).map(({ points }) => points)).toEqual([
      count,
    ]);
  }
});

test('subtrees apart give the nodes that one tree gives to the nodes above them', () => {
  const next = random(6);
  const count = 30_000;
  const places = { x: new Uint32Array(count), y: new Uint32Array(count), z: new Uint32Array(count) };
  for (const axis of Object.values(places))
    for (let i = 0; i < count; i++) axis[i] = Math.floor(next() ** 2 * 2 ** 20);
  const { x, y, z } = places;
  const hashes = hashesOf({ count, x, y, z } as never);
  const side = 64;
  const cellOf = (i: number): number => ((z[i]! >> 14) * side + (y[i]! >> 14)) * side + (x[i]! >> 14);
  const counts = new Float64Array(countCells);
  for (let i = 0; i < count; i++) counts[cellOf(i)]!++;
  const roots = subtreesOf(counts, 4000);
  expect(roots.length).toBeGreaterThan(10);
  const byCell = subtreeByCell(roots);
  const nodes = new Map<string, number[]>();
  for (const [number, root] of roots.entries()) {
    const mine = Array.from({ length: count }, (_, i) => i).filter((i) => byCell[cellOf(i)] === number);
    const pick = (column: Uint32Array) => Uint32Array.from(mine, (i) => column[i]!);
    buildSubtree(root, { x: pick(x), y: pick(y), z: pick(z) }, pick(hashes), (key, ranks) => {
      const name = key.join('-');
      nodes.set(name, [...(nodes.get(name) ?? []), ...Array.from(ranks, (r) => mine[r]!)]);
    });
  }
  const seen = [...nodes.values()].flat();
  expect(seen.length).toBe(count);
  expect(new Set(seen).size).toBe(count);
  // A node above the subtrees has one point a voxel, the one of the least hash among those that no node above has.
  const root = nodes.get('0-0-0-0')!;
  const least = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const voxel = ((z[i]! >> 13) * 128 + (y[i]! >> 13)) * 128 + (x[i]! >> 13);
    const best = least.get(voxel);
    if (best === undefined || hashes[i]! < hashes[best]!) least.set(voxel, i);
  }
  expect(root.toSorted((a, b) => a - b)).toEqual([...least.values()].toSorted((a, b) => a - b));
});

describe('the validator sees', () => {
  const plant = async (change: (at: DataView, bytes: Uint8Array) => void): Promise<string[]> => {
    const bytes = new Uint8Array(await built);
    change(new DataView(bytes.buffer), bytes);
    return validate(bytes);
  };
  const page = (at: DataView): number => Number(at.getBigUint64(429 + 40, true));
  test.each<[string, (at: DataView, bytes: Uint8Array) => void, RegExp]>([
    ['another version', (at) => at.setUint8(25, 3), /LAS 1.3, expected 1.4|extended record|header/],
    ['another point format', (at) => at.setUint8(104, 0x80 | 7), /records of 30 bytes|items|point format/],
    ['another first record', (at) => at.setUint8(377, 0x43), /first record is "Copc" 1, expected "copc" 1/],
    ['a reserved number that is used', (at) => at.setUint8(429 + 72 + 8 * 3, 1), /reserved number 3/],
    ['a cube of no size', (at) => at.setFloat64(429 + 24, 0, true), /cube of half size 0/],
    ['a cube elsewhere', (at) => at.setFloat64(429, 1e6, true), /points of node .* lie outside of it/],
    ['no spacing', (at) => at.setFloat64(429 + 32, 0, true), /spacing 0/],
    [
      'a page of no whole entries',
      (at) => at.setBigUint64(429 + 48, 33n, true),
      /page of 33 bytes, expected a multiple of 32/,
    ],
    [
      'a page beyond the end',
      (at) => at.setBigUint64(429 + 40, 2n ** 40n, true),
      /root page from byte 1099511627776/,
    ],
    [
      'a node outside of the octree',
      (at) => at.setInt32(page(at) + 32 + 4, 9, true),
      /outside of the octree/,
    ],
    ['a node without a parent', (at) => at.setInt32(page(at), 1, true), /has no parent 0-0-0-0/],
    [
      'a node twice',
      (at, bytes) => bytes.copyWithin(page(at) + 64, page(at) + 32, page(at) + 48),
      /comes twice/,
    ],
    [
      'a chunk elsewhere',
      (at) => at.setBigUint64(page(at) + 16, 1000n, true),
      /is no chunk of the chunk table/,
    ],
    [
      'a chunk beyond the end',
      (at) => at.setBigUint64(page(at) + 16, 2n ** 40n, true),
      /lies from byte 1099511627776/,
    ],
    [
      'a chunk of another size',
      (at) => at.setInt32(page(at) + 24, 77, true),
      /is no chunk of the chunk table/,
    ],
    [
      'another number of points',
      (at) => at.setInt32(page(at) + 28, 5, true),
      /is no chunk of the chunk table|nodes of \d+ points/,
    ],
    [
      'a node without points that has bytes',
      (at) => at.setInt32(page(at) + 28, 0, true),
      /has no points in \d+ bytes/,
    ],
    [
      'nodes swapped',
      (at, bytes) => swap(bytes, page(at) + 32 + 16, page(at) + 64 + 16, 16),
      /lie outside of it/,
    ],
    ['bounds that are wider', (at) => at.setFloat64(179, 1e3, true), /header has x from .* to 1000/],
    [
      'times that are others',
      (at) => at.setFloat64(429 + 64, 2e3, true),
      /GPS times from 0 to 2000, points from 0 to 999/,
    ],
    ['returns miscounted', (at) => at.setBigUint64(255 + 8, 3n, true), /3 points of return 2, found 0/],
    ['points miscounted', (at) => at.setBigUint64(247, 3n, true), /expected 3 as in the header/],
    [
      'a damaged chunk',
      (at, bytes) =>
        bytes.fill(
          0,
          Number(at.getBigUint64(page(at) + 16, true)) + 40,
          Number(at.getBigUint64(page(at) + 16, true)) + 60,
        ),
      /chunk 0|bounds|layers|from/,
    ],
  ])('%s', async (_what, change, message) => {
    const problems = await plant(change);
    expect(problems.join('\n')).toMatch(message);
    for (const problem of problems) expect(problem).not.toContain('\n');
  });
  test('a chunk size in the LASzip record', async () => {
    const bytes = new Uint8Array(await built);
    const record = (await readLas(sourceOf(bytes), 'x')).laszip!.record;
    const at = Buffer.from(bytes).indexOf(record) + 12;
    const changed = patched(bytes, (to) => to.setUint32(at, 50_000, true));
    expect((await validate(changed)).join('\n')).toMatch(/chunk size 50000 in the LASzip record/);
  });
  test('a file cut off anywhere', async () => {
    const bytes = await built;
    for (const end of [10, 375, 700, bytes.length >> 1, bytes.length - 1])
      expect((await validate(bytes.slice(0, end))).length, `${end}`).toBeGreaterThan(0);
  });
});

const swap = (bytes: Uint8Array, a: number, b: number, length: number): void => {
  const first = bytes.slice(a, a + length);
  bytes.copyWithin(a, b, b + length);
  bytes.set(first, b);
};

describe.skipIf(!folder)('real clouds', () => {
  const all = folder
    ? (readdirSync(lidar, { recursive: true }) as string[])
        .filter(
          (name) =>
            /\.la[sz]$/.test(name) &&
            !/pdrf(4|10)-|corrupt|bcts|several|AHN3|lone-star.laz|\.las$/.test(name),
        )
        .toSorted()
    : [];
  test('there are some', () => expect(all.length).toBeGreaterThan(15));
  test.each(all)('%s: the index has its points and keeps the rules', async (path) => {
    const bytes = load(path);
    const found = await onlyFile(index, { [path]: bytes });
    expect(await validate(found)).toEqual([]);
    expect(await linesOf(found)).toEqual(await linesOf(bytes));
  });
  test.each([
    'copc/lone-star.copc.laz',
    'copc/simple_with_page.copc.laz',
    'copc/autzen_clip_native.copc.laz',
    'copc/rlas-example.copc.laz',
  ])('%s, which another program wrote, breaks no rule but those that are known', async (path) => {
    const problems = await validate(load(path));
    console.warn(`${path}: ${problems.join('; ') || 'valid'}`);
    for (const problem of problems)
      expect(problem).toMatch(/^COPC: (chunk size 0|header has|info record has|\d+ of \d+ points|\d+ nodes)/);
  });
  test('two files, one of both, and the COPC of these give the same', async () => {
    const [a, b] = ['bcts/bcts_1.laz', 'bcts/bcts_2.laz'].map(load) as [Uint8Array, Uint8Array];
    const whole = await concatenated([a, b], await Promise.all([a, b].map(plainRecords)));
    const one = await onlyFile(index, { 'ab.las': whole });
    expect(
      Buffer.compare(await onlyFile(index, { 'a.laz': a, 'b.laz': b }, {}, { split: 2e5, later: 1e5 }), one),
    ).toBe(0);
    expect(Buffer.compare(await onlyFile(index, { 'ab.copc.laz': one }), one)).toBe(0);
  }, 60_000);
});
