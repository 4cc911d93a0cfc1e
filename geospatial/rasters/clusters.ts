/** Options and steps that the stages of satellite/landcover share. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Dataset, Planning, Source } from '../../core/job.ts';
import { choice, integer, number } from '../../core/params.ts';
import { type Model, shift } from '../kernels/kmeans.ts';
import { type Pyramid, pyramidOver } from '../kernels/pyramid.ts';
import { plain } from './cell.ts';
import { maskOf, maskParams } from './masking.ts';
import { openScene, type Scene } from './scenes.ts';
import { bandNames, namesIn, type SceneBlock, sceneBlocks } from './scenetiles.ts';
import { tilesOf } from './blocks.ts';

export const clusterParams = {
  clusters: integer(6, 'classes to find', { min: 2, max: 255 }),
  seed: integer(1, 'what the first centers are drawn by', { min: 0 }),
  rounds: integer(20, 'rounds at most', { min: 1, max: 1000 }),
  tolerance: number(0.01, 'end when no center moves further than this share of the spread of the sample', {
    min: 0,
  }),
  batch: number(1, 'share of cells that a round looks at: less than 1 for mini-batches', {
    min: 1e-6,
    max: 1,
  }),
  weigh: choice(['spread', 'equal'], 'how bands count in distances: by their spread, or all the same'),
  ...maskParams,
  scenes: plain<readonly Scene[]>([], 'which file and band a name is; --bands says it'),
};
/** Of the rounds: the model so far. */
export const roundParams = {
  ...clusterParams,
  model: plain<Model>({ centers: [], weights: [], step: 1, taken: [] }, 'centers of clusters'),
  round: integer(0, 'rounds so far', { min: 0 }),
};
type Given = { readonly mask: string; readonly scenes: readonly Scene[]; readonly dilation: number };

export const bandsInput = {
  doc: 'bands by name: name=file.tif,name=file.tif#2, ...; several for several scenes; #2 is the second band of a file',
  formats: ['tif', 'tiff'],
  many: true,
  named: 'scenes',
} as const;

/** Classes are bytes; 0 is none. */
export const classPyramid = (size: { readonly width: number; readonly height: number }): Pyramid =>
  pyramidOver(size, { type: 'Uint8', empty: 0, nodata: 0, overview: 'mode' });

/** Bands that are clustered, and all that are read. @throws BadUsage */
export function namesOf({ scenes, mask: given }: Given) {
  const [first] = scenes;
  if (!first) throw new BadUsage('--bands: found no scene, expected one or more');
  const mask = maskOf(given);
  const wanted = bandNames(first.layers, mask);
  if (wanted.length === 0) throw new BadUsage('--bands: found none beside the mask, expected one or more');
  return { mask, wanted, names: [...new Set([...wanted, ...namesIn([mask])])] };
}

/** Blocks of all scenes, one scene a product. */
async function clusterBlocks(
  datasets: readonly Dataset[],
  given: Given,
  split: number,
  open: (dataset: Dataset) => Promise<Source>,
): Promise<{ parts: SceneBlock[]; records: number; notes: string[] }> {
  const { names } = namesOf(given);
  const parts: SceneBlock[] = [];
  let records = 0;
  for (const [product, scene] of given.scenes.entries()) {
    const found = await openScene(scene, names, datasets, open);
    const pyramid = classPyramid(found.lattice);
    records += tilesOf(pyramid);
    parts.push(
      ...(await sceneBlocks(found, found.lattice, pyramid, { split, halo: given.dilation, product })),
    );
  }
  return { parts, records, notes: [] };
}

/** Whether the rounds are over. */
export const isSettled = (
  before: Model,
  after: Model,
  {
    round,
    rounds,
    tolerance,
  }: { readonly round: number; readonly rounds: number; readonly tolerance: number },
): boolean => {
  const spread = Math.sqrt(before.weights.length);
  const unit = before.weights.every((weight) => weight === 1) ? rangeOf(before) : spread;
  return round + 1 >= rounds || Math.sqrt(shift(before, after)) <= tolerance * unit;
};

/** How far apart the centers lie, where bands are not weighed. */
const rangeOf = ({ centers }: Model): number => {
  const all = centers.flat();
  return all.length === 0 ? 0 : Math.max(...all) - Math.min(...all);
};

/** @throws BadInput where there are fewer different cells than clusters */
export const tooFew = (clusters: number): never => {
  throw new BadInput(
    `--bands: found fewer than ${clusters} different cells with values, expected as many as clusters; take fewer with --clusters`,
  );
};

/** What the stages have in common: all go over the blocks of the scenes. */
export const clusterStage = {
  inputs: { bands: bandsInput },
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'prefix',
  partition: ({ bands }: { bands: readonly Dataset[] }, given: Given, split: number, planning: Planning) =>
    clusterBlocks(bands, given, split, (dataset) => planning.open(dataset)),
} as const;
