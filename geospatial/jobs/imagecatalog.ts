/** satellite/catalog: many rasters and point clouds as STAC items: one file of all of them, or a collection with a file an item. */
import { json } from '../../core/codec.ts';
import { BadUsage } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, flag, text } from '../../core/params.ts';
import { splitInterval } from '../../core/partition.ts';
import { withHead } from '../../core/sources/head.ts';
import { openRaster } from '../formats/geotiff.ts';
import { readLas } from '../formats/las.ts';
import { statisticsOf } from '../rasters/statistics.ts';
import { type CloudItem, cloudItem, cloudName, itemOfCloud } from '../stac/cloud.ts';
import { collectionOf, itemWithin } from '../stac/collection.ts';
import { type Image, imageOf } from '../stac/image.ts';
import { type Fields, itemOf, told } from '../stac/item.ts';
import { hrefsOf, uniqueIds } from '../stac/names.ts';
import { type ImageFile, itemsOfImages } from '../stac/scenery.ts';
import { catalogParams } from './catalog.ts';

type Inputs = { readonly rasters?: readonly Dataset[]; readonly points?: readonly Dataset[] };
/** Files `[from, to)` of one input. */
type Part = { readonly of: 'rasters' | 'points'; readonly from: number; readonly to: number };
type Found = {
  readonly images: readonly (Image & { readonly isCloudOptimized: boolean })[];
  readonly clouds: readonly CloudItem[];
};

const params = {
  ...catalogParams,
  layout: choice(
    ['file', 'folder'],
    'one file of all items, or a folder with collection.json and a file an item',
  ),
  items: choice(
    ['scene', 'file'],
    'what an item is: a scene, of all files that their names make its bands (x_B03.tif, x_B04.tif, or x_green.tif, x_red.tif), or each file',
  ),
  statistics: flag('least, greatest, mean and deviation of each band, for which every cell is read'),
  collection: text(
    'what the collection of a folder is called; unless given, collection',
    'name',
    /^[\w.-]+$/,
  ),
  license: text('its licence, of the SPDX list; unless given, other', 'CC-BY-4.0', /^[\w.+-]+$/),
};

// As much as opening takes first.
const headBytes = 2 ** 14;
// Each is an open file until all are there.
const mostFiles = 4096;

export const imageCatalog = define<Inputs, typeof params, Part, Found>({
  name: 'satellite/catalog',
  version: 2,
  doc: 'STAC items of many rasters and point clouds, from their headers: an item collection, or a static catalogue',
  examples: [
    "--rasters 'scenes/*.tif' --out scenes/items.json --base ./",
    "--rasters 'dem/*.tif' --points 'tiles/*.laz' --layout folder --out catalogue",
  ],
  inputs: {
    rasters: { doc: 'rasters: GeoTIFF', formats: ['tif', 'tiff'], many: true, optional: true },
    points: { doc: 'point clouds: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true, optional: true },
  },
  params,
  split: 32,
  unit: 'files',
  counts: 'files',
  output: 'prefix',
  result: json<Found>(),

  async partition({ rasters = [], points = [] }, { statistics }, split) {
    if (rasters.length + points.length === 0)
      throw new BadUsage('satellite/catalog: found no files, expected some; give --rasters or --points');
    const size = Math.max(1, Math.floor(split));
    const parts = (of: Part['of'], count: number, each: number): Part[] =>
      splitInterval(count, each).map(({ start, end }) => ({ of, from: start, to: end }));
    // Reading every cell of a file takes as long as the headers of many.
    return {
      parts: [
        ...parts('rasters', rasters.length, statistics ? 1 : size),
        ...parts('points', points.length, size),
      ],
      records: rasters.length + points.length,
    };
  },
  pace: 100,
  memory: (_part, { statistics }) => (statistics ? 2 ** 28 : 2 ** 26),

  async kernel({ of, from, to }, inputs, { statistics, datetime }, context) {
    const images: Found['images'][number][] = [];
    const clouds: CloudItem[] = [];
    for (const dataset of inputs[of]!.slice(from, to)) {
      context.signal.throwIfAborted();
      const source = await context.open(dataset);
      if (of === 'points') clouds.push(await cloudItem(await readLas(source, dataset.uri), datetime));
      else {
        const head = await source.read(0, Math.min(source.size, headBytes));
        const raster = await openRaster(withHead(source, head), dataset.uri);
        const found = statistics ? await statisticsOf(raster, context.signal) : undefined;
        images.push({
          ...(await imageOf(raster, found)),
          isCloudOptimized: promisesLayout(head),
        });
      }
    }
    return { images, clouds };
  },

  merge: (results) => ({
    images: results.flatMap(({ images }) => images),
    clouds: results.flatMap(({ clouds }) => clouds),
  }),
  records: ({ images, clouds }) => images.length + clouds.length,

  async write({ images, clouds }, output, { inputs: { rasters = [], points = [] }, params: given }) {
    const uris = [...rasters, ...points].map(({ uri }) => uri);
    const hrefs = hrefsOf(uris, given.base);
    const files = images.map((image, i): ImageFile => ({ ...image, uri: uris[i]!, href: hrefs[i]! }));
    const items = [
      ...itemsOfImages(files, given.items === 'file', given.datetime),
      ...clouds.map((cloud, i) => itemOfCloud(cloud, cloudName(points[i]!.uri), hrefs[images.length + i]!)),
    ];
    // The collection's own file is there already.
    const ids = uniqueIds(['collection', ...items.map(({ id }) => id)]).slice(1);
    const named = items.map((item, i) => ({ ...item, id: ids[i]! }));
    const save = async (suffix: string, value: Fields): Promise<void> =>
      (await output.file(suffix)).write(Buffer.from(told(value)));
    if (given.layout === 'file')
      return save('', { type: 'FeatureCollection', features: named.map((item) => itemOf(item)) });
    if (named.length > mostFiles)
      throw new BadUsage(
        `satellite/catalog: found ${named.length} items, expected ${mostFiles} at most for --layout folder; leave it out`,
      );
    const collection = given.collection || 'collection';
    await save('/collection.json', collectionOf(collection, given.license || 'other', named));
    for (const item of named) await save(`/${item.id}.json`, itemWithin(collection, item));
  },
});

/** Whether the file says of itself, behind its header, that it is laid out as a Cloud-Optimized GeoTIFF (GDAL's COG driver page). */
function promisesLayout(head: Uint8Array): boolean {
  const text = new TextDecoder('latin1').decode(head.subarray(0, 512));
  return text.includes('LAYOUT=IFDS_BEFORE_DATA') && !text.includes('KNOWN_INCOMPATIBLE_EDITION=YES');
}
