/** The jobs and pipelines of servermix, each loaded when it is first asked for. */
import { BadUsage } from '../core/errors.ts';
import type { AnyJob, Catalog } from '../core/job.ts';
import type { Pipeline } from './pipeline.ts';

const jobs: { readonly [name: string]: () => Promise<AnyJob> } = {
  'genomics/compare': async () => (await import('../genomics/jobs/compare.ts')).compare,
  'genomics/coverage': async () => (await import('../genomics/jobs/coverage.ts')).coverage,
  'genomics/flagstat': async () => (await import('../genomics/jobs/flagstat.ts')).flagstat,
  'genomics/index': async () => (await import('../genomics/jobs/index.ts')).index,
  'genomics/matched': async () => (await import('../genomics/jobs/matched.ts')).matched,
  'genomics/pileup': async () => (await import('../genomics/jobs/pileup.ts')).pileup,
  'genomics/qc': async () => (await import('../genomics/jobs/qc.ts')).qc,
  'genomics/reference': async () => (await import('../genomics/jobs/reference.ts')).reference,
  'genomics/survey': async () => (await import('../genomics/jobs/survey.ts')).survey,
  'genomics/variants': async () => (await import('../genomics/jobs/variants.ts')).variants,
  'genomics/vcf-check': async () => (await import('../genomics/jobs/vcfcheck.ts')).vcfCheck,
  'genomics/vcf-filter': async () => (await import('../genomics/jobs/vcffilter.ts')).vcfFilter,
  'genomics/vcf-merge': async () => (await import('../genomics/jobs/vcfmerge.ts')).vcfMerge,
  'genomics/vcf-norm': async () => (await import('../genomics/jobs/vcfnorm.ts')).vcfNorm,
  'genomics/vcf-query': async () => (await import('../genomics/jobs/vcfquery.ts')).vcfQuery,
  'genomics/vcf-stats': async () => (await import('../genomics/jobs/vcfstats.ts')).vcfStats,
  'genomics/vcf-table': async () => (await import('../genomics/jobs/vcftable.ts')).vcfTable,
  'lidar/catalog': async () => (await import('../geospatial/jobs/catalog.ts')).catalog,
  'lidar/classify': async () => (await import('../geospatial/jobs/classify.ts')).classify,
  'lidar/crown': async () => (await import('../geospatial/jobs/crown.ts')).crown,
  'lidar/distant': async () => (await import('../geospatial/jobs/distant.ts')).distant,
  'lidar/earth': async () => (await import('../geospatial/jobs/earth.ts')).earth,
  'lidar/extract': async () => (await import('../geospatial/jobs/extract.ts')).extract,
  'lidar/ground': async () => (await import('../geospatial/jobs/ground.ts')).ground,
  'lidar/index': async () => (await import('../geospatial/jobs/index.ts')).index,
  'lidar/info': async () => (await import('../geospatial/jobs/info.ts')).info,
  'lidar/lowest': async () => (await import('../geospatial/jobs/lowest.ts')).lowest,
  'lidar/mosaic': async () => (await import('../geospatial/jobs/mosaic.ts')).mosaic,
  'lidar/nodes': async () => (await import('../geospatial/jobs/nodes.ts')).nodes,
  'lidar/outliers': async () => (await import('../geospatial/jobs/outliers.ts')).outliers,
  'lidar/raster': async () => (await import('../geospatial/jobs/raster.ts')).raster,
  'lidar/sorted': async () => (await import('../geospatial/jobs/sorted.ts')).sorted,
  'lidar/spread': async () => (await import('../geospatial/jobs/spread.ts')).spread,
  'lidar/stats': async () => (await import('../geospatial/jobs/stats.ts')).stats,
  'lidar/tile': async () => (await import('../geospatial/jobs/tile.ts')).tile,
  'lidar/tiles': async () => (await import('../geospatial/jobs/tiles.ts')).tiles,
  'satellite/catalog': async () => (await import('../geospatial/jobs/imagecatalog.ts')).imageCatalog,
  'satellite/classes': async () => (await import('../geospatial/jobs/classes.ts')).classes,
  'satellite/cog': async () => (await import('../geospatial/jobs/cog.ts')).cog,
  'satellite/composite': async () => (await import('../geospatial/jobs/composite.ts')).composite,
  'satellite/fetch': async () => (await import('../geospatial/jobs/fetch.ts')).fetch,
  'satellite/index': async () => (await import('../geospatial/jobs/bandindex.ts')).bandIndex,
  'satellite/interpolate': async () => (await import('../geospatial/jobs/interpolate.ts')).interpolate,
  'satellite/kmeans': async () => (await import('../geospatial/jobs/kmeans.ts')).kmeans,
  'satellite/landcover': async () => (await import('../geospatial/jobs/landcover.ts')).landcover,
  'satellite/mosaic': async () => (await import('../geospatial/jobs/mosaicking.ts')).mosaicking,
  'satellite/tiles': async () => (await import('../geospatial/jobs/webtiles.ts')).webTiles,
  'satellite/warp': async () => (await import('../geospatial/jobs/warp.ts')).warp,
  'satellite/zonal': async () => (await import('../geospatial/jobs/zonal.ts')).zonal,
  'terrain/contours': async () => (await import('../geospatial/jobs/contours.ts')).contours,
  'terrain/relief': async () => (await import('../geospatial/jobs/relief.ts')).relief,
};
/** Second halves of other jobs: workers run them, people do not call them. */
const inner = new Set([
  'genomics/matched',
  'genomics/survey',
  'lidar/classify',
  'lidar/crown',
  'lidar/distant',
  'lidar/earth',
  'lidar/lowest',
  'lidar/mosaic',
  'lidar/nodes',
  'lidar/outliers',
  'lidar/sorted',
  'lidar/spread',
  'lidar/tiles',
  'satellite/classes',
  'satellite/fetch',
  'satellite/kmeans',
]);

/** They run jobs in turn, from a terminal; no worker knows of them. */
const pipelines: { readonly [name: string]: () => Promise<Pipeline> } = {
  'pipelines/biomass': async () => (await import('./ready/biomass.ts')).biomass,
  'pipelines/germline': async () => (await import('./ready/germline.ts')).germline,
  'pipelines/qc': async () => (await import('./ready/qc.ts')).qc,
  'pipelines/terrain': async () => (await import('./ready/terrain.ts')).terrain,
  'pipelines/vegetation': async () => (await import('./ready/vegetation.ts')).vegetation,
  'pipelines/water': async () => (await import('./ready/water.ts')).water,
};

export const catalog: Catalog = {
  names: Object.keys(jobs).filter((name) => !inner.has(name)),
  async load(name) {
    const load = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
    if (!load) throw new BadUsage(`no job ${name}, expected one of ${names.join(', ')}; see servermix list`);
    return load();
  },
};

/** What people can call: jobs, then pipelines. */
export const names: readonly string[] = [...catalog.names, ...Object.keys(pipelines)];

/** @throws BadUsage for a name that is not there */
export const loadNamed = (name: string): Promise<AnyJob | Pipeline> =>
  Object.hasOwn(pipelines, name) ? pipelines[name]!() : catalog.load(name);
