/** The bracket syntax of well-known text, versions 1 and 2. Sources: OGC 01-009, clause 7; OGC 18-010r7 (WKT 2), clause 6. */
import { BadInput } from '../../core/errors.ts';

/** `KEYWORD["text", 1.5, WORD, CHILD[...]]`: texts, numbers and bare words stand in `values`, children in `nodes`, each in its order. */
export type WktNode = {
  /** In capitals. */
  readonly keyword: string;
  readonly values: readonly (string | number)[];
  readonly nodes: readonly WktNode[];
};

// A full compound system with all its identifiers stays below 20 kB and 10 levels.
const longest = 1 << 20;
const deepest = 32;

const bracket = /\s*[[(]/y;
const token =
  /\s*(?:"([^"]*(?:""[^"]*)*)"|([A-Za-z_]\w*)|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|([[(])|([\])])|(,))/y;

/**
 * The outermost node; what follows it is ignored, and a 0 character ends the text, as LAS pads with them.
 * @throws BadInput where the text is not well-known text, or is longer than 1 MiB or deeper than 32 levels
 */
export function parseWkt(given: string): WktNode {
  if (given.length > longest)
    throw new BadInput(`WKT: ${given.length} characters, expected at most ${longest}`);
  const text = given.split('\0', 1)[0]!;
  let at = 0;
  const next = (): RegExpExecArray => {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) throw broken('a keyword, a number, a quoted text or a bracket');
    at = token.lastIndex;
    return match;
  };
  const broken = (expected: string): BadInput => {
    const found = JSON.stringify(text.slice(at, at + 20)) + (at + 20 < text.length ? '...' : '');
    return new BadInput(`WKT: found ${found} at character ${at}, expected ${expected}`);
  };
  const opens = (): boolean => {
    bracket.lastIndex = at;
    return bracket.test(text);
  };

  const node = (keyword: string, depth: number): WktNode => {
    if (depth > deepest) throw new BadInput(`WKT: more than ${deepest} levels of brackets`);
    const values: (string | number)[] = [];
    const nodes: WktNode[] = [];
    next();
    for (;;) {
      const [, quoted, word, number, open, close, comma] = next();
      if (close !== undefined) return { keyword: keyword.toUpperCase(), values, nodes };
      if (comma !== undefined) continue;
      if (quoted !== undefined) values.push(quoted.replaceAll('""', '"'));
      else if (number !== undefined) values.push(Number(number));
      else if (word !== undefined && opens()) nodes.push(node(word, depth + 1));
      else if (word !== undefined) values.push(word);
      else if (open !== undefined) throw broken('a keyword before the bracket');
    }
  };
  const keyword = next()[2];
  if (keyword === undefined || !opens()) throw broken('a keyword and a bracket');
  return node(keyword, 1);
}

/** The first child with one of these keywords. */
export const child = (node: WktNode, ...keywords: string[]): WktNode | undefined =>
  node.nodes.find((n) => keywords.includes(n.keyword));

/** What a node calls itself: its first text. */
export const nameOf = (node: WktNode): string => String(node.values[0] ?? '');

/** The number in second place, behind the name; undefined where there is none. */
export function numberOf(node: WktNode): number | undefined {
  const value = node.values[1];
  return typeof value === 'number' ? value : undefined;
}

/** The EPSG code that a node itself carries (not one of its children), the last of several. */
export function epsgOf(node: WktNode): number | undefined {
  const codes = node.nodes
    .filter((n) => n.keyword === 'AUTHORITY' || n.keyword === 'ID')
    .filter((n) => nameOf(n).toUpperCase() === 'EPSG')
    .map((n) => Number(n.values[1]))
    .filter((code) => Number.isInteger(code) && code > 0);
  return codes.at(-1);
}

/** A name without case, blanks and punctuation but +, as writers of WKT differ in them: `Lambert_Conformal_Conic_2SP` gives `lambertconformalconic2sp`. */
export const plainName = (name: string): string => name.toLowerCase().replace(/[^a-z0-9+]/g, '');
