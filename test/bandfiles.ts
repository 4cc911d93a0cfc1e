/** Jobs over bands by name, run on local files; and what GDAL reads in files. */
import type { AnyJob, Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import type { Layer, Scene } from '../geospatial/rasters/scenes.ts';
import { gdal } from './gdal.ts';
import { dataset, runJob } from './stage.ts';

/** A file, the band in it from 1, and what its values mean. */
export type BandFile = readonly [
  path: string,
  band?: number,
  meaning?: { readonly scale: number; readonly offset: number },
];
export type Bands = { readonly [name: string]: BandFile };
/** What a scene is beside its bands. */
export type Told = Omit<Scene, 'id' | 'layers'>;

/** Inputs and the option `scenes` of a job over scenes, as `--bands` would give them; several names of a file share it. */
export async function scenesOf(
  scenes: readonly Bands[],
  told: readonly Told[] = [],
): Promise<{ readonly bands: readonly Dataset[]; readonly scenes: readonly Scene[] }> {
  const paths = [...new Set(scenes.flatMap((bands) => Object.values(bands).map(([path]) => path)))];
  const layerOf = ([path, band = 1, meaning]: BandFile): Layer => ({
    file: paths.indexOf(path),
    band: band - 1,
    ...meaning,
  });
  return {
    bands: await Promise.all(paths.map((path) => dataset(path, 'tif'))),
    scenes: scenes.map((bands, i) => ({
      id: `scene ${i}`,
      ...told[i],
      layers: Object.fromEntries(Object.entries(bands).map(([name, file]) => [name, layerOf(file)])),
    })),
  };
}

/** What a job over scenes writes, by suffix. */
export async function runScenes(
  job: AnyJob,
  scenes: readonly Bands[],
  given: { readonly [name: string]: Json } = {},
  { split = job.split, told = [] }: { readonly split?: number; readonly told?: readonly Told[] } = {},
): Promise<Map<string, Uint8Array>> {
  const found = await scenesOf(scenes, told);
  const params = { ...given, scenes: found.scenes as unknown as Json };
  return (await runJob(job, { bands: found.bands }, params, { split })).files;
}

/** A raster as GDAL reads it; cells of each band as they are. */
export type Read = {
  readonly width: number;
  readonly height: number;
  readonly transform: readonly number[];
  readonly epsg: string | null;
  readonly types: readonly string[];
  readonly nodata: readonly (number | string | null)[];
  readonly bands: readonly Float64Array[];
};

/** Reads rasters with GDAL; a nodata value that is no number comes as `nan`. */
export function readRasters(paths: readonly string[]): Read[] {
  type Told = Omit<Read, 'bands'> & { bands: string[] };
  const all = gdal<Told[]>(
    `import base64
out = []
for path in given:
    d = gdal.Open(path)
    bands = [d.GetRasterBand(i + 1) for i in range(d.RasterCount)]
    s = d.GetSpatialRef()
    nodata = [b.GetNoDataValue() for b in bands]
    out.append(dict(width=d.RasterXSize, height=d.RasterYSize, transform=d.GetGeoTransform(),
        epsg=s and s.GetAuthorityCode(None), types=[gdal.GetDataTypeName(b.DataType) for b in bands],
        nodata=['nan' if n is not None and n != n else n for n in nodata],
        bands=[base64.b64encode(b.ReadAsArray().astype('<f8').tobytes()).decode() for b in bands]))
print(json.dumps(out))`,
    paths,
  );
  return all.map((one) => ({
    ...one,
    bands: one.bands.map((text) => {
      const bytes = Buffer.from(text, 'base64');
      return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    }),
  }));
}

/** How many cells differ, and the first of them; NaN equals NaN. */
export function differences(found: ArrayLike<number>, expected: ArrayLike<number>): string {
  if (found.length !== expected.length) return `${found.length} cells, expected ${expected.length}`;
  let [count, first] = [0, -1];
  for (let i = 0; i < found.length; i++)
    if (!Object.is(found[i]! + 0, expected[i]! + 0) && count++ === 0) first = i;
  return count === 0 ? '' : `${count} differ, cell ${first} is ${found[first]} and not ${expected[first]}`;
}
