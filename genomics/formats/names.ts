/** Names in messages. */

/** The first five of some names, and whether there are more. */
export const someOf = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`;
