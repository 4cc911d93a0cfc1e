/** terrain/contours: lines of equal height of an elevation model, whole across all parts, as GeoJSON or FlatGeobuf. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, number } from '../../core/params.ts';
import { splitInterval } from '../../core/partition.ts';
import { openDem } from '../formats/dem.ts';
import { writeLines } from '../formats/geojsonlines.ts';
import { contourRows, type Lines, mergeLines } from '../kernels/contours.ts';

type Inputs = { dem: readonly [Dataset] };
/** Rows `[from, to)` of squares between the middles of cells, those beyond the raster's edges among them. */
type Part = { readonly from: number; readonly to: number };
type Result = { readonly rows: number; readonly lines: Lines };

const params = {
  interval: number(10, 'between two lines', { unit: 'units of height', min: 1e-6 }),
  base: number(0, 'a height that has a line; the others are --interval apart from it'),
  format: choice(
    ['geojson', 'flatgeobuf'],
    'how lines are written; flatgeobuf has an index, and whole doubles',
  ),
};

export const contours = define<Inputs, typeof params, Part, Result>({
  name: 'terrain/contours',
  version: 1,
  doc: 'contour lines of an elevation model (gdal_contour) as GeoJSON or FlatGeobuf in its own CRS, higher ground on the left of each',
  examples: [
    '--dem dtm.tif --interval 5 --out contours.geojson',
    '--dem dtm.tif --format flatgeobuf --out contours.fgb',
  ],
  inputs: {
    dem: {
      doc: 'elevation model: a north-up GeoTIFF of square cells, the first band',
      formats: ['tif', 'tiff'],
    },
  },
  params,
  split: 1024,
  unit: 'rows',
  counts: 'rows',
  output: 'text',
  result: columns<Result>(),

  async partition({ dem: [dataset] }, _given, split, planning) {
    const { grid } = await openDem(await planning.open(dataset), dataset.uri);
    const rows = grid.height + 1;
    const parts = splitInterval(rows, Math.max(1, Math.floor(split)));
    return { parts: parts.map(({ start, end }) => ({ from: start, to: end })), records: rows };
  },
  pace: 2000,
  // A row of cells more than of squares, and lines: as many as half the cells' bytes.
  memory: ({ from, to }) => (to - from + 2) * 2 ** 16 + 64 * 2 ** 20,

  async kernel({ from, to }, { dem: [dataset] }, { interval, base }, context) {
    const dem = await openDem(await context.open(dataset), dataset.uri);
    const { grid } = dem;
    const [top, bottom] = [Math.max(0, from - 1), Math.min(grid.height, to)];
    const { width } = grid;
    const values = await dem.read(0, top, width, bottom - top);
    const lines = contourRows({ values, left: 0, top, width, height: bottom - top }, grid, from, to, {
      interval,
      base,
    });
    return { rows: to - from, lines };
  },

  merge: (results) => ({
    rows: results.reduce((sum, { rows }) => sum + rows, 0),
    lines: mergeLines(results.map(({ lines }) => lines)),
  }),
  records: ({ rows }) => rows,

  async write(
    { lines },
    output,
    {
      inputs: {
        dem: [dataset],
      },
      params: { format },
    },
    context,
  ) {
    const { grid, crs } = await openDem(await context.open(dataset), dataset.uri);
    const write =
      format === 'geojson' ? writeLines : (await import('../formats/flatgeobuf.ts')).writeFlatGeobuf;
    await write(await output.file(), lines, grid, crs?.epsg);
  },
});
