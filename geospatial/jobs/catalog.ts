/** lidar/catalog: many point clouds as one virtual cloud: a STAC item collection, which QGIS and PDAL open as a .vpc file. */
import { basename } from 'node:path';
import { json } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { text } from '../../core/params.ts';
import { splitInterval } from '../../core/partition.ts';
import { infoOf } from '../formats/copc.ts';
import { readLas } from '../formats/las.ts';
import { type CloudItem, cloudItem } from '../stac/cloud.ts';
import { extensions, itemOf, plainId, told } from '../stac/item.ts';

type Inputs = { points: readonly Dataset[] };
/** Files `[from, to)`. */
type Part = { readonly from: number; readonly to: number };
type Found = CloudItem & { readonly isCopc: boolean };

const params = {
  base: text(
    'where the files are for who reads the catalogue: a folder or an address, ./ for its own folder; unless given, where they are now',
    './',
  ),
  datetime: text(
    'when the points were taken, of files whose headers have no date',
    '2024-05-17T10:00:00Z',
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  ),
};

export const catalog = define<Inputs, typeof params, Part, readonly Found[]>({
  name: 'lidar/catalog',
  version: 1,
  doc: 'a virtual point cloud (.vpc, a STAC item collection) over many files, from their headers',
  examples: ["--points 'tiles/*.copc.laz' --out tiles/all.vpc --base ./"],
  inputs: { points: { doc: 'point clouds: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true } },
  params,
  split: 64,
  unit: 'files',
  counts: 'files',
  output: 'text',
  result: json<readonly Found[]>(),

  async partition({ points }, _given, split) {
    const parts = splitInterval(points.length, Math.max(1, Math.floor(split)));
    return { parts: parts.map(({ start, end }) => ({ from: start, to: end })), records: points.length };
  },
  pace: 100,
  memory: () => 2 ** 26,

  async kernel({ from, to }, { points }, { datetime }, context) {
    const items: Found[] = [];
    for (const dataset of points.slice(from, to)) {
      context.signal.throwIfAborted();
      const las = await readLas(await context.open(dataset), dataset.uri);
      items.push({ ...(await cloudItem(las, datetime)), isCopc: infoOf(las) !== undefined });
    }
    return items;
  },

  merge: (results) => results.flat(),
  records: (items) => items.length,

  async write(items, output, { inputs: { points }, params: { base } }) {
    const ids = uniqueIds(points);
    const features = items.map(({ footprint, time, properties, isCopc }, i) => {
      const { uri } = points[i]!;
      const href = base === '' ? uri : `${base.replace(/\/?$/, '/')}${basename(uri)}`;
      const type = isCopc ? 'application/vnd.laszip+copc' : 'application/vnd.laszip';
      return itemOf({
        id: ids[i]!,
        footprint,
        time,
        properties,
        extensions: [extensions.pointcloud],
        assets: { data: { href, type, roles: ['data'] } },
      });
    });
    const file = await output.file();
    await file.write(Buffer.from(told({ type: 'FeatureCollection', features })));
  },
});

/** Names of files without their endings, numbered where several have one. */
function uniqueIds(points: readonly Dataset[]): string[] {
  const seen = new Map<string, number>();
  return points.map(({ uri }) => {
    const name = plainId(basename(uri.replace(/[?#].*$/, '')).replace(/(\.copc)?\.(las|laz)$/i, ''));
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}-${times}`;
  });
}
