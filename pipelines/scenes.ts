/** Bands by name on the command line: which files they are, and which name is where. */
import { BadUsage } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Layer, Scene } from '../geospatial/rasters/scenes.ts';
import type { Arguments } from './arguments.ts';
import { glob } from './storage.ts';

/** A name, the file or files that it is, and the band there from 0. */
type Given = { readonly name: string; readonly uris: readonly string[]; readonly band: number };

/**
 * The scenes that `--<input>` names: a value of `name=file#2,name=file` is one; where files have `*`, each match in turn is one, of all names together.
 * Their files become the input, and the option `option` tells which file and band a name is.
 * @throws BadUsage for what is no such value, and for names with different numbers of files
 */
export async function resolveScenes(input: string, option: string, parsed: Arguments): Promise<Arguments> {
  const values = parsed.uris[input] ?? [];
  const uris: string[] = [];
  const scenes: Scene[] = [];
  for (const value of values) {
    const given = await Promise.all(pairsOf(value, input).map((pair) => resolvePair(pair, parsed)));
    const count = Math.max(...given.map((one) => one.uris.length));
    for (const { name, uris: own } of given)
      if (own.length !== count)
        throw new BadUsage(
          `--${input}: found ${own.length} files of ${name}, expected ${count} as of the other bands; name the scenes one by one`,
        );
    for (let i = 0; i < count; i++) {
      const layers: { [name: string]: Layer } = {};
      for (const one of given) {
        const uri = one.uris[i]!;
        if (!uris.includes(uri)) uris.push(uri);
        layers[one.name] = { file: uris.indexOf(uri), band: one.band };
      }
      scenes.push({ id: idOf(given[0]!.uris[i]!), layers });
    }
  }
  return {
    ...parsed,
    uris: { ...parsed.uris, [input]: uris },
    params: { ...parsed.params, [option]: scenes as unknown as Json },
  };
}

/** What a scene of these files is called: the name of the first, and of no folder, so that it is the same wherever they lie. */
const idOf = (uri: string): string => uri.replace(/[?#].*$/, '').replace(/^.*[/\\]/, '');

function pairsOf(value: string, input: string): { name: string; pattern: string; band: number }[] {
  const pairs = value.split(/,(?=[A-Za-z_]\w*=)/).map((pair) => {
    const found = /^([A-Za-z_]\w*)=(.+?)(?:#(\d+))?$/.exec(pair);
    if (!found || found[3] === '0')
      throw new BadUsage(
        `--${input}: found ${pair}, expected name=file or name=file#2, say red=scene.tif#3; several with commas between`,
      );
    return { name: found[1]!, pattern: found[2]!, band: Number(found[3] ?? 1) - 1 };
  });
  const twice = pairs.find(({ name }, i) => pairs.findIndex((pair) => pair.name === name) < i);
  if (twice) throw new BadUsage(`--${input}: found ${twice.name} twice in ${value}, expected each name once`);
  return pairs;
}

async function resolvePair(
  { name, pattern, band }: { readonly name: string; readonly pattern: string; readonly band: number },
  { globals }: Arguments,
): Promise<Given> {
  const uris = await glob(pattern, { digest: globals.digest, access: globals.access });
  return { name, uris, band };
}
