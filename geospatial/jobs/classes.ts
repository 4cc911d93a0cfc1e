/** satellite/classes: the cluster of every cell as a raster a scene, and a table of the clusters; the end of satellite/landcover. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { inSteps, type Model, nearest } from '../kernels/kmeans.ts';
import { type Cells, type Node } from '../kernels/pyramid.ts';
import { blockMemory, makeBlock } from '../rasters/blocks.ts';
import { classPyramid, clusterStage, namesOf, roundParams } from '../rasters/clusters.ts';
import { mergeProducts, type Products, type Told, writeProducts } from '../rasters/mosaics.ts';
import { openScene } from '../rasters/scenes.ts';
import { readTiles, type SceneBlock, sceneMemory } from '../rasters/scenetiles.ts';

type Inputs = { bands: readonly Dataset[] };

/** Clusters in the order of their first band, then the next: class numbers that mean something, and are the same for the same centers. */
function ordered({ centers }: Model): number[] {
  const isBefore = (a: readonly number[], b: readonly number[]): number => {
    const at = a.findIndex((value, i) => value !== b[i]);
    return at < 0 ? 0 : a[at]! - b[at]!;
  };
  return Array.from(centers.keys()).sort((a, b) => isBefore(centers[a]!, centers[b]!));
}

/** Colours around the circle of hues, each far from its neighbours. */
function colorsOf(count: number): [number, number, number][] {
  const golden = 0.618_033_988_749_895;
  return [
    [0, 0, 0],
    ...Array.from({ length: count }, (_, i): [number, number, number] => {
      const hue = 6 * ((0.1 + i * golden) % 1);
      const part = (shift: number): number => {
        const k = (shift + hue) % 6;
        return Math.round(235 * (1 - 0.75 * Math.max(0, Math.min(k, 4 - k, 1))));
      };
      return [part(5), part(3), part(1)];
    }),
  ];
}

export const classes = define<Inputs, typeof roundParams, SceneBlock, Products>({
  ...clusterStage,
  name: 'satellite/classes',
  version: 3,
  doc: 'cells to their nearest center; the end of satellite/landcover',
  params: roundParams,
  result: columns<Products>(),

  pace: 20,
  memory: (part) => blockMemory(part.top, classPyramid(part)) + sceneMemory(part),

  async kernel(part, { bands: datasets }, given, context) {
    const { mask, wanted, names } = namesOf(given);
    const { model } = given;
    const pyramid = classPyramid(part);
    const open = (dataset: Dataset) => context.open(dataset);
    const tiles = await readTiles(part, pyramid, { names, mask, dilation: given.dilation }, datasets, open);
    const numbers = new Uint8Array(model.centers.length);
    for (const [i, cluster] of ordered(model).entries()) numbers[cluster] = i + 1;
    const steps = new Float64Array(wanted.length);
    const tile = async (node: Node, room: () => Cells): Promise<Cells | undefined> => {
      const out = room();
      let count = 0;
      tiles.each(node, wanted, (found, from, rows, { width }) => {
        for (let r = 0; r < rows; r++)
          for (let x = 0; x < width; x++) {
            let isValue = true;
            for (let b = 0; b < steps.length; b++) {
              const value = found[b]![r * width + x]!;
              if (value - value !== 0) isValue = false;
              else steps[b] = inSteps(value, model.step);
            }
            if (!isValue) continue;
            count++;
            out[(from + r) * pyramid.side + x] = numbers[nearest(steps, 0, model)]!;
          }
      });
      return count > 0 ? out : undefined;
    };
    return makeBlock(part, pyramid, tile, context);
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(result, output, { inputs: { bands }, params: given }, context) {
    const { wanted, names } = namesOf(given);
    const { model } = given;
    const rasters: Told[] = [];
    for (const [i, scene] of given.scenes.entries()) {
      const { lattice } = await openScene(scene, names, bands, (dataset) => context.open(dataset));
      rasters.push({
        name: given.scenes.length === 1 ? 'class' : `${i + 1}-${scene.id.replace(/\.tiff?$/i, '')}`,
        pyramid: classPyramid(lattice),
        bands: [{ name: 'class' }],
        palette: colorsOf(model.centers.length),
        transform: lattice.transform,
        ...(lattice.crs ? { crs: lattice.crs } : {}),
      });
    }
    await writeProducts(result, rasters, output, context);
    const lines = ordered(model).map((cluster, i) => {
      const center = model.centers[cluster]!.map((steps) => steps * model.step);
      return [i + 1, model.taken[cluster]!, ...center].join(',');
    });
    const table = await output.file('.centers.csv');
    await table.write(Buffer.from(`${['class', 'cells', ...wanted].join(',')}\n${lines.join('\n')}\n`));
  },
});
