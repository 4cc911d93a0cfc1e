/** What a STAC file holds, without following its links. */
import type { Json } from '../../core/json.ts';
import { mixesBaselines } from './baselines.ts';
import { isObject, linksOf, parseDocument, textOf } from './document.ts';
import { scenesOf, type Scene } from './scenes.ts';
import { spansOf } from './spans.ts';

/** By name, in the order in which people read them. */
export type Facts = { readonly [name: string]: Json };

/** @throws BadInput for what is no STAC */
export function stacFacts(bytes: Uint8Array, address: string): Facts {
  const document = parseDocument(bytes, address);
  const { type } = document;
  const version = textOf(document['stac_version']);
  const told = { format: `STAC ${textOf(type) ?? 'Catalog'}${version === undefined ? '' : ` ${version}`}` };
  if (type === 'Feature' || type === 'FeatureCollection') {
    const { scenes, notes } = scenesOf(document, address);
    const warning = mixesBaselines(scenes);
    return {
      ...told,
      items: scenes.length,
      ...(scenes.length === 1 ? { id: scenes[0]!.id } : {}),
      ...summaryOf(scenes),
      ...(warning === undefined ? {} : { warning }),
      ...(notes.length > 0 ? { notes: [...notes] } : {}),
    };
  }
  const counts: { [rel: string]: number } = {};
  for (const { rel } of linksOf(document, address)) counts[rel] = (counts[rel] ?? 0) + 1;
  const extent = isObject(document['extent']) ? document['extent'] : {};
  const [spatial, temporal] = [extent['spatial'], extent['temporal']].map((part) =>
    isObject(part) ? part : {},
  );
  const [id, title, license] = ['id', 'title', 'license'].map((name) => textOf(document[name]));
  return {
    ...told,
    ...(id === undefined ? {} : { id }),
    ...(title === undefined ? {} : { title }),
    ...(license === undefined ? {} : { license }),
    ...(Array.isArray(spatial?.['bbox']) ? { bbox: spatial['bbox'][0] as Json } : {}),
    ...(Array.isArray(temporal?.['interval']) ? { interval: temporal['interval'][0] as Json } : {}),
    links: counts,
  };
}

/** Dates, clouds, bounds, and how many items have each asset. */
export function summaryOf(scenes: readonly Scene[]): Facts {
  const spans = spansOf(scenes);
  const assets: { [name: string]: number } = {};
  for (const scene of scenes)
    for (const name of Object.keys(scene.assets)) assets[name] = (assets[name] ?? 0) + 1;
  const platforms = [...new Set(scenes.flatMap(({ properties }) => properties.platform ?? []))].toSorted();
  return {
    ...(spans.dates ? { dates: spans.dates.join(' to ') } : {}),
    ...(spans.clouds ? { cloud: `${spans.clouds.join(' to ')} %` } : {}),
    ...(spans.bbox ? { bbox: [...spans.bbox] } : {}),
    ...(platforms.length > 0 ? { platforms } : {}),
    assets: Object.entries(assets).map(([name, n]) => (n === scenes.length ? name : `${name} (${n} items)`)),
  };
}
