/** A collection of items, and items as files beside it. Sources: the STAC collection specification 1.1.0; the best practices for static catalogues. */
import { type Fields, type Item, itemOf } from './item.ts';

const root = { rel: 'root', href: './collection.json', type: 'application/json' };

/** `items` have names of their own, each once; they lie beside the collection as `<id>.json`. */
export function collectionOf(id: string, license: string, items: readonly Item[]): Fields {
  return {
    type: 'Collection',
    stac_version: '1.1.0',
    id,
    description: `${items.length} items`,
    license,
    extent: { spatial: { bbox: [boundsOf(items)] }, temporal: { interval: [intervalOf(items)] } },
    links: [
      root,
      ...items.map((item) => ({
        rel: 'item',
        href: `./${item.id}.json`,
        type: 'application/geo+json',
        title: item.id,
      })),
    ],
  };
}

/** The item as it stands beside its collection. */
export const itemWithin = (collection: string, item: Item): Fields =>
  itemOf({ ...item, collection, links: [root, { ...root, rel: 'parent' }, { ...root, rel: 'collection' }] });

type Box = readonly [west: number, south: number, east: number, north: number];

/** All boxes together; those that cross the antimeridian make it go around the Earth. The whole Earth where no item has one. */
function boundsOf(items: readonly Item[]): Box {
  const boxes = items.flatMap(({ footprint }) =>
    footprint['bbox'] ? [footprint['bbox'] as unknown as Box] : [],
  );
  if (boxes.length === 0) return [-180, -90, 180, 90];
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [left, low, right, high] of boxes) {
    const [from, to] = left <= right ? [left, right] : [-180, 180];
    [west, south] = [Math.min(west, from), Math.min(south, low)];
    [east, north] = [Math.max(east, to), Math.max(north, high)];
  }
  return [west, south, east, north];
}

/** From the first to the last time that an item tells; open where none does. */
function intervalOf(items: readonly Item[]): (string | null)[] {
  const known = items
    .map(({ time }) => time['datetime'])
    .filter((time) => typeof time === 'string')
    .toSorted((a, b) => Date.parse(a) - Date.parse(b));
  return known.length < items.length ? [null, null] : [known[0] ?? null, known.at(-1) ?? null];
}
