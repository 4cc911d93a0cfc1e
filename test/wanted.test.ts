/** genomics/qc on a region, or on the regions of a file, gives what samtools and mosdepth give of the reads there. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { qc } from '../genomics/jobs/qc.ts';
import { has, messageFrom } from './alignments.ts';
import { bare, same } from './peer.ts';
import { randomSam, referenceOf } from './sam.ts';
import { dataset, runJob } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-wanted-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const run = (tool: string, ...args: readonly string[]): string =>
  execFileSync(tool, args, { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 30 }).toString('latin1');
const samtools = (...args: readonly string[]): string => run('samtools', ...args);

async function report(
  reads: string,
  given: { [name: string]: Json },
  bed: string | undefined,
  split: number,
): Promise<Map<string, string>> {
  const inputs: { [name: string]: Dataset[] } = { reads: [await dataset(reads)] };
  if (bed) inputs['bed'] = [await dataset(bed, 'bed')];
  const { files } = await runJob(qc, inputs, given, { split });
  return new Map(
    [...files].map(([suffix, bytes]) => [
      suffix,
      Buffer.from(suffix.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1'),
    ]),
  );
}

describe.skipIf(!has('samtools') || !has('mosdepth'))('as the peers', () => {
  const reports = 'flagstat,idxstats,stats,coverage,depth,mosdepth';
  const all = at('all.bam');
  beforeAll(() => {
    writeFileSync(at('all.sam'), randomSam(3));
    writeFileSync(at('r.fa'), referenceOf(3));
    samtools('sort', '--no-PG', '-o', all, at('all.sam'));
    samtools('index', all);
  });

  /** Reports on all reads of another file. */
  const check = async (found: Map<string, string>, kept: string, split: number): Promise<void> => {
    samtools('index', kept);
    const what = `${kept} ${split}`;
    same(`${what} flagstat`, found.get('.flagstat')!, samtools('flagstat', kept));
    same(`${what} idxstats`, found.get('.idxstats')!, samtools('idxstats', kept));
    same(`${what} stats`, bare(found.get('.stats')!), bare(samtools('stats', kept)));
    run('mosdepth', join(folder, 'peer'), kept);
    const perBase = run('zcat', join(folder, 'peer.per-base.bed.gz'));
    same(`${what} per-base`, found.get('.per-base.bed.gz')!, perBase);
  };

  test.each([
    'one:20001-41000',
    // Reads reach over these edges from one unit of the genome into the next.
    'one:16390-16500',
    'one:32700-32768',
    'one:30000-32700',
    'one:49153-49153',
    'two',
    'one:59990',
    'tiny:5-80',
    'empty:10-20',
    'last:1-1',
  ])('region %s', async (region) => {
    const kept = at(`${region}.bam`);
    samtools('view', '--no-PG', '-b', '-o', kept, all, region);
    for (const split of [1e9, 3000, 1]) {
      const found = await report(all, { reports, region }, undefined, split);
      same(`${region} depth`, found.get('.depth')!, samtools('depth', '-a', '-r', region, all));
      same(`${region} coverage`, found.get('.coverage')!, samtools('coverage', '-r', region, all));
      await check(found, kept, split);
    }
  });

  test('the regions of a file', async () => {
    const bed = at('some.bed');
    writeFileSync(bed, 'one\t100\t900\none\t800\t1000\none\t40000\t40001\ntwo\t16000\t99999\nempty\t3\t9\n');
    const kept = at('some.bam');
    samtools('view', '--no-PG', '-b', '-L', bed, '-o', kept, all);
    for (const split of [1e9, 3000, 1]) {
      const found = await report(all, { reports }, bed, split);
      same('depth', found.get('.depth')!, samtools('depth', '-aa', '-b', bed, all));
      same('coverage', found.get('.coverage')!, samtools('coverage', kept));
      await check(found, kept, split);
    }
    // Reads in any order.
    const byName = at('byname.bam');
    samtools('sort', '-n', '--no-PG', '-o', byName, all);
    const loose = await report(byName, { reports: 'flagstat,idxstats' }, bed, 3000);
    same('flagstat by name', loose.get('.flagstat')!, samtools('flagstat', kept));
    same('idxstats by name', loose.get('.idxstats')!, samtools('idxstats', kept));
    expect(await messageFrom(report(all, { reports, region: 'one' }, bed, 1e9))).toMatch(/^option region: /);
    expect(await messageFrom(report(all, { reports, region: 'none:1-2' }, undefined, 1e9))).toMatch(
      /^option region: found "none:1-2", expected contig or contig:from-to/,
    );
  });
});
