/** The five laws as tests, for the cases of some jobs: several files share them, so that no one of them is what all wait for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { processes } from '../core/backends/processes.ts';
import { threads } from '../core/backends/threads.ts';
import { execute } from '../core/engine.ts';
import { folderStore } from '../core/stores/folder.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { catalog } from '../pipelines/catalog.ts';
import { entry } from '../pipelines/worker.ts';
import * as laws from './laws.ts';
import { makeSubjects } from './subjects.ts';

/** Tests of the jobs whose names `isWanted` takes. */
export async function testLaws(isWanted: (job: string) => boolean): Promise<void> {
  const { subjects: all, remove } = await makeSubjects();
  const wanted = all.filter(({ stage }) => isWanted(stage.job.name));
  const jobs = new Set<string>();
  /** The first cases of jobs go through all splits, backends, stops and failures; the others show that their options change nothing of it. */
  const firsts = new Set<string>();
  const subjects = wanted.map((subject): laws.Subject => {
    const isNew = !jobs.has(subject.stage.job.name);
    jobs.add(subject.stage.job.name);
    if (isNew) firsts.add(subject.name);
    const { splits } = subject;
    return isNew || splits.length < 5 ? subject : { ...subject, splits: splits.slice(0, -1) };
  });
  const isFirst = ({ name }: laws.Subject): boolean => firsts.has(name);
  const folder = await mkdtemp(join(tmpdir(), 'servermix-laws-'));
  // Warm workers for all cases, as for the jobs of a pipeline: keys keep the cases apart.
  const onThreads = threads({ entry, count: 2, store: folder });
  const shared = memoryStore();
  const onProcesses = processes({ entry, count: 2, store: shared });
  afterAll(async () => {
    await onThreads.close();
    await onProcesses.close();
    await remove();
    await rm(folder, { recursive: true });
  });

  test('every job has a case', () => {
    const tried = new Set(subjects.map(({ stage }) => stage.job.name));
    expect([...tried].toSorted()).toEqual(catalog.names.filter(isWanted).toSorted());
  });

  describe.each(subjects.map((subject) => [subject.name, subject] as const))('%s', (_name, subject) => {
    test('law 1: any split, same bytes', async () => {
      const parts = await laws.partitionInvariance(subject, catalog);
      const { points, reads, truth } = subject.stage.inputs;
      const scenes = subject.name.includes('landcover') ? 3 : 1;
      // Files whose cells are looked at are parts, and so are subtrees of a web map.
      if (!/satellite\/(catalog|tiles)/.test(subject.name))
        expect(parts[0]).toBe((points ?? reads)?.length ?? (truth ? 2 : scenes));
      // Whole chunks of LAZ, whole tiles, pieces of 32,768 records of LAS; without an index, blocks in which a record starts; units of a region; blocks of a small table.
      const few: [RegExp, number][] = [
        [/LAZ$/, 27],
        // Tiles of a small raster.
        [/satellite\/catalog/, 1],
        [/satellite\/(mosaic|composite)/, 4],
        // Centres, then classes.
        [/satellite\/landcover/, 4],
        [/satellite\/(?!zonal)/, 9],
        [/index|a region/, 50],
        [/variants regions/, 45],
        [/vcf-(?!check|table)/, 35],
        [/relief|info|catalog|vcf-check|vcf-table/, 1],
        [/extract/, 2],
      ];
      const fewest = few.find(([name]) => name.test(subject.name))?.[1] ?? 80;
      expect(parts.at(-1)).toBeGreaterThanOrEqual(isFirst(subject) ? fewest : fewest / 5);
    });
    test('law 2: any merge tree, same bytes', () =>
      laws.associativity(subject, catalog, isFirst(subject) ? [2, 5] : [2]));
    test('law 3: tasks survive JSON, options have no order', () => laws.serialisability(subject, catalog));
    test('law 4: threads, processes and inline agree', async () => {
      await laws.backendEquivalence(subject, catalog, onThreads, folderStore(folder));
      if (isFirst(subject)) await laws.backendEquivalence(subject, catalog, onProcesses, shared);
    });
    test('law 5: stopped and gone on with, each task ran once', async () => {
      for (const after of isFirst(subject) ? [1, 40] : [1]) await laws.resumption(subject, catalog, after);
    });
    test.runIf(isFirst(subject))('what the infrastructure does is retried, an answer is not', () =>
      laws.retryDiscipline(execute, subject.stage, catalog),
    );
  });
}
