/** Lines of equal height as GeoJSON, a feature a line. Source: RFC 7946; the CRS by its code as GDAL writes and reads it, since coordinates stay those of the raster. */
import type { Sink } from '../../core/job.ts';
import type { Lines } from '../kernels/contours.ts';
import type { Grid } from '../kernels/grid.ts';

const batch = 1 << 20;

/** Streams the lines; `elev` of each is its height. Coordinates have as many digits as a millionth of a cell needs. */
export async function writeLines(
  sink: Sink,
  lines: Lines,
  { west, north, cell }: Grid,
  epsg?: number,
): Promise<void> {
  const crs =
    epsg === undefined ? '' : `,"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::${epsg}"}}`;
  const digits = Math.max(0, Math.min(15, 6 - Math.floor(Math.log10(cell))));
  const number = (value: number): string => String(Number(value.toFixed(digits)));
  let text = `{"type":"FeatureCollection","name":"contour"${crs},"features":[`;
  let at = 0;
  for (let i = 0; i < lines.level.length; i++) {
    text += `${i === 0 ? '\n' : ',\n'}{"type":"Feature","properties":{"id":${i},"elev":${lines.level[i]}},"geometry":{"type":"LineString","coordinates":[`;
    for (const first = at, last = at + lines.vertices[i]!; at < last; at++)
      text += `${at === first ? '' : ','}[${number(west + lines.x[at]! * cell)},${number(north - lines.y[at]! * cell)}]`;
    text += ']}}';
    if (text.length > batch) {
      await sink.write(new TextEncoder().encode(text));
      text = '';
    }
  }
  await sink.write(new TextEncoder().encode(`${text}\n]}\n`));
}
