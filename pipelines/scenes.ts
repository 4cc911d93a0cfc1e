/** Bands by name on the command line: which files they are, and which name is where. */
import { BadInput, BadUsage } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Layer, Scene } from '../geospatial/rasters/scenes.ts';
import { timeInName } from '../geospatial/stac/sensors.ts';
import type { Arguments } from './arguments.ts';
import { describe, glob, open } from './storage.ts';

/** A name, the file or files that it is, and the band there from 0. */
type Given = { readonly name: string; readonly uris: readonly string[]; readonly band: number };

/**
 * The scenes that `--<input>` names: a value of `name=file#2,name=file` is one; where files have `*`, each match in turn is one, of all names together.
 * Their files become the input, and the option `option` tells which file and band a name is.
 * @throws BadUsage for what is no such value, and for names with different numbers of files
 */
export async function resolveScenes(input: string, option: string, parsed: Arguments): Promise<Arguments> {
  const { [input]: values = [], [option]: lists = [], ...others } = parsed.uris;
  const { uris, scenes } =
    lists.length > 0 ? await listed(values, lists, input, parsed) : await named(values, input, parsed);
  return {
    ...parsed,
    uris: { ...others, [input]: uris },
    params: { ...parsed.params, [option]: scenes as unknown as Json },
  };
}

type Found = { readonly uris: readonly string[]; readonly scenes: readonly Scene[] };

async function named(values: readonly string[], input: string, parsed: Arguments): Promise<Found> {
  const files = startFiles();
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
      for (const one of given) layers[one.name] = { file: files.numberOf(one.uris[i]!), band: one.band };
      const id = idOf(given[0]!.uris[i]!);
      const datetime = timeInName(id);
      scenes.push({ id, layers, ...(datetime === undefined ? {} : { datetime }) });
    }
  }
  return { uris: files.uris(), scenes };
}

/** Scenes of STAC items; `--bands red=B04,nir` says which bands are wanted, and how they are called there. */
async function listed(
  values: readonly string[],
  lists: readonly string[],
  input: string,
  { globals }: Arguments,
): Promise<Found> {
  const words = values.flatMap((value) => value.split(',')).map((word) => word.trim());
  const pairs = words.map((word) => {
    const found = /^([A-Za-z_]\w*)(?:=(.+))?$/.exec(word);
    if (!found)
      throw new BadUsage(`--${input}: found ${word}, expected name or name=asset, say red=B04,nir=B08`);
    return { name: found[1]!, asset: found[2] };
  });
  const mapping = pairs.flatMap(({ name, asset }) => (asset === undefined ? [] : [`${name}=${asset}`]));
  const [{ readScenes }, { mixesBaselines }] = await Promise.all([
    import('../geospatial/stac/scenes.ts'),
    import('../geospatial/stac/baselines.ts'),
  ]);
  const how = { digest: globals.digest, access: globals.access };
  const read = async (uri: string): Promise<Uint8Array> => {
    const source = await open(await describe(uri, how));
    if (source.size > mostBytes)
      throw new BadInput(`STAC: ${uri} has ${source.size} bytes, expected ${mostBytes} at most; split it`);
    const bytes = await source.read(0, source.size);
    await source.close?.();
    return bytes;
  };
  const files = startFiles();
  const scenes: Scene[] = [];
  const all = await Promise.all(lists.map((list) => readScenes(list, read, { bands: mapping.join(',') })));
  for (const note of new Set(all.flatMap(({ notes }) => notes))) process.stderr.write(`${note}\n`);
  const mixed = mixesBaselines(all.flatMap((found) => found.scenes));
  if (mixed !== undefined) throw new BadInput(mixed);
  for (const [k, found] of all.entries())
    for (const { id, datetime, cloud, assets } of found.scenes) {
      const layers: { [name: string]: Layer } = {};
      for (const { name } of pairs) {
        const asset = Object.hasOwn(assets, name) ? assets[name]! : undefined;
        if (!asset)
          throw new BadUsage(
            `--${input}: no ${name} in item ${id} of ${lists[k]}, expected one of ${Object.keys(assets).slice(0, 30).join(', ')}; say which is with ${name}=ASSET`,
          );
        const { scale, offset } = asset;
        layers[name] = {
          file: files.numberOf(asset.href),
          band: asset.band ?? 0,
          ...(scale === undefined ? {} : { scale }),
          ...(offset === undefined ? {} : { offset }),
        };
      }
      scenes.push({
        id,
        layers,
        ...(datetime === undefined ? {} : { datetime }),
        ...(cloud === undefined ? {} : { cloud }),
      });
    }
  return { uris: files.uris(), scenes };
}

const mostBytes = 2 ** 28;

/** Files, each once, and the numbers that they get. */
function startFiles() {
  const numbers = new Map<string, number>();
  return {
    uris: (): string[] => [...numbers.keys()],
    numberOf(uri: string): number {
      const found = numbers.get(uri) ?? numbers.size;
      numbers.set(uri, found);
      return found;
    },
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
