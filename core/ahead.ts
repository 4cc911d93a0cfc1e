/** Work ahead of its consumer, in order. */

/**
 * What `read` makes of each item, in the order of the items, with up to `depth` of them under way. A failure is thrown when its turn comes; a consumer that
 * stops early leaves those under way to themselves.
 */
export async function* ahead<T, R>(
  items: Iterable<T>,
  read: (item: T) => Promise<R>,
  depth = 16,
): AsyncGenerator<R, void, undefined> {
  const flying: Promise<R>[] = [];
  for (const item of items) {
    const result = read(item);
    result.catch(() => {});
    flying.push(result);
    if (flying.length >= depth) yield (await flying.shift())!;
  }
  for (const result of flying) yield await result;
}
