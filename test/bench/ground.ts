/** Prints how lidar/ground does on ISPRS's labelled samples, with one set of parameters and with those tuned to each. */
import { join } from 'node:path';
import { samplesIn, score, tunedSets } from '../groundtruth.ts';
import { shared } from '../shared.ts';

const root = shared();
if (!root) throw new Error('no folder of shared test data; set SERVERMIX_SHARED');
const folder = join(root, 'data/geospatial/lidar/isprs');
const tuned = tunedSets(folder);
const line = (name: string, cells: readonly (number | string)[]): string =>
  [name.padEnd(8), ...cells.map((c) => (typeof c === 'number' ? c.toFixed(2) : c).padStart(9))].join('');
console.log(
  line('sample', ['kappa', 'total %', 'type I', 'type II', 'tuned: k', 'total %', 'type I', 'type II']),
);
const sums = Array.from({ length: 8 }, () => 0);
const samples = samplesIn(folder);
for (const sample of samples) {
  const rows = [await score(folder, sample, {}), await score(folder, sample, tuned[sample]!)];
  const cells = rows.flatMap(({ kappa, total, first, second }) => [kappa, total, first, second]);
  for (const [i, cell] of cells.entries()) sums[i]! += cell;
  console.log(line(sample, cells));
}
console.log(
  line(
    'mean',
    sums.map((sum) => sum / samples.length),
  ),
);
