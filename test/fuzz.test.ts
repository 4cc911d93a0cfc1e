/** Damaged files through whole jobs: the right answer or bad input in one line, never another answer, a crash or a hang. Seeded; `npm run test:fuzz` for more. */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { BadInput, BadUsage, TaskError } from '../core/errors.ts';
import { resolve, type Spec } from '../core/params.ts';
import { random, type Random } from '../datasets/random.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe as describeUri } from '../pipelines/storage.ts';
import { filesOf, hostOf, sameFiles, type Files } from './laws.ts';
import { ground } from '../geospatial/jobs/ground.ts';
import { index as makeIndex } from '../geospatial/jobs/index.ts';
import { bgzfOf } from './alignments.ts';
import { bcfOf } from './bcffile.ts';
import { onlyFile } from './cloudjobs.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { randomSam } from './sam.ts';
import { isLong, shared } from './shared.ts';
import { generate } from './generate.ts';

const rounds = isLong ? 4000 : 60;
const folder = await mkdtemp(join(tmpdir(), 'servermix-fuzz-'));
afterAll(() => rm(folder, { recursive: true }));
await generate('synthetic/reads', folder, { mb: 0.2, depth: 1, seed: 13 });
await generate('synthetic/terrain', folder, { points: 3000, seed: 13 });

/** One of the ways in which files go bad. */
function damage(bytes: Uint8Array, chance: Random): Uint8Array {
  const out = new Uint8Array(bytes);
  const at = chance.below(out.length);
  switch (chance.below(6)) {
    case 0:
      out[at]! ^= 1 << chance.below(8);
      return out;
    case 1:
      return out.subarray(0, at);
    case 2:
      return out.fill(0, at, Math.min(out.length, at + 1 + chance.below(600)));
    case 3:
      return out.fill(255, at, Math.min(out.length, at + 1 + chance.below(8)));
    case 4: {
      // Headers are where sizes stand.
      const near = chance.below(Math.min(out.length, 600));
      new DataView(out.buffer).setUint32(Math.min(near, out.length - 4), chance.next(), true);
      return out;
    }
    default: {
      const from = chance.below(out.length);
      const length = 1 + chance.below(400);
      out.copyWithin(at, from, from + length);
      return out;
    }
  }
}

const las = readFileSync(join(folder, 'terrain.las'));
const copc = await onlyFile(makeIndex, { 'terrain.las': las });
const classified = await onlyFile(ground, { 'terrain.las': las });
const reads = readFileSync(join(folder, 'reads.bam'));
const index = readFileSync(join(folder, 'reads.bam.bai'));
const bed = new TextEncoder().encode('chr1\t10\t500\ta\nchr1\t400\t9000\tb\nchr2\t0\t77\n');
const laz = shared() && readFileSync(join(shared()!, 'data/geospatial/lidar/formats/1_4_w_evlr.laz'));

const sam = new TextEncoder().encode(`${randomSam(13).split('\n').slice(0, 200).join('\n')}\n`);
const vcf = readFileSync(join(folder, 'truth.vcf.gz'));
const bcf = bcfOf(gunzipSync(vcf).toString()).bytes;
const fasta = readFileSync(join(folder, 'reference.fa'));
const cram =
  shared() && readFileSync(join(shared()!, 'data/genomics/edge/hts-specs/cram/3.0/passed/0507_mapped.cram'));

/** Polygons over a raster, in every format that is read, and a raster in tiles, as GDAL writes them. */
const places = [...Array(30).keys()].map((i) => {
  const [x, y, side] = [500_000 + 37 * i, 4_999_900 - 29 * i, 60 + 7 * i];
  const ring = [
    [x, y],
    [x + side, y],
    [x + side, y - side],
    [x, y - side],
    [x, y],
  ];
  const geometry = { type: 'Polygon', coordinates: [ring] };
  return { type: 'Feature', properties: { id: i, name: `é ${i}` }, geometry };
});
const crs = { type: 'name', properties: { name: 'urn:ogc:def:crs:EPSG::32633' } };
const geojson = Buffer.from(JSON.stringify({ type: 'FeatureCollection', crs, features: places }));
const madeByGdal = gdalMissing ? undefined : made();
function made(): { readonly tif: Buffer; readonly polygons: readonly (readonly [string, Buffer])[] } {
  writeFileSync(join(folder, 'places.json'), geojson);
  gdal(
    `d = gdal.GetDriverByName('GTiff').Create(given + '/cells.tif', 150, 130, 2, gdal.GDT_Int16, ['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64', 'COMPRESS=LZW', 'PREDICTOR=2'])
s = osr.SpatialReference(); s.ImportFromEPSG(32633)
d.SetGeoTransform((500000, 10, 0, 5000000, 0, -10)); d.SetProjection(s.ExportToWkt())
for band in (1, 2): d.GetRasterBand(band).WriteArray(np.arange(150 * 130).reshape(130, 150) % (97 * band))
d = None
for end, driver in (('fgb', 'FlatGeobuf'), ('gpkg', 'GPKG')): gdal.VectorTranslate(given + '/places.' + end, given + '/places.json', format=driver)
print(1)`,
    folder,
  );
  const polygons = ['fgb', 'gpkg'].map((end) => [end, readFileSync(join(folder, `places.${end}`))] as const);
  return { tif: readFileSync(join(folder, 'cells.tif')), polygons };
}

/** BGZF of so many blocks, and an empty one behind the first. */
const cutInto = (bytes: Uint8Array, blocks: number): Uint8Array => {
  const cuts = Array.from({ length: blocks - 1 }, (_, i) => Math.floor(((i + 1) * bytes.length) / blocks));
  return bgzfOf(bytes, [cuts[0]!, ...cuts]).file;
};

type Target = {
  readonly name: string;
  readonly job: string;
  /** The file that is damaged, and those beside it. */
  readonly file: readonly [input: string, name: string, bytes: Uint8Array];
  readonly beside: readonly (readonly [input: string, name: string, bytes: Uint8Array])[];
  /** Another answer is no fault where the format has no checksum: only crashes and lost records are. */
  readonly checked: boolean;
};
const bam = ['reads', 'a.bam', reads] as const;
const bai = ['', 'a.bam.bai', index] as const;
const fa = ['reference', 'r.fa', fasta] as const;
const fai = ['', 'r.fa.fai', readFileSync(join(folder, 'reference.fa.fai'))] as const;
const targets: Target[] = [
  { name: 'BAM through flagstat', job: 'genomics/flagstat', file: bam, beside: [bai], checked: true },
  { name: 'BAM through coverage', job: 'genomics/coverage', file: bam, beside: [bai], checked: true },
  { name: 'BAI through flagstat', job: 'genomics/flagstat', file: bai, beside: [bam], checked: true },
  { name: 'BAI through coverage', job: 'genomics/coverage', file: bai, beside: [bam], checked: false },
  { name: 'BAM through pileup', job: 'genomics/pileup', file: bam, beside: [bai], checked: true },
  { name: 'BAI through pileup', job: 'genomics/pileup', file: bai, beside: [bam], checked: false },
  {
    name: 'BAM through variants',
    job: 'genomics/variants',
    file: bam,
    beside: [bai, fa, fai],
    checked: true,
  },
  {
    name: 'BAI through variants',
    job: 'genomics/variants',
    file: bai,
    beside: [bam, fa, fai],
    checked: false,
  },
  {
    name: 'FASTA through variants',
    job: 'genomics/variants',
    file: fa,
    beside: [bam, bai, fai],
    checked: false,
  },
  { name: 'BAM through qc', job: 'genomics/qc', file: ['reads', 'b.bam', reads], beside: [], checked: true },
  {
    name: 'BAM through index',
    job: 'genomics/index',
    file: ['file', 'b.bam', reads],
    beside: [],
    checked: true,
  },
  {
    name: 'SAM through flagstat',
    job: 'genomics/flagstat',
    file: ['reads', 'a.sam', sam],
    beside: [],
    checked: false,
  },
  { name: 'SAM through qc', job: 'genomics/qc', file: ['reads', 'a.sam', sam], beside: [], checked: false },
  {
    name: 'VCF through index',
    job: 'genomics/index',
    file: ['file', 'a.vcf.gz', vcf],
    beside: [],
    checked: true,
  },
  {
    name: 'VCF through stats',
    job: 'genomics/vcf-stats',
    file: ['variants', 'a.vcf', new Uint8Array(gunzipSync(vcf))],
    beside: [],
    checked: false,
  },
  {
    name: 'VCF through filter',
    job: 'genomics/vcf-filter',
    file: ['variants', 'a.vcf', new Uint8Array(gunzipSync(vcf))],
    beside: [],
    checked: false,
  },
  {
    name: 'VCF through table',
    job: 'genomics/vcf-table',
    file: ['variants', 'a.vcf', new Uint8Array(gunzipSync(vcf))],
    beside: [],
    checked: false,
  },
  {
    name: 'VCF through compare',
    job: 'genomics/compare',
    file: ['variants', 'a.vcf', new Uint8Array(gunzipSync(vcf))],
    beside: [['truth', 't.vcf.gz', vcf], fa, fai],
    checked: false,
  },
  {
    name: 'bgzipped VCF through stats',
    job: 'genomics/vcf-stats',
    file: ['variants', 'a.vcf.gz', vcf],
    beside: [],
    checked: true,
  },
  {
    name: 'BCF through stats',
    job: 'genomics/vcf-stats',
    file: ['variants', 'a.bcf', cutInto(bcf, 5)],
    beside: [],
    checked: true,
  },
  {
    name: 'plain BCF through filter',
    job: 'genomics/vcf-filter',
    file: ['variants', 'b.bcf', bcf],
    beside: [],
    checked: false,
  },
  {
    name: 'FASTA',
    job: 'genomics/reference',
    file: ['reference', 'a.fa', fasta],
    beside: [],
    checked: false,
  },
  {
    name: 'bgzipped FASTA',
    job: 'genomics/reference',
    file: ['reference', 'a.fa.gz', cutInto(fasta, 6)],
    beside: [],
    checked: true,
  },
  ...(cram
    ? [
        {
          name: 'CRAM',
          job: 'genomics/flagstat',
          file: ['reads', 'a.cram', cram] as const,
          beside: [],
          checked: false,
        },
      ]
    : []),
  { name: 'BED', job: 'genomics/coverage', file: ['by', 'a.bed', bed], beside: [bam, bai], checked: false },
  { name: 'LAS', job: 'lidar/raster', file: ['points', 'a.las', las], beside: [], checked: false },
  {
    name: 'COPC through stats',
    job: 'lidar/stats',
    file: ['points', 'a.copc.laz', copc],
    beside: [],
    checked: false,
  },
  {
    name: 'COPC through index',
    job: 'lidar/index',
    file: ['points', 'b.copc.laz', copc],
    beside: [],
    checked: false,
  },
  {
    name: 'LAZ through tile',
    job: 'lidar/tile',
    file: ['points', 'b.laz', copc],
    beside: [],
    checked: false,
  },
  {
    name: 'LAZ through ground',
    job: 'lidar/ground',
    file: ['points', 'c.laz', classified],
    beside: [],
    checked: false,
  },
  ...(madeByGdal
    ? [
        {
          name: 'GeoTIFF through cog',
          job: 'satellite/cog',
          file: ['raster', 'a.tif', madeByGdal.tif] as const,
          beside: [],
          checked: false,
        },
        ...[['geojson', geojson] as const, ...madeByGdal.polygons].map(([end, bytes]) => ({
          name: `${end} through zonal`,
          job: 'satellite/zonal',
          file: ['polygons', `a.${end}`, bytes] as const,
          beside: [['raster', 'r.tif', madeByGdal.tif] as const],
          checked: false,
        })),
      ]
    : []),
  ...(laz
    ? [
        {
          name: 'LAZ',
          job: 'lidar/raster',
          file: ['points', 'a.laz', laz] as const,
          beside: [],
          checked: false,
        },
      ]
    : []),
];

async function run({ job: name, file, beside }: Target, bytes: Uint8Array): Promise<Files> {
  const job = await catalog.load(name);
  const inputs: { [input: string]: [Awaited<ReturnType<typeof describeUri>>] } = {};
  for (const [input, path, content] of [...beside, [file[0], file[1], bytes] as const]) {
    writeFileSync(join(folder, path), content);
    if (input) inputs[input] = [await describeUri(join(folder, path))];
  }
  return filesOf({ job, inputs, params: resolve(job.params as Spec) }, hostOf(catalog), { split: 50_000 });
}

describe.each(targets.map((target) => [target.name, target] as const))('%s', (name, target) => {
  test(
    `${rounds} seeds`,
    async () => {
      const right = await run(target, target.file[2]);
      let refused = 0;
      for (let seed = 0; seed < rounds; seed++) {
        const bytes = damage(target.file[2], random(seed, name));
        try {
          const files = await run(target, bytes);
          if (target.checked) sameFiles(files, right, `seed ${seed}`);
        } catch (error) {
          const kind = error instanceof TaskError ? error.kind : '';
          const expected = error instanceof BadInput || error instanceof BadUsage || kind === 'bad-input';
          expect(expected, `seed ${seed}: ${(error as Error).stack}`).toBe(true);
          expect((error as Error).message).not.toContain('\n');
          refused++;
        }
      }
      expect(refused).toBeGreaterThan(rounds / 20);
    },
    isLong ? 3600e3 : 120e3,
  );
});
