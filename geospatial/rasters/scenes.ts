/** Scenes: bands by name, of one file or of several, that are read cell by cell of one grid. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Dataset, Source } from '../../core/job.ts';
import type { Transform } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import { openRaster, type RasterFile } from '../formats/geotiff.ts';
import { type Reading, readWindow } from '../formats/reading.ts';
import type { Cells } from '../kernels/pyramid.ts';
import type { Window } from '../kernels/window.ts';

/** Where a band of a scene is: file among the datasets, band from 0. Scale and offset where the catalogue tells them. Plain JSON. */
export type Layer = {
  readonly file: number;
  readonly band: number;
  readonly scale?: number;
  readonly offset?: number;
};
/** Bands of one place and time by name. Plain JSON. */
export type Scene = {
  readonly id: string;
  readonly datetime?: string;
  /** Percent of the scene that clouds cover. */
  readonly cloud?: number;
  readonly layers: { readonly [name: string]: Layer };
};

/** Cells on the ground. */
export type Lattice = {
  readonly width: number;
  readonly height: number;
  readonly transform: Transform;
  readonly crs: GeoKeys | null;
  readonly note: string;
};

/** A band, opened. */
type OpenLayer = Layer & { readonly raster: RasterFile; readonly uri: string };
export type OpenScene = {
  readonly layers: ReadonlyMap<string, OpenLayer>;
  /** That of the finest band, the first of several. */
  readonly lattice: Lattice;
};

/** What a value in a band means, and where the cells of a grid have theirs: column `floor((column + 0.5) * scale + offset)` of the window that was read. Plain JSON. */
export type Placed = {
  readonly name: string;
  readonly reading: number;
  readonly slot: number;
  /** Number of the reading that is the mask of its file. */
  readonly mask?: number;
  readonly nodata?: number;
  readonly scale: number;
  readonly offset: number;
  readonly across: readonly [number, number];
  readonly down: readonly [number, number];
};
/** Readings of files, and the bands in them. Plain JSON: what a part needs of a scene. */
export type ScenePart = {
  readonly readings: readonly { readonly file: number; readonly reading: Reading }[];
  readonly bands: readonly Placed[];
};

/**
 * Opens the bands that are asked for.
 * @throws BadUsage for names that the scene does not have, BadInput for bands without a place, turned, or of other systems than the first
 */
export async function openScene(
  scene: Scene,
  names: readonly string[],
  datasets: readonly Dataset[],
  open: (dataset: Dataset) => Promise<Source>,
): Promise<OpenScene> {
  const files = new Map<number, Promise<RasterFile>>();
  const layers = new Map<string, OpenLayer>();
  for (const name of names) {
    const layer = Object.hasOwn(scene.layers, name) ? scene.layers[name]! : undefined;
    if (!layer)
      throw new BadUsage(
        `no band ${name} in ${scene.id}, expected one of ${Object.keys(scene.layers).join(', ') || 'those of --bands'}; name it with --bands ${name}=file.tif`,
      );
    const dataset = datasets[layer.file]!;
    const found = files.get(layer.file) ?? open(dataset).then((source) => openRaster(source, dataset.uri));
    files.set(layer.file, found);
    const raster = await found;
    if (layer.band >= raster.bands.length)
      throw new BadInput(
        `GeoTIFF: band ${layer.band + 1} of ${dataset.uri}, which has ${raster.bands.length}; give another after #`,
      );
    layers.set(name, { ...layer, raster, uri: dataset.uri });
  }
  return { layers, lattice: latticeOf([...layers.values()]) };
}

function latticeOf(layers: readonly OpenLayer[]): Lattice {
  let finest: OpenLayer | undefined;
  const first = layers[0]!;
  const isPlain = layers.every(
    ({ raster }) =>
      raster.width === first.raster.width &&
      raster.height === first.raster.height &&
      JSON.stringify(raster.transform) === JSON.stringify(first.raster.transform),
  );
  for (const layer of layers) {
    const { raster, uri } = layer;
    const { transform, crs } = raster;
    if (!isPlain && (!transform || transform[1] !== 0 || transform[3] !== 0))
      throw new BadInput(
        `GeoTIFF: ${uri} ${transform ? 'is turned' : 'lies nowhere'}, expected the grid of ${first.uri}; put it there with satellite/warp`,
      );
    const other = first.raster.crs?.epsg;
    if (crs?.epsg !== other && crs && first.raster.crs)
      throw new BadInput(
        `GeoTIFF: ${uri} is in EPSG:${crs.epsg ?? 'unknown'}, expected EPSG:${other ?? 'unknown'} as ${first.uri}; put it there with satellite/warp`,
      );
    const size = (of: OpenLayer): number => Math.abs(of.raster.transform?.[0] ?? 1);
    if (!finest || size(layer) < size(finest)) finest = layer;
  }
  const { width, height, transform, crs, note } = finest!.raster;
  return { width, height, transform: transform ?? [1, 0, 0, 0, -1, 0], crs, note };
}

/** Plans what a window of the lattice needs; cells beyond a band's own edge have no value there. */
export async function planScene({ layers }: OpenScene, lattice: Lattice, window: Window): Promise<ScenePart> {
  const readings: { file: number; reading: Reading }[] = [];
  const bands: Placed[] = [];
  const masks = new Map<number, number>();
  for (const [file, found] of grouped([...layers], ([, layer]) => layer.file)) {
    const { raster } = found[0]![1];
    const across = along(lattice.transform[0], lattice.transform[2], raster.transform, 0, 2);
    const down = along(lattice.transform[4], lattice.transform[5], raster.transform, 4, 5);
    const [left, right] = spanOf(window.left, window.width, across, raster.width);
    const [top, bottom] = spanOf(window.top, window.height, down, raster.height);
    const own = { left, top, width: right - left, height: bottom - top };
    if (own.width <= 0 || own.height <= 0) {
      for (const [name] of found)
        bands.push({ name, reading: -1, slot: 0, scale: 1, offset: 0, across, down });
      continue;
    }
    const wanted = [...new Set(found.map(([, { band }]) => band))];
    const number = readings.push({ file, reading: await raster.plan(wanted, own) }) - 1;
    const mask = await raster.planMask(own);
    if (mask) masks.set(file, readings.push({ file, reading: mask }) - 1);
    for (const [name, layer] of found) {
      const { scale, offset } = raster.bands[layer.band]!;
      bands.push({
        name,
        reading: number,
        slot: wanted.indexOf(layer.band),
        ...(masks.has(file) && raster.alpha !== layer.band ? { mask: masks.get(file)! } : {}),
        ...(raster.nodata === undefined || raster.nodata !== raster.nodata ? {} : { nodata: raster.nodata }),
        scale: layer.scale ?? scale,
        offset: layer.offset ?? offset,
        across,
        down,
      });
    }
  }
  return { readings, bands };
}

function grouped<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const out = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const found = out.get(key);
    if (found) found.push(one);
    else out.set(key, [one]);
  }
  return out;
}

/** Where the middle of a cell lies in another grid along one axis: factor and shift. */
function along(step: number, start: number, other: Transform | null, a: 0 | 4, b: 2 | 5): [number, number] {
  if (!other) return [1, 0];
  return [step / other[a], (start - other[b]) / other[a]];
}

const columnOf = (at: number, [factor, shift]: readonly [number, number]): number =>
  Math.floor((at + 0.5) * factor + shift);

/** Cells of a band, half-open, that `count` cells from `from` need. */
function spanOf(from: number, count: number, way: readonly [number, number], size: number): [number, number] {
  const ends = [columnOf(from, way), columnOf(from + count - 1, way)];
  return [Math.max(0, Math.min(...ends)), Math.min(size, Math.max(...ends) + 1)];
}

/** Bands of a window, read. */
export type Bands = {
  /** Values of `count` cells of row `row` from column `left`, of the lattice, of band number `band` into `out` from `to`; NaN for none. */
  fill(band: number, row: number, left: number, count: number, out: Float64Array, to: number): void;
};

/** Reads what was planned; `names` gives the bands their numbers. */
export async function readScene(
  { readings, bands }: ScenePart,
  names: readonly string[],
  datasets: readonly Dataset[],
  open: (dataset: Dataset) => Promise<Source>,
): Promise<Bands> {
  const cells: Cells[][] = [];
  for (const { file, reading } of readings) {
    const placed = bands.find((band) => readings[band.reading]?.file === file);
    const dataset = datasets[file]!;
    cells.push(await readWindow(await open(dataset), reading, placed?.nodata ?? 0, dataset.uri));
  }
  const numbered = names.map((name) => {
    const band = bands.find((one) => one.name === name)!;
    const reading = readings[band.reading]?.reading;
    const values = cells[band.reading]?.[band.slot];
    const mask = band.mask === undefined ? undefined : cells[band.mask]![0];
    return { ...band, window: reading, values, maskCells: mask };
  });
  return {
    fill(number, row, left, count, out, to) {
      const { window, values, maskCells, nodata = NaN, scale, offset, across, down } = numbered[number]!;
      const y = columnOf(row, down) - (window?.top ?? 0);
      if (!window || !values || y < 0 || y >= window.height) {
        out.fill(NaN, to, to + count);
        return;
      }
      const line = y * window.width;
      const isStraight = across[0] === 1;
      const start = columnOf(left, across) - window.left;
      if (isStraight && start >= 0 && start + count <= window.width) {
        copyRun(values, line + start, count, out, to, nodata, scale, offset);
        if (maskCells)
          for (let i = 0; i < count; i++) if (maskCells[line + start + i] === 0) out[to + i] = NaN;
        return;
      }
      for (let i = 0; i < count; i++) {
        const x = columnOf(left + i, across) - window.left;
        const value = x >= 0 && x < window.width ? values[line + x]! : NaN;
        const isNone = value === nodata || maskCells?.[line + x] === 0;
        out[to + i] = isNone ? NaN : value * scale + offset;
      }
    },
  };
}

/** The hot loop of its own, so that it is compiled for the types at hand. */
function copyRun(
  values: Cells,
  from: number,
  count: number,
  out: Float64Array,
  to: number,
  nodata: number,
  scale: number,
  offset: number,
): void {
  if (scale === 1 && offset === 0)
    for (let i = 0; i < count; i++) {
      const value = values[from + i]!;
      out[to + i] = value === nodata ? NaN : value;
    }
  else
    for (let i = 0; i < count; i++) {
      const value = values[from + i]!;
      out[to + i] = value === nodata ? NaN : value * scale + offset;
    }
}
