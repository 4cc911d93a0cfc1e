/** What is brought of remote scenes before their parts are made: each tile once, where parts would share tiles or ask for many. */
import type { Dataset, Inputs, Planning } from '../../core/job.ts';
import { mostAtOnce, rangesOf, type Reading } from '../formats/reading.ts';
import { croppedTo } from './output.ts';
import { openScene, planScene, type Scene, type ScenePart } from './scenes.ts';

/** Bands by name, of all scenes or of the box of theirs, with `halo` cells around. */
export type Fetching = {
  readonly scenes: readonly Scene[];
  readonly names: readonly string[];
  readonly bbox: string;
  readonly halo: number;
};

/** Bytes `[start, end)` of a file, and how many tiles lie there. Plain JSON. */
export type FetchPart = {
  readonly file: number;
  readonly start: number;
  readonly end: number;
  readonly tiles: number;
};

/** Bytes of a request, unless one tile has more. */
export const fetchBytes = 8 * 2 ** 20;

/** The tiles of remote files, in requests of some `split` bytes. Throws what openScene throws. */
export async function fetchParts(
  datasets: readonly Dataset[],
  { scenes, names, bbox, halo }: Fetching,
  split: number,
  planning: Planning,
): Promise<FetchPart[]> {
  const readings = new Map<number, Reading[]>();
  for (const scene of scenes) {
    const found = await openScene(scene, names, datasets, (dataset) => planning.open(dataset));
    const lattice = croppedTo(found.lattice, bbox);
    const window = {
      left: -halo,
      top: -halo,
      width: lattice.width + 2 * halo,
      height: lattice.height + 2 * halo,
    };
    for (const { file, reading } of (await planScene(found, lattice, window)).readings)
      readings.set(file, [...(readings.get(file) ?? []), reading]);
  }
  const parts: FetchPart[] = [];
  for (const [file, all] of [...readings].sort(([a], [b]) => a - b)) {
    if (!(await isRemote(datasets[file]!, planning))) continue;
    for (const range of rangesOf(all, split)) parts.push({ file, ...range });
  }
  return parts;
}

/** Streams are what sources have where requests are dear. */
const isRemote = async (dataset: Dataset, planning: Planning): Promise<boolean> =>
  dataset.held === undefined && (await planning.open(dataset)).stream !== undefined;

// What a stage of its own has to save of the bytes, at least.
const leastSaved = 0.1;

/**
 * The inputs and options of a `satellite/fetch` that pays for itself: `parts` would read more than a tenth of the bytes again, or send more requests to a file than a part each. It does
 * without `parts`, where all is read in several rounds. Undefined where it does not, or no file is remote.
 */
export async function fetchingFor(
  datasets: readonly Dataset[],
  fetching: Fetching,
  planning: Planning,
  parts?: () => Promise<readonly { readonly scene: ScenePart }[]>,
): Promise<{ inputs: Inputs; params: Fetching } | undefined> {
  const areRemote = await Promise.all(datasets.map((dataset) => isRemote(dataset, planning)));
  if (!areRemote.includes(true)) return undefined;
  const stage = { inputs: { bands: datasets }, params: fetching };
  if (!parts) return stage;
  const once = costOf(await fetchParts(datasets, fetching, mostAtOnce, planning));
  const made = await parts();
  const split = costOf(
    made.flatMap(({ scene }) =>
      scene.readings
        .filter(({ file }) => areRemote[file])
        .flatMap(({ file, reading }) => rangesOf([reading], mostAtOnce).map((range) => ({ file, ...range }))),
    ),
  );
  const isWorth = [...once].some(([file, { bytes, requests }]) => {
    const own = split.get(file)!;
    const isWide = own.bytes > (1 + leastSaved) * bytes;
    return isWide || own.requests > Math.max(requests, made.length);
  });
  return isWorth ? stage : undefined;
}

/** Bytes and requests by file. */
function costOf(parts: readonly FetchPart[]): Map<number, { bytes: number; requests: number }> {
  const out = new Map<number, { bytes: number; requests: number }>();
  for (const { file, start, end } of parts) {
    const { bytes = 0, requests = 0 } = out.get(file) ?? {};
    out.set(file, { bytes: bytes + end - start, requests: requests + 1 });
  }
  return out;
}
