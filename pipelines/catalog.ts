/** The jobs of servermix, each loaded when it is first asked for. */
import { BadUsage } from '../core/errors.ts';
import type { AnyJob, Catalog } from '../core/job.ts';

const jobs: { readonly [name: string]: () => Promise<AnyJob> } = {
  'genomics/coverage': async () => (await import('../genomics/jobs/coverage.ts')).coverage,
  'genomics/flagstat': async () => (await import('../genomics/jobs/flagstat.ts')).flagstat,
  'genomics/qc': async () => (await import('../genomics/jobs/qc.ts')).qc,
  'geospatial/dsm': async () => (await import('../geospatial/jobs/dsm.ts')).dsm,
  'geospatial/mosaic': async () => (await import('../geospatial/jobs/mosaic.ts')).mosaic,
};
/** Second halves of other jobs: workers run them, people do not call them. */
const inner = new Set(['geospatial/mosaic']);

export const catalog: Catalog = {
  names: Object.keys(jobs).filter((name) => !inner.has(name)),
  async load(name) {
    const load = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
    if (!load)
      throw new BadUsage(`no job ${name}, expected one of ${catalog.names.join(', ')}; see servermix list`);
    return load();
  },
};
