/** What files and items are called in a catalogue, and how it leads to them. */
import { plainId } from './item.ts';

/** An address without the query that signs it. */
export const bare = (uri: string): string => (/^https?:/i.test(uri) ? uri.replace(/[?#].*$/, '') : uri);

/** The last segment of a path or an address, and the one before; empty where there is none. */
export function segmentsOf(uri: string): { readonly folder: string; readonly name: string } {
  const [name = '', folder = ''] = bare(uri).split('/').toReversed();
  return { folder, name };
}

/** Names as items may have them, each once: what comes again is numbered. */
export function uniqueIds(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const times = new Map<string, number>();
  return names.map((name) => {
    const plain = plainId(name);
    for (;;) {
      const time = (times.get(plain) ?? 0) + 1;
      times.set(plain, time);
      const id = time === 1 ? plain : `${plain}-${time}`;
      if (taken.has(id)) continue;
      taken.add(id);
      return id;
    }
  });
}

/** Where files are for who reads a catalogue: below `base`, as they lie below the folder that holds them all; as they are where `base` is empty. */
export function hrefsOf(uris: readonly string[], base: string): string[] {
  if (base === '') return [...uris];
  const paths = uris.map((uri) => bare(uri).split('/'));
  const [first = []] = paths;
  const least = Math.min(...paths.map((path) => path.length)) - 1;
  let common = 0;
  while (common < least && paths.every((path) => path[common] === first[common])) common += 1;
  return paths.map((path) => `${base.replace(/\/?$/, '/')}${path.slice(common).join('/')}`);
}
