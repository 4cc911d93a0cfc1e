/** satellite/fetch: the tiles of remote scenes that a job needs, brought to the store, each once. It goes before jobs whose parts would read tiles again. */
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { integer, text } from '../../core/params.ts';
import { hold, type Held, heldCodec, joinHeld } from '../../core/sources/held.ts';
import { plain } from '../rasters/cell.ts';
import { fetchBytes, type FetchPart, fetchParts } from '../rasters/fetching.ts';
import type { Scene } from '../rasters/scenes.ts';

type Inputs = { bands: readonly Dataset[] };

const params = {
  scenes: plain<readonly Scene[]>([], 'which file and band a name is'),
  names: plain<readonly string[]>([], 'bands to bring'),
  bbox: text('only tiles that meet this box, in units of the CRS of the raster', 'west,south,east,north'),
  halo: integer(0, 'cells around the box that are read, too', { min: 0 }),
};

export const fetch = define<Inputs, typeof params, FetchPart, Held>({
  name: 'satellite/fetch',
  version: 1,
  doc: 'tiles of remote bands, each read once; the beginning of jobs whose parts share tiles',
  inputs: { bands: { doc: 'files of the bands', formats: ['tif', 'tiff'], many: true } },
  params,
  split: fetchBytes,
  unit: 'bytes',
  counts: 'tiles',
  output: 'prefix',
  result: heldCodec,

  async partition({ bands }, given, split, planning) {
    const parts = await fetchParts(bands, given, split, planning);
    return { parts, records: parts.reduce((sum, { tiles }) => sum + tiles, 0) };
  },
  weight: ({ start, end }) => end - start,
  memory: ({ start, end }) => 2 * (end - start),
  kernel: async ({ tiles, ...part }, { bands }, _given, context) =>
    hold(await context.open(bands[part.file]!), { ...part, records: tiles }, context),
  merge: joinHeld,
  records: ({ records }) => records,
});
