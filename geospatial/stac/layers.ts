/** Scenes of a catalogue as jobs on bands take them: the files, each once, and which band of which file a name is. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Layer, Scene as BandScene } from '../rasters/scenes.ts';
import { mixesBaselines } from './baselines.ts';
import type { Scene } from './scenes.ts';

/** `files` in the order in which scenes and `names` first name them. */
export type Layered = { readonly files: readonly string[]; readonly scenes: readonly BandScene[] };

/**
 * The bands that are called `names` of all scenes.
 * @throws BadUsage for a name that a scene does not have, BadInput for scenes of Sentinel-2 whose cells mean different things
 */
export function layersOf(scenes: readonly Scene[], names: readonly string[]): Layered {
  const mixed = mixesBaselines(scenes);
  if (mixed !== undefined) throw new BadInput(mixed);
  const files = new Map<string, number>();
  const layered = scenes.map(({ id, datetime, cloud, assets }): BandScene => {
    const layers = names.map((name): [string, Layer] => {
      const asset = Object.hasOwn(assets, name) ? assets[name]! : undefined;
      if (!asset)
        throw new BadUsage(
          `no band ${name} in scene ${id}, expected one of ${Object.keys(assets).join(', ') || 'some'}; give another name, or leave the scene out`,
        );
      const { href, band = 0, scale, offset } = asset;
      const file = files.get(href) ?? files.size;
      files.set(href, file);
      const told = { ...(scale === undefined ? {} : { scale }), ...(offset === undefined ? {} : { offset }) };
      return [name, { file, band, ...told }];
    });
    return {
      id,
      ...(datetime === undefined ? {} : { datetime }),
      ...(cloud === undefined ? {} : { cloud }),
      layers: Object.fromEntries(layers),
    };
  });
  return { files: [...files.keys()], scenes: layered };
}
