/** Law 4 for functions: the cases of all jobs, with inputs and store in S3, give the bytes of inline. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../../core/job.ts';
import { bucketStore } from '../../infra/aws/store.ts';
import { catalog } from '../../pipelines/catalog.ts';
import { functions } from '../../pipelines/functions.ts';
import { describe as describeUri } from '../../pipelines/storage.ts';
import * as laws from '../laws.ts';
import { makeSubjects } from '../subjects.ts';
import { cloud } from './site.ts';
import { startStand, type Stand } from './stand.ts';

const site = cloud();
const { subjects, remove } = site ? await makeSubjects() : { subjects: [], remove: async () => {} };
// One case of every third job in the short form.
const first = subjects.filter(
  ({ stage }, i) => subjects.findIndex((other) => other.stage.job === stage.job) === i,
);
const tried = site?.long ? subjects : first.filter((_, i) => i % 3 === 0);
afterAll(remove);

describe.skipIf(!site)('functions', () => {
  let stand: Stand;
  const kept = { ...process.env };
  beforeAll(async () => {
    stand = await startStand(site!, { ladder: [512, 1024] });
    Object.assign(process.env, stand.env);
  });
  afterAll(async () => {
    await stand?.stop();
    process.env = kept;
  });

  /** The same input in the bucket, with what lies beside it. */
  async function moved(dataset: Dataset): Promise<Dataset> {
    for (const beside of ['bai', 'fai'])
      if (existsSync(`${dataset.uri}.${beside}`)) await stand.put(`${dataset.uri}.${beside}`);
    return describeUri(await stand.put(dataset.uri));
  }

  test.each(tried.map((subject) => [subject.name, subject] as const))('law 4: %s', async (_name, subject) => {
    const inputs = Object.fromEntries(
      await Promise.all(
        Object.entries(subject.stage.inputs).map(
          async ([name, all]) => [name, await Promise.all(all.map(moved))] as const,
        ),
      ),
    );
    const uri = `s3://${stand.bucket}/laws-${subjects.indexOf(subject)}`;
    const store = bucketStore(uri);
    const deployment = {
      stack: 'servermix',
      region: stand.ceph.region,
      bucket: stand.bucket,
      ladder: [512, 1024],
    };
    const backend = functions(deployment, { workers: 4, pack: 4 }, store, uri, 'laws');
    try {
      await laws.backendEquivalence(
        { ...subject, stage: { ...subject.stage, inputs } },
        catalog,
        backend,
        store,
      );
    } finally {
      await backend.close();
    }
    expect(stand.lambda.counts.invocations).toBeGreaterThan(0);
  });
});
