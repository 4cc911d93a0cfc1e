/** Assets of items by all names that they have. Sources: STAC 1.1.0, "Bands"; the eo extension 1 (`eo:bands`) and 2; the raster extension 1 (`raster:bands`) and 2. */
import { isObject, textOf } from './document.ts';
import type { SceneAsset } from './scenes.ts';

type Document = { readonly [name: string]: unknown };

// A picture of several bands at once is made for the eye: its cells are no measurements.
const pictures = /^(visual|overview|thumbnail|metadata)$/;

/**
 * By key of the asset, then name of a band, then common name; bands that have a file of their own come before those of a file of several, and
 * pictures last. `properties` are the item's; `locate` makes an href absolute.
 */
export function assetsOf(
  assets: Document,
  properties: Document,
  locate: (href: string) => string,
): { [name: string]: SceneAsset } {
  const byKey = new Map<string, SceneAsset>();
  const byName: [string, SceneAsset, number][] = [];
  for (const [key, asset] of Object.entries(assets)) {
    const given = isObject(asset) ? textOf(asset['href']) : undefined;
    if (!isObject(asset) || given === undefined) continue;
    const href = locate(given);
    const bands = bandsOf(asset);
    const many = bands.length > 1;
    const roles = Array.isArray(asset['roles']) ? asset['roles'] : [];
    const rank = roles.some((role) => pictures.test(String(role))) ? 3 : many ? 2 : 0;
    for (const [i, band] of (bands.length > 0 ? bands : [{}]).entries()) {
      const facts = factsOf(band, asset, properties);
      const one = { href, ...(many ? { band: i } : {}), ...facts };
      if (i === 0) byKey.set(key, many ? { href, band: 0, ...facts } : one);
      const common = textOf(band['eo:common_name']) ?? textOf(band['common_name']);
      for (const [name, later] of [
        [textOf(band['name']), 0],
        [common, 1],
      ] as const)
        if (name !== undefined) byName.push([name, one, rank + later / 2]);
    }
  }
  const named = new Map(byKey);
  // Sorting keeps the order of equals: the first asset of a rank counts.
  for (const [name, asset] of byName.toSorted((a, b) => a[2] - b[2]))
    if (!named.has(name)) named.set(name, asset);
  return Object.fromEntries(named);
}

/** Bands as STAC 1.1 has them, those of the old extensions put together; none where nothing is said of them. */
function bandsOf(asset: Document): Document[] {
  const lists = ['raster:bands', 'eo:bands', 'bands']
    .map((name) => asset[name])
    .filter((list) => Array.isArray(list)) as unknown[][];
  const count = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: Math.min(count, 65_535) }, (_, i) =>
    Object.assign({}, ...lists.map((list) => (isObject(list[i]) ? list[i] : {}))),
  );
}

/** Scale, offset and nodata: the band's own, or else those of the asset. */
function factsOf(band: Document, asset: Document, properties: Document): Omit<SceneAsset, 'href' | 'band'> {
  const first = (...values: unknown[]): number | undefined =>
    values.map(numberOf).find((n) => n !== undefined);
  const scale = first(band['raster:scale'], band['scale'], asset['raster:scale']);
  const said = first(band['raster:offset'], band['offset'], asset['raster:offset']);
  // Cells that had the shift taken out are told with its offset all the same (earth-search, sentinel-2-l2a).
  const isApplied = ['earthsearch:boa_offset_applied', 'sentinel:boa_offset_applied'].some(
    (name) => properties[name] === true,
  );
  const offset = isApplied && said !== undefined ? 0 : said;
  const nodata = first(band['nodata'], asset['nodata']);
  return {
    ...(scale === undefined ? {} : { scale }),
    ...(offset === undefined ? {} : { offset }),
    ...(nodata === undefined ? {} : { nodata }),
  };
}

/** NaN is `nan` in STAC, and plain JSON has no other way to hold it: it is left out, as a cell that is NaN is no value in any case. */
function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
