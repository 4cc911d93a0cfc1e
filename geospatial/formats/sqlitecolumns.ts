/** Columns of an SQLite table from the statement that made it. Source: sqlite.org, "CREATE TABLE", and "ROWIDs and the INTEGER PRIMARY KEY". */

/** `isRowId`: the column is the number of the row. `otherwise`: what rows have that are older than the column. */
export type SqliteColumn = {
  readonly name: string;
  readonly isRowId: boolean;
  readonly otherwise: null | number | string;
};

/** A quoted name or text, a bracket, a comma, a word, or a comment. */
const token =
  /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\/|[(),]|[^\s"`['(),]+/g;
const constraint = /^(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)$/i;

/** @throws RangeError for a statement without a list of columns */
export function columnsOf(statement: string): SqliteColumn[] {
  const items = itemsOf(statement);
  const constraints = items.filter(([first = '']) => constraint.test(first));
  const key = constraints
    .map((words) => words.join(' '))
    .map((text) => /\bPRIMARY KEY \( (.+?)(?: ASC| DESC)?(?: AUTOINCREMENT)? \)/i.exec(text)?.[1])
    .find((name) => name !== undefined);
  return items
    .filter(([first = '']) => !constraint.test(first))
    .map(([first = '', type = '', ...rest]) => {
      const text = rest.join(' ');
      const name = nameOf(first);
      const isInteger = /^INTEGER$/i.test(nameOf(type));
      const isKey = /\bPRIMARY KEY\b(?! DESC)/i.test(text) || (key !== undefined && nameOf(key) === name);
      const given = /\bDEFAULT (?:\( )?('(?:[^']|'')*'|[+-]?[\d.]+(?:e[+-]?\d+)?)/i.exec(text)?.[1];
      return { name, isRowId: isInteger && isKey, otherwise: given === undefined ? null : literalOf(given) };
    });
}

/** What stands between the commas of the outer brackets, word by word. */
function itemsOf(statement: string): string[][] {
  const items: string[][] = [[]];
  let depth = 0;
  for (const [word] of statement.matchAll(token)) {
    if (word.startsWith('--') || word.startsWith('/*')) continue;
    if (word === '(' && depth++ === 0) continue;
    if (word === ')' && --depth === 0) return items;
    if (depth === 0) continue;
    if (word === ',' && depth === 1) items.push([]);
    else items.at(-1)!.push(word);
  }
  throw new RangeError(`no columns in ${JSON.stringify(statement.slice(0, 60))}`);
}

const nameOf = (word: string): string =>
  /^["`'[]/.test(word) ? word.slice(1, -1).replaceAll(word[0]!.repeat(2), word[0]!) : word;
const literalOf = (word: string): number | string => (word.startsWith("'") ? nameOf(word) : Number(word));
