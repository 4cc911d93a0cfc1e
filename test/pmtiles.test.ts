/** PMTiles: the package pmtiles finds every tile that was written and none besides, and the layout is what the header promises. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type Entry, PMTiles, ResolvedValueCache, tileIdToZxy, zxyToTileId } from 'pmtiles';
import { describe, expect, test } from 'vitest';
import {
  digestOf,
  digestWords,
  type Tileset,
  type TileTable,
  writePmtiles,
} from '../geospatial/formats/pmtiles.ts';
import { deepestZoom, descendantsOf, tileId, tileOf, zoomOfId } from '../geospatial/kernels/hilbert.ts';
import { shared } from './shared.ts';

const tileset: Tileset = {
  type: 'png',
  west: -9.5,
  south: 38.123_456_7,
  east: -9,
  north: 39,
  metadata: { name: 'Lisbon', attribution: 'none' },
};

type Tile = { readonly id: number; readonly bytes: Uint8Array };

const tableOf = (tiles: readonly Tile[]): TileTable => {
  const digest = new Uint32Array(digestWords * tiles.length);
  for (const [i, { bytes }] of tiles.entries()) digest.set(digestOf(bytes), digestWords * i);
  return {
    id: Float64Array.from(tiles, ({ id }) => id),
    length: Uint32Array.from(tiles, ({ bytes }) => bytes.length),
    digest,
  };
};

async function write(tiles: readonly Tile[], given: Partial<Tileset> = {}, table = tableOf(tiles)) {
  const blocks: Uint8Array[] = [];
  const asked: number[] = [];
  await writePmtiles(
    { write: async (bytes) => void blocks.push(bytes) },
    { ...tileset, ...given },
    table,
    async function* (rows) {
      asked.push(...rows);
      for (const row of rows) yield tiles[row]!.bytes;
    },
  );
  return { file: Buffer.concat(blocks), asked };
}

const arrayBuffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

/** The file as the package reads it; `entries` are those of all its directories. */
async function open(file: Buffer) {
  const source = {
    getKey: () => 'file',
    getBytes: async (offset: number, length: number) => ({
      data: arrayBuffer(file.subarray(offset, offset + length)),
    }),
  };
  const unpack = async (bytes: ArrayBuffer, compression: number) =>
    compression === 2 ? arrayBuffer(gunzipSync(new Uint8Array(bytes))) : bytes;
  const cache = new ResolvedValueCache(100, false, unpack);
  const archive = new PMTiles(source, cache, unpack);
  const header = await archive.getHeader();
  const directory = (offset: number, length: number): Promise<Entry[]> =>
    cache.getDirectory(source, offset, length, header);
  const root = await directory(header.rootDirectoryOffset, header.rootDirectoryLength);
  const leaves = root.filter(({ runLength }) => runLength === 0);
  const entries = root.filter(({ runLength }) => runLength > 0);
  for (const { offset, length } of leaves)
    entries.push(...(await directory(header.leafDirectoryOffset + offset, length)));
  const tile = async (id: number): Promise<Buffer | undefined> => {
    const found = await archive.getZxy(...tileIdToZxy(id));
    return found && Buffer.from(found.data);
  };
  return { archive, header, leaves: leaves.length, entries, tile };
}

/** Writes, reads every tile and those beside them, and holds the header and the entries against the plain definition. */
async function roundTrip(tiles: readonly Tile[], given: Partial<Tileset> = {}) {
  const { file, asked } = await write(tiles, given);
  const opened = await open(file);
  const { header, entries, tile } = opened;
  const known = new Set(tiles.map(({ id }) => id));
  for (const { id, bytes } of tiles) {
    const found = await tile(id);
    if (!found?.equals(bytes)) expect([id, found]).toEqual([id, Buffer.from(bytes)]);
    for (const beside of [id - 1, id + 1])
      if (beside >= 0 && beside < 6e15 && !known.has(beside)) expect(await tile(beside)).toBeUndefined();
  }
  const contents = new Set(tiles.map(({ bytes }) => Buffer.from(bytes).toString('latin1')));
  const runs = tiles.filter(({ id, bytes }, i) => {
    const before = tiles[i - 1];
    return !(before && before.id + 1 === id && Buffer.compare(before.bytes, bytes) === 0);
  });
  const size = [...contents].reduce((sum, { length }) => sum + length, 0);
  expect(header).toMatchObject({
    specVersion: 3,
    rootDirectoryOffset: 127,
    jsonMetadataOffset: 127 + header.rootDirectoryLength,
    leafDirectoryOffset: header.jsonMetadataOffset + header.jsonMetadataLength,
    tileDataOffset: header.leafDirectoryOffset + header.leafDirectoryLength!,
    tileDataLength: size,
    numAddressedTiles: tiles.length,
    numTileEntries: runs.length,
    numTileContents: contents.size,
    clustered: true,
    internalCompression: 2,
    tileCompression: 1,
    minZoom: tileIdToZxy(tiles[0]!.id)[0],
    maxZoom: tileIdToZxy(tiles.at(-1)!.id)[0],
  });
  expect(header.rootDirectoryOffset + header.rootDirectoryLength).toBeLessThanOrEqual(16_384);
  expect(file.length).toBe(header.tileDataOffset + size);
  // Clustered: what is not contiguous lies further back.
  let end = 0;
  for (const { offset, length } of entries) {
    if (offset > end) expect(offset).toBe(end);
    end = Math.max(end, offset + length);
  }
  expect(entries.map(({ tileId: id }) => id)).toEqual(runs.map(({ id }) => id));
  expect(entries.reduce((sum, { runLength }) => sum + runLength, 0)).toBe(tiles.length);
  expect(asked).toEqual(asked.toSorted((a, b) => a - b));
  expect(asked.length).toBe(contents.size);
  return { ...opened, file };
}

const textTile = (id: number, text = `tile ${id}`): Tile => ({ id, bytes: new TextEncoder().encode(text) });

/** Whole numbers without a pattern (the mixing of murmur3). */
function noise(i: number): number {
  let mixed = Math.imul(i ^ (i >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

describe('numbers of tiles', () => {
  const address = fc.integer({ min: 0, max: deepestZoom }).chain((z) =>
    fc.record({
      z: fc.constant(z),
      x: fc.integer({ min: 0, max: 2 ** z - 1 }),
      y: fc.integer({ min: 0, max: 2 ** z - 1 }),
    }),
  );
  test('are those of the specification', () => {
    const given = [
      [0, 0, 0, 0],
      [1, 0, 0, 1],
      [1, 0, 1, 2],
      [1, 1, 1, 3],
      [1, 1, 0, 4],
      [2, 0, 0, 5],
      [12, 3423, 1763, 19_078_479],
    ] as const;
    for (const [z, x, y, id] of given) expect(tileId({ z, x, y })).toBe(id);
  });
  test('are those of the package pmtiles, and lead back', () => {
    fc.assert(
      fc.property(address, ({ z, x, y }) => {
        const id = tileId({ z, x, y });
        expect(id).toBe(zxyToTileId(z, x, y));
        expect(tileOf(id)).toEqual({ z, x, y });
        expect(zoomOfId(id)).toBe(z);
      }),
    );
  });
  test('of the ends of every zoom are exact', () => {
    let above = 0n;
    for (let z = 0; z <= deepestZoom; z++) {
      const last = 2 ** z - 1;
      expect(BigInt(tileId({ z, x: 0, y: 0 }))).toBe(above);
      above += 4n ** BigInt(z);
      expect(BigInt(tileId({ z, x: last, y: 0 }))).toBe(above - 1n);
    }
  });
  test('of descendants follow one another', () => {
    const below = { z: 7, x: 5 * 8, y: 11 * 8 };
    const ids = Array.from({ length: 64 }, (_, i) =>
      tileId({ z: 7, x: below.x + (i % 8), y: below.y + Math.floor(i / 8) }),
    ).toSorted((a, b) => a - b);
    expect(ids).toEqual(ids.map((_, i) => ids[0]! + i));
    expect(descendantsOf({ z: 4, x: 5, y: 11 }, 7)).toEqual({ first: ids[0], count: 64 });
    expect(descendantsOf({ z: 4, x: 5, y: 11 }, 4)).toEqual({
      first: tileId({ z: 4, x: 5, y: 11 }),
      count: 1,
    });
  });
  test.each([
    { z: 27, x: 0, y: 0 },
    { z: -1, x: 0, y: 0 },
    { z: 1.5, x: 0, y: 0 },
    { z: 3, x: 8, y: 0 },
    { z: 3, x: 0, y: -1 },
    { z: 3, x: NaN, y: 0 },
  ])('of what is no tile are refused: $z/$x/$y', (none) => {
    expect(() => tileId(none)).toThrow(RangeError);
  });
  test('beyond the last tile are refused', () => {
    const last = tileId({ z: deepestZoom, x: 2 ** deepestZoom - 1, y: 0 });
    expect(tileOf(last).z).toBe(deepestZoom);
    for (const id of [last + 1, -1, 0.5, NaN]) expect(() => tileOf(id)).toThrow(RangeError);
  });
});

describe('archives', () => {
  test('of one tile', async () => {
    const { header, archive, leaves } = await roundTrip([textTile(0)]);
    expect(leaves).toBe(0);
    expect(header).toMatchObject({
      tileType: 2,
      minLon: -9.5,
      minLat: 38.123_456_7,
      maxLon: -9,
      maxLat: 39,
      centerZoom: 0,
      centerLon: -9.25,
    });
    expect(header.centerLat).toBeCloseTo(38.561_728_35, 6);
    expect(await archive.getMetadata()).toEqual(tileset.metadata);
  });
  test('of three, of three zooms', async () => {
    const { header } = await roundTrip([textTile(4), textTile(5), textTile(90)], { type: 'webp' });
    expect(header).toMatchObject({ minZoom: 1, maxZoom: 4, centerZoom: 1, tileType: 4 });
  });
  test('of no tiles are refused, as a directory has an entry at least', async () => {
    await expect(write([])).rejects.toThrow(/^PMTiles: no tiles to write/);
  });
  test('of the deepest zoom', async () => {
    const side = 2 ** deepestZoom;
    const corners = [
      [0, 0],
      [side - 1, 0],
      [0, side - 1],
      [side - 1, side - 1],
      [side / 2, side / 2],
    ].map(([x, y]) => tileId({ z: deepestZoom, x: x!, y: y! }));
    const tiles = corners.toSorted((a, b) => a - b).map((id) => textTile(id));
    await roundTrip([textTile(0), ...tiles]);
  });
  test('with equal tiles, neighbours and others, and holes', async () => {
    const kinds = ['sea', 'land', 'ice'];
    const tiles = fc.array(
      fc.record({ gap: fc.integer({ min: 1, max: 3 }), kind: fc.integer({ min: 0, max: 5 }) }),
      { minLength: 1, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(tiles, fc.integer({ min: -1, max: 400 }), async (steps, before) => {
        let id = before;
        await roundTrip(
          steps.map(({ gap, kind }) => {
            id += gap;
            return textTile(id, kinds[kind]);
          }),
        );
      }),
      { numRuns: 40 },
    );
  });
  test('of a sea of 100,000 equal tiles have one entry a run', async () => {
    const sea = Array.from({ length: 100_000 }, (_, i) => textTile(i + (i >= 50_000 ? 7 : 0), 'sea'));
    const { file } = await write(sea);
    const { entries, tile, header } = await open(file);
    expect(entries).toMatchObject([
      { tileId: 0, offset: 0, length: 3, runLength: 50_000 },
      { tileId: 50_007, offset: 0, length: 3, runLength: 50_000 },
    ]);
    expect([header.numTileEntries, header.numTileContents, header.tileDataLength]).toEqual([2, 1, 3]);
    expect(await tile(49_999)).toEqual(Buffer.from('sea'));
    expect(await tile(50_003)).toBeUndefined();
    expect(await tile(100_006)).toEqual(Buffer.from('sea'));
    expect(await tile(100_007)).toBeUndefined();
  });
  test('of 100,000 tiles have leaves, and every tile is found', async () => {
    const length = (i: number): number => 1 + ((i * 2_654_435_761) % 97);
    const tiles = Array.from({ length: 100_000 }, (_, i) =>
      textTile(21 + i + Math.floor(i / 1000), `${i}`.padEnd(8 + length(i))),
    );
    const { leaves, file } = await roundTrip(tiles);
    expect(leaves).toBe(Math.ceil(100_000 / 4096));
    // The same bytes again.
    expect((await write(tiles)).file.equals(file)).toBe(true);
  });
  test('have no leaves as long as the root holds the entries', async () => {
    const even = Array.from({ length: 16_384 }, (_, i) => ({ id: i, bytes: Uint8Array.of(i % 256, i >> 8) }));
    expect((await roundTrip(even)).leaves).toBe(0);
    // As many entries again, but not of the same steps and lengths.
    const uneven = even.map(({ id, bytes }) => ({
      id: 300 * id + (noise(id) % 293),
      bytes: Buffer.concat([bytes, new Uint8Array(noise(id + 1e6) % 1009)]),
    }));
    expect((await roundTrip(uneven)).leaves).toBe(4);
  });
  test('do not name time and system in their gzip members', async () => {
    const { file, header } = await roundTrip(
      Array.from({ length: 20_000 }, (_, i) => textTile(3 * i, `${i}`)),
    );
    for (const at of [header.rootDirectoryOffset, header.jsonMetadataOffset, header.leafDirectoryOffset])
      expect([...file.subarray(at, at + 10)]).toEqual([31, 139, 8, 0, 0, 0, 0, 0, 2, 255]);
  });
});

describe('what is refused', () => {
  const two = [textTile(5), textTile(6)];
  const table = tableOf(two);
  const refused = async (given: Partial<TileTable>, more: Partial<Tileset> = {}): Promise<string> => {
    const error = await write(two, more, { ...table, ...given }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RangeError);
    return (error as Error).message;
  };
  test('numbers that do not ascend, or are none', async () => {
    for (const id of [
      [6, 5],
      [5, 5],
      [-1, 5],
      [5, NaN],
      [5, 5.5],
      [5, 2 ** 53],
    ])
      expect(await refused({ id: Float64Array.from(id) })).toMatch(/^tile number/);
  });
  test('empty tiles, and those of another size than promised', async () => {
    expect(await refused({ length: Uint32Array.of(6, 0) })).toMatch(/^tile 2\/\d\/\d has no bytes/);
    expect(await refused({ length: Uint32Array.of(6, 7) })).toBe('tile 2/1/0 has 6 bytes, expected 7');
  });
  test('fewer tiles, and more, than promised', async () => {
    const give = (bytes: Uint8Array[]) =>
      writePmtiles({ write: async () => {} }, tileset, table, async function* () {
        yield* bytes;
      });
    const [first, second] = two.map(({ bytes }) => bytes) as [Uint8Array, Uint8Array];
    await expect(give([first])).rejects.toThrow('1 tiles were given, expected 2');
    await expect(give([first, second, second])).rejects.toThrow('more tiles were given than 2');
    await expect(give([first, second])).resolves.toBeUndefined();
  });
  test('one digest of two lengths', async () => {
    const digest = new Uint32Array(2 * digestWords);
    expect(await refused({ digest, length: Uint32Array.of(6, 7) })).toMatch(/of one digest have 6 and 7/);
  });
  test('columns of unequal lengths', async () => {
    expect(await refused({ length: Uint32Array.of(6) })).toMatch(/^2 tiles, 1 lengths/);
    expect(await refused({ digest: new Uint32Array(2) })).toMatch(/2 words of digests/);
  });
  test('bounds off the Earth, or turned', async () => {
    for (const bounds of [{ west: -181 }, { west: 10 }, { south: 40 }, { north: 91 }, { east: NaN }])
      expect(await refused({}, bounds)).toMatch(/^bounds /);
  });
});

describe('the reference archive', () => {
  const folder = shared();
  const path =
    folder && join(folder, 'data/geospatial/satellite/pmtiles/usgs-mt-whitney-8-15-webp-512.pmtiles');
  if (!folder) console.warn('skipped: no shared data, so no reference archive of PMTiles');
  test.skipIf(!path)('of Mount Whitney, written again: the same counts, entries and tile data', async () => {
    const original = readFileSync(path!);
    const before = await open(original);
    const tiles: Tile[] = [];
    for (const { tileId: first, runLength, offset, length } of before.entries) {
      const start = before.header.tileDataOffset + offset;
      for (let i = 0; i < runLength; i++)
        tiles.push({ id: first + i, bytes: original.subarray(start, start + length) });
    }
    const { header, file, entries } = await roundTrip(tiles, { type: 'webp' });
    const counts = ['numAddressedTiles', 'numTileEntries', 'numTileContents', 'tileDataLength'] as const;
    for (const count of counts) expect([count, header[count]]).toEqual([count, before.header[count]]);
    expect(entries).toEqual(before.entries);
    expect(
      file
        .subarray(header.tileDataOffset)
        .equals(original.subarray(before.header.tileDataOffset).subarray(0, header.tileDataLength)),
    ).toBe(true);
  });
});
