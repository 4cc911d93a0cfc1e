/** Chunks of LAZ by our kernel: the points of laz-perf and of the LAS twin, in any order, whole or a field at a time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allFields, fields } from '../geospatial/kernels/codec.ts';
import { compare, decode, lazFiles, lidar, load, peer } from './lazcloud.ts';
import { columnsOfFile, columnsOfRecords, recordsOf } from './pointcolumns.ts';
import { isLong } from './shared.ts';

describe.skipIf(!lidar)('real files', () => {
  test('there are some', () => expect(lazFiles.length).toBeGreaterThan(23));

  // laz-perf 0.0.7 reads neither wave packets nor items of version 4 right. Of neighbours of one flight one will do.
  const others = isLong ? /pdrf(4|10|7-v4)-/ : /pdrf(4|10|7-v4)-|bcts_2|lone-star\.laz/;
  test.each(lazFiles.filter((name) => !others.test(name)))(
    '%s holds what laz-perf finds in it',
    async (path) => {
      const cloud = await load(path);
      const { pdrf, recordLength } = cloud.las;
      compare(await columnsOfFile(cloud.bytes), columnsOfRecords(peer(cloud), pdrf, recordLength));
    },
  );

  const twins = lazFiles.filter(
    (path) => path.startsWith('formats/') && !/1_4_w|32-1|several|-1.0/.test(path),
  );
  test.each(twins)('%s holds the points of its LAS twin, which is read alike', async (path) => {
    const twin = readFileSync(join(lidar!, path.replace('.laz', '.las')));
    const { records, pdrf, recordLength } = await recordsOf(twin);
    const expected = columnsOfRecords(records, pdrf, recordLength);
    compare(await columnsOfFile(readFileSync(join(lidar!, path))), expected);
    compare(await columnsOfFile(twin, allFields, 777), expected);
  });
  test('the twins are of every format that there is', () => expect(twins.length).toBeGreaterThanOrEqual(12));

  test('a field alone is what it is among all, and chunks are alike in any order', async () => {
    for (const path of [
      'formats/pdrf6-1.4.laz',
      'formats/pdrf7-v4-1.4.laz',
      'formats/pdrf8-1.4.laz',
      'formats/pdrf10-1.4.laz',
      'copc/lone-star.copc.laz',
    ]) {
      const cloud = await load(path);
      const { length } = cloud.chunks.start;
      for (let index = length - 1; index >= 0; index -= 1 + Math.floor(length / (isLong ? 5 : 2))) {
        const whole = await decode(cloud, index);
        compare(await decode(cloud, index, 0), whole, ['x', 'y', 'returns']);
        for (const [name, field] of Object.entries(fields)) {
          const columns = { class: 'classes', color: 'green' }[name] ?? name;
          compare(await decode(cloud, index, field), whole, ['x', 'y', 'returns', columns]);
        }
      }
    }
  });
});
