/** What a raster is, from its header alone. */
import type { Json } from '../../core/json.ts';
import type { RasterFile } from '../formats/geotiff.ts';
import { compressions } from '../formats/imagelayout.ts';
import { cornersOf, imageOf } from '../stac/image.ts';

/** By name, in the order in which people read them. */
export type Facts = { readonly [name: string]: Json };

const compressionNames: { readonly [code: number]: string } = {
  [compressions.none]: 'none',
  [compressions.lzw]: 'LZW',
  [compressions.jpeg]: 'JPEG',
  [compressions.deflate]: 'DEFLATE',
  [compressions.packBits]: 'PackBits',
  [compressions.oldDeflate]: 'DEFLATE (old code)',
  [compressions.lerc]: 'LERC',
  [compressions.zstd]: 'ZSTD',
};
const predictors: { readonly [code: number]: string } = { 2: ', differences', 3: ', differences of floats' };

/** `cell` and `bounds` in units of the CRS; `lonlat` west, south, east, north in degrees. */
export async function rasterFacts(raster: RasterFile): Promise<Facts> {
  const { width, height, type, nodata, crs, note, transform, levels, hasMask, alpha, palette } = raster;
  const layout = levels[0]!;
  const { footprint, taken, made } = await imageOf(raster);
  const corners = cornersOf(raster);
  const code = crs && (crs.epsg === undefined ? 'user-defined' : `EPSG:${crs.epsg}`);
  const block = layout.isTiled
    ? `tiles of ${layout.tileWidth} x ${layout.tileHeight}`
    : `strips of ${layout.tileHeight} rows`;
  const isAligned = transform && transform[1] === 0 && transform[3] === 0;
  return {
    format: 'GeoTIFF',
    size: `${width} x ${height}`,
    bands: raster.bands.map(bandText),
    type,
    bits: layout.bits,
    nodata: nodata === undefined ? 'none' : String(nodata),
    mask: alpha !== undefined ? `alpha, band ${alpha + 1}` : hasMask ? 'yes' : 'none',
    ...(palette ? { palette: `${palette.length} colours` } : {}),
    crs: crs ? `${code}${crs.name ? ` ${crs.name}` : ''}` : note || 'none',
    ...(crs && note ? { note } : {}),
    ...(transform
      ? {
          cell: [Math.hypot(transform[0], transform[3]), Math.hypot(transform[1], transform[4])],
          bounds: boundsOf(corners!),
          ...(isAligned ? {} : { transform: [...transform] }),
        }
      : {}),
    ...(footprint['bbox'] === undefined ? {} : { lonlat: footprint['bbox'] as Json }),
    ...(taken === undefined ? {} : { taken }),
    ...(made === undefined ? {} : { made }),
    compression: `${compressionNames[layout.compression]!}${predictors[layout.predictor] ?? ''}`,
    blocks: `${block}${layout.isPlanar ? ', a band each' : ''}`,
    overviews:
      levels.length > 1 ? levels.slice(1).map((level) => `${level.width} x ${level.height}`) : 'none',
  };
}

function bandText({ name, scale, offset }: RasterFile['bands'][number], i: number): string {
  const named = `${i + 1}${name ? ` ${name}` : ''}`;
  return scale === 1 && offset === 0 ? named : `${named}: value = ${scale} * cell + ${offset}`;
}

function boundsOf(corners: readonly (readonly [number, number])[]): number[] {
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
