/** `npm start`: makes a small sample of each kind, runs a job of each domain on it, and says where everything lies. */
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { generators } from '../datasets/catalog.ts';
import { resolve, type Spec } from '../core/params.ts';
import type { Json } from '../core/json.ts';
import { run } from './commands/run.ts';

const folder = 'servermix-demo';

async function make(name: string, params: { readonly [name: string]: Json }): Promise<string> {
  const generator = generators.find((g) => g.name === name)!;
  const to = join(folder, name.replace('/', '-'));
  process.stderr.write(`making ${name} in ${to}\n`);
  await generator.make(to, resolve(generator.params as Spec, params), () => {});
  return to;
}

async function step(...args: string[]): Promise<void> {
  process.stderr.write(`\n$ npx servermix run ${args.join(' ')}\n`);
  await run([...args, '--store', join(folder, 'store')]);
}

try {
  const reads = await make('synthetic/reads', { mb: 1, depth: 20, seed: 1 });
  const terrain = await make('synthetic/terrain', { points: 500_000, seed: 1 });
  const results = join(folder, 'results');
  const bam = join(reads, 'reads.bam');
  await step('genomics/flagstat', '--reads', bam);
  await step('genomics/coverage', '--reads', bam, '--by', '500', '--out', join(results, 'reads'));
  await step(
    'lidar/raster',
    '--points',
    join(terrain, 'terrain.las'),
    '--cell',
    '1',
    '--out',
    join(results, 'dsm.tif'),
  );
  process.stderr.write(
    `\nresults lie in ${results}: coverage per base and per 500 bases (BED), its summary, and a surface model (dsm.tif, ` +
      `a Cloud-Optimized GeoTIFF).\nRun it again: finished work is recognised. Then: npx servermix --help\n`,
  );
} catch (error) {
  process.stderr.write(`servermix: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
