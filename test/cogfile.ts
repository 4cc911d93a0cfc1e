/** Valid Cloud-Optimized GeoTIFFs of several makes, and ways to spoil them, for tests. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memorySource } from './memorysource.ts';
import { encodeTile, type Raster, writeCog } from '../geospatial/formats/cog.ts';
import { type Directory, readTiff } from '../geospatial/formats/directories.ts';
import { tileSide } from '../geospatial/kernels/grid.ts';
import { levels } from '../geospatial/kernels/pyramid.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { type TestField, tiffFile } from './tifffile.ts';

/** A COG as this project writes it: 3 x 2, 2 x 1 and 1 tiles, of which one is left out. */
async function written(): Promise<Uint8Array> {
  const raster: Raster = {
    width: 1100,
    height: 700,
    transform: [1, 0, 500_000, 0, -1, 4_200_000],
    side: tileSide,
    bands: [{}],
    type: 'Float32',
    nodata: -9999,
  };
  const tiles = levels(raster).map(({ columns, rows }, level) =>
    Array.from({ length: columns * rows }, (_, index) =>
      encodeTile(
        Float32Array.from({ length: tileSide ** 2 }, (__, i) => (i % (7 + level + index) === 0 ? i : level)),
      ),
    ),
  );
  tiles[0]![4] = new Uint8Array(0);
  const blocks: Uint8Array[] = [];
  const sizes = tiles.map((level) => Uint32Array.from(level, (tile) => tile.length));
  await writeCog(
    { write: async (bytes) => void blocks.push(bytes) },
    raster,
    sizes,
    async (level, index) => tiles[level]![index]!,
  );
  return Buffer.concat(blocks);
}

/** An image of a file: its kind is 1 for an overview. */
export type Shape = {
  readonly kind?: number;
  readonly width: number;
  readonly height: number;
  readonly strips?: boolean;
};

/** A COG without a ghost area, of 64 x 64 tiles of a byte a cell; data of the last image first unless `order` says otherwise. */
export function plain(
  shapes: readonly Shape[],
  order = shapes.map((_, i) => i).toReversed(),
  big = false,
): Uint8Array {
  const counts = shapes.map(({ width, height, strips }) =>
    strips ? Math.ceil(height / 64) : Math.ceil(width / 64) * Math.ceil(height / 64),
  );
  const bytes = shapes.map(({ width, strips }) => 64 * (strips ? width : 64));
  const build = (starts: readonly number[]) =>
    tiffFile(
      shapes.map(({ kind = 0, width, height, strips }, i): TestField[] => {
        const offsets = Array.from({ length: counts[i]! }, (_, k) => starts[i]! + k * bytes[i]!);
        const sizes = offsets.map(() => bytes[i]!);
        const short = (tag: number, value: number): TestField => ({ tag, type: 3, values: [value] });
        return [
          short(254, kind),
          short(256, width),
          short(257, height),
          short(258, 8),
          short(259, 1),
          short(262, 1),
          ...(strips ? [{ tag: 273, type: 4, values: offsets }] : []),
          short(277, 1),
          ...(strips ? [short(278, 64), { tag: 279, type: 4, values: sizes }] : []),
          ...(strips
            ? []
            : [
                short(322, 64),
                short(323, 64),
                { tag: 324, type: 4, values: offsets },
                { tag: 325, type: 4, values: sizes },
              ]),
        ];
      }),
      { big },
    );
  const starts = shapes.map(() => 0);
  let end = build(starts).length;
  for (const i of order) {
    starts[i] = end;
    end += counts[i]! * bytes[i]!;
  }
  const head = build(starts);
  return Buffer.concat([head, new Uint8Array(end - head.length)]);
}

export const full: Shape = { width: 700, height: 300 };
export const half: Shape = { kind: 1, width: 350, height: 150 };
export const quarter: Shape = { kind: 1, width: 175, height: 75 };
export const eighth: Shape = { kind: 1, width: 88, height: 38 };

/** A COG by GDAL with a mask, tiles of 128 cells. */
export const masked: Uint8Array | undefined = gdalMissing
  ? undefined
  : (() => {
      const folder = mkdtempSync(join(tmpdir(), 'masked-'));
      const path = join(folder, 'masked.tif');
      gdal(
        `np.random.seed(5)
source = gdal.GetDriverByName('MEM').Create('', 500, 300, 3)
for band in (1, 2, 3): source.GetRasterBand(band).WriteArray(np.random.randint(0, 50, (300, 500)))
source.CreateMaskBand(gdal.GMF_PER_DATASET)
source.GetRasterBand(1).GetMaskBand().WriteArray(255 * (np.random.rand(300, 500) > 0.1))
gdal.GetDriverByName('COG').CreateCopy(given, source, options=['BLOCKSIZE=128', 'COMPRESS=DEFLATE'])
print('null')`,
        path,
      );
      const bytes = readFileSync(path);
      rmSync(folder, { recursive: true });
      return bytes;
    })();

export const cog = await written();
/** By the name of who made them. */
export const bases = {
  written: cog,
  plain: plain([full, half, quarter, eighth]),
  big: plain([full, half, quarter, eighth], [3, 2, 1, 0], true),
  ...(masked && { masked }),
};

/** A changed copy of a file; `act` finds its numbers and directories. */
export async function change(
  file: Uint8Array,
  act: (view: DataView, directories: readonly Directory[], bytes: Uint8Array) => void,
): Promise<Uint8Array> {
  const { directories } = await readTiff(memorySource(file), 'x.tif');
  const bytes = new Uint8Array(file);
  act(new DataView(bytes.buffer), directories, bytes);
  return bytes;
}

/** Where value `i` of a field of LONG stands. */
export const placeOf = (directory: Directory, tag: number, i = 0): number =>
  directory.fields.get(tag)!.at + 4 * i;
