/** satellite/tiles: a raster as tiles of a web map, in one archive of PMTiles or as a folder of PNG files. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice } from '../../core/params.ts';
import type { Tileset } from '../formats/pmtiles.ts';
import { type TileAddress, tileId } from '../kernels/hilbert.ts';
import { lonLatOf, type TileRange } from '../kernels/mercator.ts';
import { halvePixels } from '../kernels/pixels.ts';
import { tilePixels } from '../kernels/mercator.ts';
import { warperOf } from '../rasters/warp.ts';
import { countOf, pixelsOf, webParams, type WebScene, webSceneOf } from '../rasters/webscene.ts';
import {
  grow,
  type MadeTiles,
  mergeWebTiles,
  storeWebTiles,
  tilePng,
  type WebTiles,
  writeWebTiles,
} from '../rasters/webtiles.ts';

type Inputs = { raster: readonly [Dataset] };
/** A subtree: the tile at its top. */
type Part = TileAddress;

const params = {
  ...webParams,
  layout: choice(['pmtiles', 'folder'], 'one archive, or a file z/x/y.png a tile'),
};

// Subtrees of 8 x 8 tiles at most: a subtree's tiles are held together until they are stored.
const highest = 3;

const isIn = ({ x, y }: TileAddress, ranges: readonly TileRange[]): boolean =>
  ranges.some(({ left, top, right, bottom }) => x >= left && x < right && y >= top && y < bottom);

export const webTiles = define<Inputs, typeof params, Part, WebTiles>({
  name: 'satellite/tiles',
  version: 3,
  doc: 'a raster as web map tiles in Web Mercator: PMTiles, or a folder of z/x/y.png (gdal2tiles)',
  examples: [
    '--raster scene.tif --bands 3,2,1 --min 0 --max 3000 --resampling bilinear --out scene.pmtiles',
    '--raster ndvi.tif --ramp ndvi --min -0.2 --max 0.9 --out ndvi.pmtiles',
    '--raster photo.tif --layout folder --out tiles',
  ],
  inputs: { raster: { doc: 'a GeoTIFF', formats: ['tif', 'tiff'] } },
  params,
  split: 64,
  unit: 'tiles',
  counts: 'tiles',
  output: 'prefix',
  result: columns<WebTiles>(),

  async partition({ raster: [dataset] }, given, split, planning) {
    const scene = await webSceneOf(dataset, given, (file) => planning.open(file));
    const { maxZoom, raster } = scene;
    const z = maxZoom - Math.min(maxZoom, highest, Math.max(0, Math.floor(Math.log2(split) / 2)));
    const parts: Part[] = [];
    for (const { left, top, right, bottom } of scene.tiles(z))
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) parts.push({ z, x, y });
    parts.sort((a, b) => tileId(a) - tileId(b));
    return {
      parts,
      records: countOf(scene.tiles(maxZoom)),
      notes: raster.note === '' ? [] : [raster.note],
    };
  },
  // Windows of the source, places, and a subtree's tiles twice.
  memory: (_part, { bands }) => (320 + 16 * Math.max(3, bands.length) + 2 * 4 ** highest * 0.25) * 2 ** 20,

  async kernel(part, { raster: [dataset] }, given, context) {
    const scene = await webSceneOf(dataset, given, (file) => context.open(file));
    const { view, bands, minZoom, maxZoom } = scene;
    const warp = warperOf(view, bands, pixelsOf(part, 2 ** (maxZoom - part.z)));
    const made: MadeTiles = [];
    let pieces = 0;
    const emit = async (tile: TileAddress, pixels: Uint8Array): Promise<void> => {
      context.signal.throwIfAborted();
      if (tile.z >= minZoom) made.push({ id: tileId(tile), png: tilePng(pixels) });
    };
    const quarter = await grow(part, {
      bottom: maxZoom,
      has: (tile) => isIn(tile, scene.tiles(tile.z)),
      async leaf(tile) {
        pieces++;
        const values = await warp(pixelsOf(tile));
        const pixels = values && scene.paint(values);
        if (!pixels || isClear(pixels)) return undefined;
        await emit(tile, pixels);
        return halvePixels(pixels, tilePixels);
      },
      emit,
    });
    const rest = quarter && part.z > minZoom ? { id: tileId(part), quarter } : undefined;
    return storeWebTiles(made, pieces, rest, context);
  },

  merge: mergeWebTiles,
  records: ({ pieces }) => pieces,

  async write(result, output, { inputs, params: given }, context) {
    const scene = await webSceneOf(inputs.raster[0], given, (file) => context.open(file));
    await writeWebTiles(result, scene.minZoom, given.layout, tilesetOf(scene), output, context);
  },
});

function tilesetOf({ box }: WebScene): Tileset {
  const [west, south] = lonLatOf(box.west, box.south);
  const [east, north] = lonLatOf(box.east, box.north);
  return { type: 'png', west, south, east, north, metadata: { type: 'overlay' } };
}

function isClear(pixels: Uint8Array): boolean {
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] !== 0) return false;
  return true;
}
