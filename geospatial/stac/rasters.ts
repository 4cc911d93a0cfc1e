/** What STAC says of rasters on one grid and of the files beside them: one item, and the catalogue that names it. Source: the STAC catalogue specification 1.1.0. */
import type { GeoKeys } from '../formats/geokeys.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Pyramid } from '../kernels/pyramid.ts';
import { extensions, type Fields, footprintOf, itemOf } from './item.ts';

/** A Cloud-Optimized GeoTIFF of one band. */
export const rasterAsset = (href: string, title: string, grid: Grid, { type, nodata }: Pyramid): Fields => ({
  href,
  title,
  type: 'image/tiff; application=geotiff; profile=cloud-optimized',
  roles: ['data'],
  'proj:shape': [grid.height, grid.width],
  'proj:transform': [grid.cell, 0, grid.west, 0, -grid.cell, grid.north],
  'raster:spatial_resolution': grid.cell,
  bands: [{ name: title, data_type: type.toLowerCase(), ...(nodata === undefined ? {} : { nodata }) }],
});

/** `item.json` and `catalog.json` of a folder, whose files `assets` name by `./file`. */
export async function folderCatalog(
  id: string,
  description: string,
  grid: Grid,
  crs: GeoKeys | null,
  time: Fields,
  assets: { readonly [name: string]: Fields },
): Promise<{ item: Fields; catalog: Fields }> {
  const { west, north, cell, width, height } = grid;
  const bounds = { minX: west, maxX: west + width * cell, minY: north - height * cell, maxY: north };
  const root = { rel: 'root', href: './catalog.json', type: 'application/json' };
  const item = itemOf({
    id,
    footprint: await footprintOf(bounds, crs),
    time,
    properties: { title: description },
    assets,
    links: [root, { ...root, rel: 'parent' }],
    extensions: [extensions.raster],
  });
  const catalog: Fields = {
    type: 'Catalog',
    stac_version: '1.1.0',
    id: `${id}-catalog`,
    description,
    links: [root, { rel: 'item', href: './item.json', type: 'application/geo+json', title: id }],
  };
  return { item, catalog };
}
