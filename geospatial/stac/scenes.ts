/**
 * Scenes: what STAC items say that jobs on images want to know. Sources: STAC 1.0 and 1.1 items, item collections, catalogues and collections; the
 * eo and raster extensions 1 and 2; the best practices for static catalogues.
 */
import { BadInput } from '../../core/errors.ts';
import { addressOf, isAddress } from './address.ts';
import { assetsOf } from './assets.ts';
import { isObject, linksOf, type Open, parseDocument, textOf } from './document.ts';
import { isEver } from './item.ts';

/** A band of a file. */
export type SceneAsset = {
  /** An address, or a path of this machine. */
  readonly href: string;
  /** Of the file, from 0; 0 unless said. */
  readonly band?: number;
  /** A value is `scale * cell + offset`; as the file says it unless said. */
  readonly scale?: number;
  readonly offset?: number;
  readonly nodata?: number;
};

/** Plain JSON. */
export type Scene = {
  readonly id: string;
  /** RFC 3339. */
  readonly datetime?: string;
  /** Where the item has an interval in place of an instant. */
  readonly interval?: readonly [start: string, end: string];
  /** Per cent. */
  readonly cloud?: number;
  /** By asset key, by name of a band, and by common name (`red`); where one says several, the asset's key counts first, then the band's name. */
  readonly assets: { readonly [name: string]: SceneAsset };
  /** West, south, east, north, in degrees; west is greater than east across the antimeridian. */
  readonly bbox?: readonly [number, number, number, number];
  readonly properties: SceneProperties;
};

export type SceneProperties = {
  readonly collection?: string;
  readonly platform?: string;
  /** How the image was made, say `05.10`. */
  readonly baseline?: string;
  /** Of Sentinel-2: the shift of baseline 04.00 is taken out of the cells, or is not. */
  readonly isShiftApplied?: boolean;
};

/** `notes`: what the user should know, a line each. */
export type Scenes = { readonly scenes: readonly Scene[]; readonly notes: readonly string[] };

export type SceneOptions = {
  /** Names of the user's own: `red=B04`, `nir=image:4` (band 4 of a file of several, from 1). */
  readonly bands?: string;
  readonly signal?: AbortSignal;
  /** Documents that are asked for at once; 16 unless given. */
  readonly atOnce?: number;
};

const mostScenes = 100_000;
const mostDocuments = 200_000;
const mostDepth = 32;

/**
 * The scenes of an item, an item collection, or a catalogue or collection with all that its `child` and `item` links lead to, in the order of the links,
 * level by level; what several links lead to counts once.
 * @throws BadInput for what is no STAC, items without what they must have, more than 100,000 of them, or catalogues nested more than 32 deep; what `open` throws
 */
export async function readScenes(address: string, open: Open, options: SceneOptions = {}): Promise<Scenes> {
  const mapping = parseMapping(options.bands ?? '');
  const { signal, atOnce = 16 } = options;
  const scenes: Scene[] = [];
  const notes: string[] = [];
  const seen = new Set<string>([address]);
  let level = [address];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostDepth)
      throw new BadInput(
        `STAC: ${level[0]} lies ${depth} catalogues below ${address}, expected ${mostDepth} at most; give one further down`,
      );
    const next: string[] = [];
    for (let from = 0; from < level.length; from += atOnce) {
      signal?.throwIfAborted();
      const some = level.slice(from, from + atOnce);
      const documents = await Promise.all(some.map(async (uri) => parseDocument(await open(uri), uri)));
      for (const [i, document] of documents.entries()) {
        const uri = some[i]!;
        const found = lookInto(document, uri, mapping, notes);
        if (scenes.length + found.scenes.length > mostScenes)
          throw new BadInput(
            `STAC: more than ${mostScenes} items at ${address}, expected ${mostScenes} at most; give fewer at a time`,
          );
        for (const scene of found.scenes) scenes.push(scene);
        for (const href of found.links) {
          if (seen.has(href)) continue;
          seen.add(href);
          if (seen.size > mostDocuments)
            throw new BadInput(
              `STAC: more than ${mostDocuments} links below ${address}, expected ${mostDocuments} at most; give fewer at a time`,
            );
          next.push(href);
        }
      }
    }
    level = next;
  }
  return { scenes, notes };
}

type Mapping = ReadonlyMap<string, { readonly asset: string; readonly band?: number }>;
type Document = { readonly [name: string]: unknown };

/** `red=B04,nir=image:4`. @throws BadInput */
function parseMapping(text: string): Mapping {
  const mapping = new Map<string, { asset: string; band?: number }>();
  for (const word of text.split(',').filter((part) => part.trim() !== '')) {
    const [, name, asset, band] = /^\s*([^=\s]+)=([^=]+?)(?::([1-9]\d{0,4}))?\s*$/.exec(word) ?? [];
    if (name === undefined || mapping.has(name))
      throw new BadInput(`bands: found ${word}, expected NAME=ASSET or NAME=ASSET:BAND, each name once`);
    mapping.set(name, { asset: asset!, ...(band === undefined ? {} : { band: Number(band) - 1 }) });
  }
  return mapping;
}

/** The scenes of an item or an item collection itself. @throws BadInput as readScenes */
export function scenesOf(document: Document, address: string): Scenes {
  const notes: string[] = [];
  return { scenes: lookInto(document, address, new Map(), notes).scenes, notes };
}

/** The scenes that stand in a document, and where it leads. */
function lookInto(
  document: Document,
  uri: string,
  mapping: Mapping,
  notes: string[],
): { scenes: Scene[]; links: string[] } {
  const { type } = document;
  const links = linksOf(document, uri);
  if (type === 'Feature') return { scenes: [sceneOf(document, uri, uri, mapping)], links: [] };
  if (type === 'FeatureCollection') {
    const { features } = document;
    if (!Array.isArray(features))
      throw new BadInput(`STAC: ${uri} has no features, expected a list of items`);
    if (links.some(({ rel }) => rel === 'next'))
      notes.push(`${uri} is one page of more: servermix scenes brings all of them`);
    const scenes = features.map((feature: unknown, i) => {
      const place = `feature ${i} of ${uri}`;
      if (!isObject(feature) || feature['type'] !== 'Feature')
        throw new BadInput(`STAC: ${place} is no Feature, expected an item; get the file again`);
      return sceneOf(feature, uri, place, mapping);
    });
    return { scenes, links: [] };
  }
  const isCatalog =
    type === 'Catalog' || type === 'Collection' || (type === undefined && 'stac_version' in document);
  if (!isCatalog)
    throw new BadInput(
      `STAC: ${uri} is of type ${JSON.stringify(type) ?? 'none'}, expected Feature, FeatureCollection, Catalog or Collection`,
    );
  const down = links.filter(({ rel }) => rel === 'item' || rel === 'child');
  if (down.length === 0 && links.some(({ rel }) => rel === 'items' || rel === 'search' || rel === 'data'))
    throw new BadInput(
      `STAC: ${uri} belongs to an API, expected a static catalogue; ask it with servermix scenes`,
    );
  const local = down.find(({ href }) => /^file:/i.test(href));
  if (local && isAddress(uri) && !/^file:/i.test(uri))
    throw new BadInput(`STAC: ${uri} leads to ${local.href}, expected addresses that others can reach`);
  return { scenes: [], links: down.map(({ href }) => href) };
}

/** @throws BadInput, naming the item */
function sceneOf(item: Document, uri: string, place: string, mapping: Mapping): Scene {
  const fail = (found: string, expected: string): never => {
    throw new BadInput(`STAC: ${place}: found ${found}, expected ${expected}; get the file again`);
  };
  const { id, collection } = item;
  if (typeof id !== 'string' || id === '') return fail(`id ${JSON.stringify(id) ?? 'none'}`, 'a name');
  const properties = isObject(item['properties']) ? item['properties'] : fail('no properties', 'an item');
  if (!isObject(item['assets'])) fail('no assets', 'an item');
  // Items within another file lie where they say themselves; an item that was read lies where it was read.
  const self = place === uri ? undefined : linksOf(item, uri).find(({ rel }) => rel === 'self')?.href;
  const assets = assetsOf(item['assets'] as Document, properties, (href) =>
    addressOf(href, self !== undefined && isAddress(self) ? self : uri),
  );
  const named = new Map(Object.entries(assets));
  for (const [name, { asset, band }] of mapping) {
    const found = named.get(asset);
    if (found) named.set(name, band === undefined ? found : { ...found, band });
  }
  const time = (name: string): string | undefined => {
    const value = properties[name];
    if (value === undefined || value === null) return undefined;
    // PDAL writes a year of 0 for a time that it does not know.
    if (typeof value === 'string' && /^0+-/.test(value)) return undefined;
    if (typeof value !== 'string' || Number.isNaN(Date.parse(value)))
      return fail(`${name} ${JSON.stringify(value)}`, 'a time (RFC 3339)');
    return value;
  };
  const [datetime, start, end] = [time('datetime'), time('start_datetime'), time('end_datetime')];
  const cloud = properties['eo:cloud_cover'];
  if (cloud !== undefined && cloud !== null && !(typeof cloud === 'number' && cloud >= 0 && cloud <= 100))
    fail(`eo:cloud_cover ${JSON.stringify(cloud)}`, '0 to 100');
  const bbox = boxOf(item['bbox']);
  if (bbox === null) return fail(`bbox ${JSON.stringify(item['bbox'])}`, '4 or 6 numbers');
  return {
    id,
    ...(datetime === undefined ? {} : { datetime }),
    ...(datetime === undefined && start !== undefined && end !== undefined && !isEver(start, end)
      ? { interval: [start, end] }
      : {}),
    ...(typeof cloud === 'number' ? { cloud } : {}),
    assets: Object.fromEntries(named),
    ...(bbox ? { bbox } : {}),
    properties: propertiesOf(properties, collection),
  };
}

/** Without heights; null for what is no box. */
function boxOf(value: unknown): [number, number, number, number] | undefined | null {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((n) => typeof n === 'number')) return null;
  if (value.length !== 4 && value.length !== 6) return null;
  const half = value.length / 2;
  return [value[0], value[1], value[half], value[half + 1]] as [number, number, number, number];
}

function propertiesOf(properties: Document, collection: unknown): SceneProperties {
  const text = (...names: string[]): string | undefined =>
    names.map((name) => textOf(properties[name])).find((value) => value !== undefined);
  const shift = ['earthsearch:boa_offset_applied', 'sentinel:boa_offset_applied']
    .map((name) => properties[name])
    .find((value) => typeof value === 'boolean');
  const software = properties['processing:software'];
  // Of software the baseline is named among others, as `Sentinel-2 processing baseline`.
  const listed = isObject(software)
    ? Object.entries(software).find(([name]) => /baseline/i.test(name))?.[1]
    : undefined;
  const baseline =
    text('s2:processing_baseline', 'sentinel:processing_baseline', 'processing:version') ?? textOf(listed);
  const platform = text('platform', 'eo:platform') ?? text('constellation');
  const told = textOf(collection);
  return {
    ...(told === undefined ? {} : { collection: told }),
    ...(platform === undefined ? {} : { platform }),
    ...(baseline === undefined ? {} : { baseline }),
    ...(shift === undefined ? {} : { isShiftApplied: shift }),
  };
}
