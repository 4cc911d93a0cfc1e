/** Cloud-Optimized GeoTIFF: cells survive, two other readers agree, and the layout is what it promises. */
import { mkdtempSync, openSync, closeSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { fromArrayBuffer, fromFile } from 'geotiff';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Raster } from '../geospatial/formats/cog.ts';
import { encodeTile, writeCog } from '../geospatial/formats/cog.ts';
import { crsOf } from '../geospatial/formats/crs.ts';
import { tileSide } from '../geospatial/kernels/grid.ts';
import { levels } from '../geospatial/kernels/pyramid.ts';
import { halve } from '../geospatial/kernels/overview.ts';
import { gdal, gdalMissing, validateCogs } from './gdal.ts';

// Tiles by the dozen, and other programs: a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

type Cells = Float32Array | Uint32Array;
const folder = mkdtempSync(join(tmpdir(), 'cog-'));
afterAll(() => rmSync(folder, { recursive: true }));

const place = { west: 500_000, north: 4_200_000, cell: 0.5 };
const frame = {
  transform: [0.5, 0, place.west, 0, -0.5, place.north] as const,
  side: tileSide,
  bands: [{}] as Raster['bands'],
};

/** Every level of a raster, and the file. Tiles that hold nothing but nodata are left out where `sparse`. */
async function write(
  raster: Raster,
  values: Cells,
  sparse = true,
): Promise<{ file: Buffer; cells: Cells[] }> {
  const shape = levels(raster);
  const cells = [values];
  for (const { width, height } of shape.slice(0, -1))
    cells.push(halve(cells.at(-1)!, width, height, { nodata: raster.nodata }));
  const tiles = shape.map(({ width, height, columns, rows }, level) =>
    Array.from({ length: columns * rows }, (_, index) => {
      const tile = values instanceof Float32Array ? float() : new Uint32Array(tileSide ** 2);
      tile.fill(raster.nodata ?? 0);
      const [left, top] = [(index % columns) * tileSide, Math.floor(index / columns) * tileSide];
      for (let y = top; y < Math.min(height, top + tileSide); y++)
        tile.set(
          cells[level]!.subarray(y * width + left, y * width + Math.min(width, left + tileSide)),
          (y - top) * tileSide,
        );
      const empty = sparse && raster.nodata !== undefined && tile.every((v) => Object.is(v, raster.nodata));
      return empty ? new Uint8Array(0) : encodeTile(tile);
    }),
  );
  const blocks: Uint8Array[] = [];
  const sink = { write: async (bytes: Uint8Array) => void blocks.push(bytes) };
  const sizes = tiles.map((level) => Uint32Array.from(level, (tile) => tile.length));
  await writeCog(sink, raster, sizes, async (level, index) => tiles[level]![index]!);
  return { file: Buffer.concat(blocks), cells };
}
const float = (): Float32Array => new Float32Array(tileSide ** 2);

const bytesOf = (cells: Cells): Buffer => Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength);
const arrayBuffer = (file: Buffer): ArrayBuffer => new Uint8Array(file).buffer;

/** Every level as geotiff reads it. */
async function readBack(file: Buffer): Promise<Cells[]> {
  const tiff = await fromArrayBuffer(arrayBuffer(file));
  const out: Cells[] = [];
  for (let i = 0; i < (await tiff.getImageCount()); i++) {
    const image = await tiff.getImage(i);
    out.push(((await image.readRasters()) as unknown as Cells[])[0]!);
  }
  return out;
}

/** Hills with holes: seeded by place, so that no two rows are equal. */
function hills(width: number, height: number, nodata = NaN): Float32Array {
  const hole = Number.isNaN(nodata) ? -5 : 5;
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return (x * 7 + y * 3) % 97 < hole
      ? nodata
      : Math.sin(x / 30) * 40 + Math.cos(y / 17) * 25 + (i % 13) / 8;
  });
}

/** The shapes at which tiles and levels begin and end, and rasters with tiles that hold nothing. */
const rasters: { name: string; raster: Raster; values: Cells }[] = [
  ...[
    [1, 1],
    [512, 512],
    [513, 513],
    [511, 1],
    [1, 2600],
    [1025, 700],
    [4097, 600],
  ].flatMap(([width, height]) => [
    {
      name: `float-${width}x${height}`,
      raster: { ...frame, width: width!, height: height!, type: 'Float32' as const, nodata: -9999 },
      values: hills(width!, height!, -9999),
    },
    {
      name: `count-${width}x${height}`,
      raster: {
        ...frame,
        width: width!,
        height: height!,
        type: 'Uint32' as const,
        bands: [{ name: 'a <b> & "c"' }],
      },
      values: Uint32Array.from({ length: width! * height! }, (_, i) => (i * 2654435761) % 2 ** 32),
    },
  ]),
  {
    name: 'one cell of many tiles',
    raster: { ...frame, width: 2600, height: 1100, type: 'Float32', nodata: -9999 },
    values: new Float32Array(2600 * 1100).fill(-9999).fill(7.25, 2599, 2600),
  },
  {
    name: 'nothing at all',
    raster: { ...frame, width: 1300, height: 20, type: 'Float32', nodata: -9999 },
    values: new Float32Array(1300 * 20).fill(-9999),
  },
  {
    name: 'nan for nodata',
    raster: { ...frame, width: 1300, height: 20, type: 'Float32', nodata: NaN },
    values: new Float32Array(1300 * 20).fill(NaN).fill(3, 5, 700),
  },
  {
    name: 'counts, most of them zero',
    raster: { ...frame, width: 1600, height: 600, type: 'Uint32', nodata: 0 },
    values: new Uint32Array(1600 * 600).fill(9, 1500, 1590),
  },
];

describe('levels', () => {
  test.each([
    [1, 1, ['1x1']],
    [512, 512, ['512x512']],
    [513, 512, ['513x512', '257x256']],
    [1, 1025, ['1x1025', '1x513', '1x257']],
    [5000, 3, ['5000x3', '2500x2', '1250x1', '625x1', '313x1']],
  ])('%d x %d', (width, height, expected) => {
    const found = levels({ width, height });
    expect(found.map((l) => `${l.width}x${l.height}`)).toEqual(expected);
    for (const level of found)
      expect(level).toMatchObject({
        columns: Math.ceil(level.width / 512),
        rows: Math.ceil(level.height / 512),
      });
  });
  test.each([0, -1, 1.5, NaN, 2 ** 31])('refuses a width of %d', (width) => {
    expect(() => levels({ width, height: 1 })).toThrow(RangeError);
  });
});

describe('encodeTile', () => {
  test('a tile is encoded from a copy', () => {
    const tile = float().map((_, i) => i);
    expect(encodeTile(tile)).toEqual(encodeTile(tile));
    expect(tile[70_000]).toBe(70_000);
    expect(() => encodeTile(new Float32Array(5))).toThrow('tile of 5 cells, expected 262144');
  });
});

describe('writeCog', () => {
  test.each(rasters)('$name reads back in geotiff, every level', async ({ raster, values }) => {
    // For a tile left out geotiff 3.0.5 takes a nodata of NaN for 0.
    const { file, cells } = await write(raster, values, !Number.isNaN(raster.nodata));
    const found = await readBack(file);
    expect(found.length).toBe(cells.length);
    for (const [i, level] of cells.entries()) expect(bytesOf(found[i]!).equals(bytesOf(level))).toBe(true);
  });

  test('any raster reads back in geotiff', async () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 1100 }));
    const bits = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    await fc.assert(
      fc.asyncProperty(size, size, fc.boolean(), bits, async (width, height, whole, seed) => {
        const random = Uint32Array.from({ length: width * height }, (_, i) =>
          Math.imul(i ^ seed, 0x9e3779b1),
        );
        // Only finite patterns: a reader may quieten a NaN.
        const values = whole ? random : new Float32Array(random.map((n) => n & 0xbfffffff).buffer);
        const raster: Raster = { ...frame, width, height, type: whole ? 'Uint32' : 'Float32' };
        const { file, cells } = await write(raster, values);
        const found = await readBack(file);
        expect(found.map((level) => bytesOf(level).equals(bytesOf(values)) || level.length)).toEqual(
          cells.map((level, i) => i === 0 || level.length),
        );
        expect(found.every((level, i) => bytesOf(level).equals(bytesOf(cells[i]!)))).toBe(true);
      }),
      { numRuns: 6 },
    );
  });

  test.each(rasters)('$name keeps the promises of the ghost area', async ({ raster, values }) => {
    const { file } = await write(raster, values);
    const start = file.toString('latin1', 8, 8 + 183);
    expect(start).toBe(
      'GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\nLAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\n' +
        'BLOCK_LEADER=SIZE_AS_UINT4\nBLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ',
    );
    expect(file.readUInt32LE(4)).toBe(192);
    const tiff = await fromArrayBuffer(arrayBuffer(file));
    const images = await tiff.getImageCount();
    // The next byte that a tile may take, smallest level first: nothing overlaps, nothing is left between.
    let next = 0;
    for (let i = images - 1; i >= 0; i--) {
      const { fileDirectory } = await tiff.getImage(i);
      const offsets = Array.from((await fileDirectory.loadValue('TileOffsets')) as ArrayLike<number>);
      const sizes = Array.from((await fileDirectory.loadValue('TileByteCounts')) as ArrayLike<number>);
      for (const [tile, offset] of offsets.entries()) {
        const size = sizes[tile]!;
        if (size === 0) expect(offset).toBe(0);
        if (size === 0) continue;
        if (next > 0) expect(offset - 4).toBe(next);
        next = offset + size + 4;
        expect(file.readUInt32LE(offset - 4)).toBe(size);
        expect(file.subarray(offset + size, next)).toEqual(file.subarray(offset + size - 4, offset + size));
      }
    }
    if (next > 0) expect(next).toBe(file.length);
  });

  test('passes into BigTIFF beyond 4 GiB', async () => {
    // 33 x 33 tiles of 4 MiB, of which only two are real and written: the file is all holes.
    const side = 33;
    const raster: Raster = { ...frame, width: side * 512, height: side * 512, type: 'Float32', nodata: -1 };
    const real = encodeTile(float().map((_, i) => i / 4));
    const filler = new Uint8Array(1 << 22);
    const shape = levels(raster);
    const sizes = shape.map(({ columns, rows }, level) =>
      new Uint32Array(columns * rows).fill(level === 0 ? filler.length : real.length),
    );
    sizes[0]![side * side - 1] = real.length;
    const path = join(folder, 'big.tif');
    const fd = openSync(path, 'w');
    let at = 0;
    const sink = {
      write: async (bytes: Uint8Array) => {
        if (bytes.length !== filler.length + 8) writeSync(fd, bytes, 0, bytes.length, at);
        at += bytes.length;
      },
    };
    await writeCog(sink, raster, sizes, async (level, index) =>
      level > 0 || index === side * side - 1 ? real : filler,
    );
    closeSync(fd);
    expect(at).toBeGreaterThan(2 ** 32);
    const tiff = await fromFile(path);
    const image = await tiff.getImage(0);
    const last = side * 512;
    const [cells] = (await image.readRasters({
      window: [last - 512, last - 512, last, last],
    })) as unknown as [Float32Array];
    expect(cells).toEqual(float().map((_, i) => i / 4));
    expect(await tiff.getImageCount()).toBe(shape.length);
    await tiff.close();
    if (gdalMissing) return;
    const found = gdal<number[]>(
      `ds = gdal.Open(given['path']); b = ds.GetRasterBand(1)
print(json.dumps([b.ReadAsArray(given['last'] - 1, given['last'] - 1, 1, 1).tolist()[0][0], b.GetOverviewCount()]))`,
      { path, last },
    );
    expect(found).toEqual([(512 * 512 - 1) / 4, shape.length - 1]);
  });

  test('refuses what does not fit together', async () => {
    const sink = { write: async () => undefined };
    const raster: Raster = { ...frame, width: 513, height: 2, type: 'Float32' };
    const sizes = [Uint32Array.of(20, 20), Uint32Array.of(20)];
    const tile = async (): Promise<Uint8Array> => new Uint8Array(19);
    await expect(writeCog(sink, raster, sizes.slice(1), tile)).rejects.toThrow('found 1, expected 2, 1');
    await expect(writeCog(sink, raster, sizes, tile)).rejects.toThrow(
      'tile 0 of level 1 has 19 bytes, expected 20',
    );
    await expect(writeCog(sink, { ...raster, nodata: 0.1 }, sizes, tile)).rejects.toThrow('nodata 0.1');
    await expect(writeCog(sink, { ...raster, type: 'Uint32', nodata: -1 }, sizes, tile)).rejects.toThrow(
      'nodata -1',
    );
  });
});

describe.skipIf(gdalMissing)('GDAL', () => {
  type Seen = {
    transform: number[];
    nodata: number | string | null;
    description: string;
    epsg: string | null;
    area: string;
    type: string;
    levels: { size: number[]; digest: string }[];
  };
  const script = `import hashlib
out = []
for path in given:
    ds = gdal.Open(path); band = ds.GetRasterBand(1); srs = ds.GetSpatialRef(); nodata = band.GetNoDataValue()
    bands = [band] + [band.GetOverview(i) for i in range(band.GetOverviewCount())]
    out.append(dict(transform=ds.GetGeoTransform(), nodata='nan' if nodata != nodata else nodata, description=band.GetDescription(),
        epsg=srs and srs.GetAuthorityCode(None), area=ds.GetMetadataItem('AREA_OR_POINT'), type=gdal.GetDataTypeName(band.DataType),
        levels=[dict(size=[b.XSize, b.YSize], digest=hashlib.sha256(b.ReadAsArray().tobytes()).hexdigest()) for b in bands]))
print(json.dumps(out))`;

  test('reads every cell of every level, and where it lies', async () => {
    const { createHash } = await import('node:crypto');
    const { keys } = crsOf({
      keys: {
        directory: Uint16Array.of(1, 1, 0, 1, 3072, 0, 1, 3005),
        doubles: new Float64Array(),
        ascii: '',
      },
      wktBit: false,
    });
    const expected: Seen[] = [];
    const paths: string[] = [];
    for (const [i, { raster, values }] of rasters.entries()) {
      const { file, cells } = await write({ ...raster, crs: keys! }, values, i % 2 === 0);
      paths.push(join(folder, `${i}.tif`));
      writeFileSync(paths[i]!, file);
      const shape = levels(raster);
      const { nodata } = raster;
      expected.push({
        transform: [place.west, place.cell, 0, place.north, 0, -place.cell],
        nodata: nodata === undefined ? null : Number.isNaN(nodata) ? 'nan' : nodata,
        description: raster.bands[0]?.name ?? '',
        epsg: '3005',
        area: 'Area',
        type: raster.type === 'Uint32' ? 'UInt32' : 'Float32',
        levels: cells.map((level, l) => ({
          size: [shape[l]!.width, shape[l]!.height],
          digest: createHash('sha256').update(bytesOf(level)).digest('hex'),
        })),
      });
    }
    expect(gdal<Seen[]>(script, paths)).toEqual(expected);
  });

  test('finds them valid, sparse and not, without a warning', async () => {
    const paths: string[] = [];
    for (const { name, raster, values } of rasters)
      for (const sparse of [true, false]) {
        paths.push(join(folder, `${name}-${sparse}.tif`));
        writeFileSync(paths.at(-1)!, (await write(raster, values, sparse)).file);
      }
    for (const [i, verdict] of validateCogs(paths).entries()) {
      expect(verdict, paths[i]!).toContain('is a valid cloud optimized GeoTIFF');
      expect(verdict, paths[i]!).not.toMatch(/warning|error/i);
    }
  });
});
