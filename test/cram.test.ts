/** What is counted of CRAM equals what samtools counts. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { flagstat } from '../genomics/jobs/flagstat.ts';
import { qc } from '../genomics/jobs/qc.ts';
import { data, has, messageFrom } from './alignments.ts';
import { samtools } from './peer.ts';
import { randomSam, referenceOf } from './sam.ts';
import { third } from './shared.ts';
import { dataset, runJob } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-cram-'));
afterAll(() => rmSync(folder, { recursive: true }));

const peer = (...args: readonly string[]): string | undefined => samtools(args);
const flagsOf = async (path: string, split: number): Promise<string> =>
  Buffer.from(
    (await runJob(flagstat, { reads: [await dataset(path)] }, {}, { split })).files.get('')!,
  ).toString();

describe.skipIf(!data || !has('samtools'))('every shared CRAM', () => {
  const all = data
    ? (readdirSync(data, { recursive: true, encoding: 'utf8' }) as string[]).filter((name) =>
        name.endsWith('.cram'),
      )
    : [];
  test('flagstat', { timeout: 120_000 }, async () => {
    let compared = 0;
    const refused: string[] = [];
    const some = third(all, 0);
    for (const name of some) {
      const path = join(data!, name);
      const expected = peer('flagstat', path);
      for (const split of [1e9, 3000]) {
        const message = await messageFrom(flagsOf(path, split));
        if (message !== undefined) {
          expect([name, message]).toEqual([name, expect.stringMatching(/^(CRAM|SAM|BAM): [^\n]+$/)]);
          if (split === 1e9)
            refused.push(`${name}${expected === undefined ? '' : ' (samtools reads it)'}: ${message}`);
        } else if (expected !== undefined) {
          expect([name, await flagsOf(path, split)]).toEqual([name, expected]);
          compared++;
        }
      }
    }
    console.log(`cram: ${compared} comparisons equal; refused:\n${refused.join('\n')}`);
    expect(compared).toBeGreaterThan(some.length);
  });
});

test.skipIf(!has('samtools'))('all versions, many containers; reports; damage', async () => {
  const [sam, fasta] = [join(folder, 'x.sam'), join(folder, 'x.fa')];
  writeFileSync(sam, randomSam(5));
  writeFileSync(fasta, referenceOf(5));
  const expected = peer('flagstat', sam)!;
  for (const version of ['2.1', '3.0', '3.1']) {
    const path = join(folder, `v${version}.cram`);
    const format = `cram,version=${version},seqs_per_slice=100,slices_per_container=3`;
    execFileSync('samtools', ['view', '--no-PG', '-T', fasta, '-O', format, '-o', path, sam], {
      stdio: 'ignore',
    });
    for (const split of [1e9, 20_000, 1])
      expect([version, await flagsOf(path, split)]).toEqual([version, expected]);
    const reads = [await dataset(path)];
    const { files } = await runJob(qc, { reads }, { reports: 'flagstat,idxstats' }, { split: 20_000 });
    expect(Buffer.from(files.get('.flagstat')!).toString()).toBe(expected);
    expect(await messageFrom(runJob(qc, { reads }, { reports: 'stats' }))).toMatch(
      /^CRAM: .*add --reference/,
    );
    const bytes = readFileSync(path);
    const cut = join(folder, 'cut.cram');
    for (const length of [10, 30, bytes.length >> 1, bytes.length - 38, bytes.length - 1]) {
      writeFileSync(cut, bytes.subarray(0, length));
      expect(await messageFrom(flagsOf(cut, 1e9))).toMatch(/^(CRAM|BAM): [^\n]+$/);
    }
  }
});
