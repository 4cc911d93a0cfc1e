/** One or more cases for every job in the catalog, on generated data with objects across every seam. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Json } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe } from '../pipelines/storage.ts';
import { bgzfOf } from './alignments.ts';
import { bcfOf } from './bcffile.ts';
import { generate } from './generate.ts';
import type { AddSubject, Subject } from './laws.ts';
import { randomSam } from './sam.ts';
import { sceneSubjects } from './scenesubjects.ts';
import { shared } from './shared.ts';

/** Splits that cut `total` units into about 1, 2, 7, 31 and 97 parts. */
const splitsOf = (total: number): number[] => [1, 2, 7, 31, 97].map((n) => Math.max(1, total / n));

export type Subjects = { readonly subjects: readonly Subject[]; readonly remove: () => Promise<void> };

export async function makeSubjects(): Promise<Subjects> {
  const folder = await mkdtemp(join(tmpdir(), 'servermix-subjects-'));
  await generate('synthetic/reads', folder, { mb: 2, depth: 2, seed: 7 });
  // As many contigs as long: the reads of both are as of two lanes.
  await mkdir(join(folder, 'lane'));
  await generate('synthetic/reads', join(folder, 'lane'), { mb: 2, depth: 2, seed: 8 });
  await generate('synthetic/terrain', folder, { points: 60_000, seed: 7 });
  await generate('synthetic/cohort', join(folder, 'cohort'), { samples: 30, sites: 3000, seed: 7 });
  const reads = await describe(join(folder, 'reads.bam'));
  const lane = await describe(join(folder, 'lane/reads.bam'));
  await copyFile(join(folder, 'reads.bam'), join(folder, 'unindexed.bam'));
  const unindexed = await describe(join(folder, 'unindexed.bam'));
  const reference = await describe(join(folder, 'reference.fa'));
  const truth = await describe(join(folder, 'truth.vcf.gz'));
  const calls = await describe(await callsOf(folder));
  const cohort = await describe(join(folder, 'cohort/cohort.vcf.gz'));
  const bcf = await describe(await bcfOfCohort(folder));
  const sam = await describe(await samOf(folder));
  const points = await describe(join(folder, 'terrain.las'));
  const dem = await describe(join(folder, 'ground.tif'));
  const bed = join(folder, 'regions.bed');
  await writeFile(bed, await regionsOf(folder));
  const by = await describe(bed);
  const thin = join(folder, 'thin.bed');
  await writeFile(thin, thinned(await readFile(bed, 'utf8')));
  const sparse = await describe(thin);
  const fields = await describe(await fieldsOf(folder));
  const add: AddSubject = async (name, job, inputs, given, splits) => {
    const loaded = await catalog.load(job);
    const params = resolve(loaded.params as Spec, given);
    return { name: `${job} ${name}`, stage: { job: loaded, inputs, params }, splits };
  };
  const cover = (name: string, given: { [name: string]: Json }, files = {}): Promise<Subject> =>
    add(name, 'genomics/coverage', { reads: [reads], ...files }, given, splitsOf(reads.size));
  const check = (name: string, given: { [name: string]: Json }, files = {}): Promise<Subject> =>
    add(name, 'genomics/qc', { reads: [reads], ...files }, given, splitsOf(reads.size));
  const pile = (name: string, given: { [name: string]: Json }, files: object): Promise<Subject> =>
    add(name, 'genomics/pileup', { reads: [reads], ...files }, given, splitsOf(reads.size));
  const call = (name: string, given: { [name: string]: Json }, files: object): Promise<Subject> =>
    add(
      name,
      'genomics/variants',
      { reads: [reads], reference: [reference], ...files },
      given,
      splitsOf(reads.size),
    );
  const compose = (name: string, given: { [name: string]: Json }): Promise<Subject> =>
    add(name, 'genomics/reference', { reference: [reference] }, given, splitsOf(reference.size));
  const surface = (stat: string, cell: number): Promise<Subject> =>
    add(`${stat} ${cell}`, 'lidar/raster', { points: [points] }, { product: stat, cell }, splitsOf(60_000));
  const subjects = [
    await add('default', 'genomics/flagstat', { reads: [reads] }, {}, splitsOf(reads.size)),
    await add('without an index', 'genomics/flagstat', { reads: [unindexed] }, {}, splitsOf(reads.size)),
    await add('bai', 'genomics/index', { file: [reads] }, {}, splitsOf(reads.size)),
    await add(
      'csi',
      'genomics/index',
      { file: [reads] },
      { format: 'csi', 'min-shift': 10 },
      splitsOf(reads.size),
    ),
    await add('gzi', 'genomics/index', { file: [reads] }, { format: 'gzi' }, splitsOf(reads.size)),
    await cover('default', {}),
    await cover('windows', { by: 500, thresholds: [1, 2, 4], quantize: '0:1:3:' }),
    await cover('several', { mapq: 10 }, { reads: [reads, lane] }),
    await cover('fast', { fast: true, by: 1000, 'no-per-base': true, 'exclude-flag': 0 }),
    await cover('regions', { thresholds: [1, 3], mapq: 20 }, { by: [by] }),
    await cover('median', { median: true, quantize: '0:2:' }, { by: [by] }),
    await check('default', { reports: 'flagstat,idxstats,stats,coverage,depth,mosdepth' }),
    await check('overlaps', {
      reports: 'coverage,depth,stats',
      once: true,
      baseq: 20,
      mapq: 10,
      'exclude-flag': 0x704,
      'stats-exclude-flag': 0x400,
      'trim-quality': 20,
      'gc-bin': 3000,
    }),
    await check('several', { reports: 'coverage,depth,stats,mosdepth,flagstat' }, { reads: [reads, lane] }),
    await add(
      'a region',
      'genomics/qc',
      { reads: [reads] },
      { reports: 'coverage,depth,stats,idxstats', region: 'chr1:100-999900' },
      splitsOf(0.5 * reads.size),
    ),
    await check('where regions lie', { reports: 'depth,stats,mosdepth,flagstat' }, { bed: [by] }),
    await check('regions', { reports: 'bedcov,mosdepth,idxstats', 'no-per-base': true }, { by: [by] }),
    await add('several', 'genomics/flagstat', { reads: [sam, reads] }, {}, splitsOf(reads.size)),
    await add('text', 'genomics/flagstat', { reads: [sam] }, {}, splitsOf(sam.size)),
    await add('reports without an index', 'genomics/qc', { reads: [unindexed] }, {}, splitsOf(reads.size)),
    await pile('text', { orphans: true }, { reference: [reference] }),
    await pile('several', { 'max-depth': 3 }, { reads: [lane, reads], reference: [reference] }),
    await pile('positions', { 'max-depth': 2, 'output-mapq': true }, { positions: [by] }),
    await pile('table', { format: 'parquet' }, { positions: [sparse] }),
    await call('default', {}, {}),
    await call(
      'regions',
      { mapq: 0, 'min-qual': 0, ploidy: 1, 'max-depth': 2, region: 'chr1:100-999900' },
      { regions: [by] },
    ),
    await call('blocks', { gvcf: true }, {}),
    await compose('windows', { reports: 'index,windows,motifs', motif: 'GATC,NGG', window: 777 }),
    await compose('words', { reports: 'kmers', k: 5, canonical: true }),
    await add('cohort', 'genomics/vcf-check', { variants: [cohort] }, {}, [1]),
    await add(
      'by expression',
      'genomics/vcf-filter',
      { variants: [cohort] },
      { include: 'QUAL>500 && GT="alt"', samples: 'S00004,S00002' },
      splitsOf(cohort.size),
    ),
    await add(
      'cohorts',
      'genomics/vcf-merge',
      { variants: [cohort, calls] },
      { multiallelic: 'none' },
      splitsOf(cohort.size),
    ),
    await add(
      'calls',
      'genomics/vcf-norm',
      { variants: [calls], reference: [reference] },
      { biallelic: true },
      splitsOf(calls.size),
    ),
    await add(
      'genotypes',
      'genomics/vcf-query',
      { variants: [cohort] },
      { format: String.raw`%CHROM\t%POS[\t%SAMPLE=%GT]\n`, exclude: 'FMT/GQ<50' },
      splitsOf(cohort.size),
    ),
    await add(
      'counts',
      'genomics/vcf-table',
      { variants: [cohort] },
      { counts: true, genotypes: 'GT,AD', rows: 'genotypes' },
      [cohort.size, 1],
    ),
    await add('BCF', 'genomics/vcf-stats', { variants: [bcf] }, { samples: 'all' }, splitsOf(bcf.size)),
    await add(
      'samples',
      'genomics/vcf-stats',
      { variants: [cohort] },
      { samples: 'all' },
      splitsOf(cohort.size),
    ),
    await add(
      'alleles',
      'genomics/compare',
      { variants: [calls], truth: [truth], reference: [reference], confident: [by] },
      { files: 'roc,tp,fp,fn' },
      splitsOf(calls.size),
    ),
    await surface('max', 1),
    await surface('min', 2.5),
    await surface('mean', 1),
    await surface('count', 0.5),
    await surface('density,intensity,dsm', 2),
    await add(
      'ground',
      'lidar/raster',
      { points: [points] },
      { product: 'min', classes: [2], returns: 'last', bbox: '450010,4600010,450060,4600050' },
      splitsOf(60_000),
    ),
    await add(
      'samples',
      'lidar/raster',
      { points: [points] },
      { product: 'p95,idw,pitfree', radius: 1.5, 'above-ground': true, gap: 9 },
      splitsOf(60_000),
    ),
    await add(
      'box',
      'lidar/extract',
      { points: [points] },
      { bbox: '450010,4600010,450060,4600050', classes: [2, 5] },
      splitsOf(60_000),
    ),
    await add('default', 'lidar/catalog', { points: [points] }, { base: './' }, [1]),
    await add('default', 'lidar/ground', { points: [points] }, { window: 8 }, splitsOf(60_000)),
    await add(
      'noise',
      'lidar/ground',
      { points: [points] },
      { noise: 'elm', method: 'csf', order: 'own' },
      splitsOf(60_000),
    ),
    await add(
      'statistical',
      'lidar/ground',
      { points: [points] },
      { noise: 'statistical' },
      splitsOf(60_000),
    ),
    await add('default', 'lidar/index', { points: [points] }, {}, splitsOf(60_000)),
    await add('default', 'lidar/info', { points: [points] }, {}, [1]),
    await add('default', 'lidar/stats', { points: [points] }, {}, splitsOf(60_000)),
    ...(await sceneSubjects(folder, { dem, fields }, add)),
    await add('default', 'terrain/contours', { dem: [dem] }, { interval: 2 }, [1000, 50, 13, 4, 1]),
    await add('default', 'terrain/relief', { dem: [dem] }, { product: 'slope' }, [64, 16, 4, 1]),
    await add('default', 'lidar/tile', { points: [points] }, { length: 20 }, splitsOf(60_000)),
    await add(
      'octrees',
      'lidar/tile',
      { points: [points] },
      { length: 40, format: 'copc' },
      splitsOf(60_000),
    ),
    await add('buffer', 'lidar/tile', { points: [points] }, { length: 33, buffer: 5 }, splitsOf(60_000)),
    ...(await sharedSubjects(add)),
  ];
  return { subjects, remove: () => rm(folder, { recursive: true }) };
}

/** A hundred fields of four metres, turned a little. */
async function fieldsOf(folder: string): Promise<string> {
  const features = Array.from({ length: 100 }, (_, i) => {
    const [x, y] = [450_002 + 5 * (i % 10), 4_600_002 + 5 * Math.floor(i / 10)];
    const ring = [
      [x, y + 1],
      [x + 3, y],
      [x + 4, y + 3],
      [x + 1, y + 4],
      [x, y + 1],
    ];
    const geometry = { type: 'Polygon', coordinates: [ring] };
    return { type: 'Feature', properties: { field: i }, geometry };
  });
  const path = join(folder, 'fields.geojson');
  await writeFile(path, JSON.stringify({ type: 'FeatureCollection', features }));
  return path;
}

/** Clouds that nobody made up. */
async function sharedSubjects(add: AddSubject): Promise<Subject[]> {
  const lidar = join(shared() ?? '', 'data/geospatial/lidar');
  const files = ['bcts/bcts_1.laz', 'bcts/bcts_2.laz'].map((name) => join(lidar, name));
  if (!files.every(existsSync)) {
    console.log('skipped: laws on LAZ, no shared data');
    return [];
  }
  const points = await Promise.all(files.map((path) => describe(path)));
  return [
    await add('LAZ', 'lidar/raster', { points }, { cell: 5, product: 'mean' }, [2e6, 4e5, 1e5, 5e4]),
    await add('LAZ', 'lidar/tile', { points }, { length: 200 }, [2e6, 4e5, 1e5, 5e4]),
  ];
}

/** Reads as text. */
async function samOf(folder: string): Promise<string> {
  const path = join(folder, 'random.sam');
  await writeFile(path, randomSam(7));
  return path;
}

/** The cohort as BCF, in many blocks. */
async function bcfOfCohort(folder: string): Promise<string> {
  const path = join(folder, 'cohort.bcf');
  const { bytes } = bcfOf(
    gunzipSync(await readFile(join(folder, 'cohort/cohort.vcf.gz'))).toString('latin1'),
  );
  const step = Math.ceil(bytes.length / 90);
  const cuts = Array.from({ length: Math.floor((bytes.length - 1) / step) }, (_, i) => step * (i + 1));
  await writeFile(path, bgzfOf(bytes, cuts).file);
  return path;
}

/** Calls that miss each seventh variant, and have another genotype for each fifth. */
async function callsOf(folder: string): Promise<string> {
  const path = join(folder, 'calls.vcf');
  let record = 0;
  const lines = gunzipSync(await readFile(join(folder, 'truth.vcf.gz')))
    .toString()
    .split('\n')
    .flatMap((line) => {
      if (line === '' || line.startsWith('#')) return [line];
      record++;
      const row = line.split('\t').with(5, String(record % 70));
      if (record % 5 === 0) row[9] = '1/1';
      return record % 7 === 0 ? [] : [row.join('\t')];
    });
  await writeFile(path, lines.join('\n'));
  return path;
}

/** Regions that overlap, touch, nest and cross the edges of parts. */
async function regionsOf(folder: string): Promise<string> {
  const fai = (await readFile(join(folder, 'reference.fa.fai'), 'utf8')).trim().split('\n');
  const lines = ['# regions', 'track name=test'];
  for (const line of fai) {
    const [name, text] = line.split('\t');
    const length = Number(text);
    for (let at = 100, i = 0; at + 9000 < length; at += 4096, i++) {
      lines.push(`${name}\t${at}\t${at + 200 + 13 * i}\tregion${i}`);
      if (i % 5 === 0) lines.push(`${name}\t${at}\t${at + 9000}`);
    }
    if (length > 200_000) lines.push(`${name}\t1000\t${length - 1000}\tlong`);
  }
  return `${lines.join('\n')}\n`;
}

/** A third of the regions that are no longer than some parts: rows for a few row groups, over the edges of parts. */
const thinned = (bed: string): string =>
  bed
    .split('\n')
    .filter((line, i) => i % 3 === 0 && !line.endsWith('long'))
    .join('\n');
