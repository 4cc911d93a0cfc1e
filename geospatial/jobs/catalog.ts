/** lidar/catalog: many point clouds as one virtual cloud: a STAC item collection, which QGIS and PDAL open as a .vpc file. */
import { json } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { text } from '../../core/params.ts';
import { splitInterval } from '../../core/partition.ts';
import { readLas } from '../formats/las.ts';
import { type CloudItem, cloudItem, cloudName, itemOfCloud } from '../stac/cloud.ts';
import { itemOf, told } from '../stac/item.ts';
import { hrefsOf, uniqueIds } from '../stac/names.ts';

type Inputs = { points: readonly Dataset[] };
/** Files `[from, to)`. */
type Part = { readonly from: number; readonly to: number };

export const catalogParams = {
  base: text(
    'where the files are for who reads the catalogue: a folder or an address, ./ for its own folder; unless given, where they are now',
    './',
  ),
  datetime: text(
    'when the data were taken, of files that do not tell',
    '2024-05-17T10:00:00Z',
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  ),
};

export const catalog = define<Inputs, typeof catalogParams, Part, readonly CloudItem[]>({
  name: 'lidar/catalog',
  version: 2,
  doc: 'a virtual point cloud (.vpc, a STAC item collection) over many files, from their headers',
  examples: ["--points 'tiles/*.copc.laz' --out tiles/all.vpc --base ./"],
  inputs: { points: { doc: 'point clouds: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true } },
  params: catalogParams,
  split: 64,
  unit: 'files',
  counts: 'files',
  output: 'text',
  result: json<readonly CloudItem[]>(),

  async partition({ points }, _given, split) {
    const parts = splitInterval(points.length, Math.max(1, Math.floor(split)));
    return { parts: parts.map(({ start, end }) => ({ from: start, to: end })), records: points.length };
  },
  pace: 100,
  memory: () => 2 ** 26,

  async kernel({ from, to }, { points }, { datetime }, context) {
    const items: CloudItem[] = [];
    for (const dataset of points.slice(from, to)) {
      context.signal.throwIfAborted();
      const las = await readLas(await context.open(dataset), dataset.uri);
      items.push(await cloudItem(las, datetime));
    }
    return items;
  },

  merge: (results) => results.flat(),
  records: (items) => items.length,

  async write(items, output, { inputs: { points }, params: { base } }) {
    const uris = points.map(({ uri }) => uri);
    const ids = uniqueIds(uris.map(cloudName));
    const hrefs = hrefsOf(uris, base);
    const features = items.map((item, i) => itemOf(itemOfCloud(item, ids[i]!, hrefs[i]!)));
    const file = await output.file();
    await file.write(Buffer.from(told({ type: 'FeatureCollection', features })));
  },
});
