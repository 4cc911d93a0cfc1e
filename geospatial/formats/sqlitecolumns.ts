/** Columns of an SQLite table from the statement that made it. Source: sqlite.org, "CREATE TABLE", and "ROWIDs and the INTEGER PRIMARY KEY". */

/** `isRowId`: the column is the number of the row. `otherwise`: what rows have that are older than the column. */
export type SqliteColumn = {
  readonly name: string;
  readonly isRowId: boolean;
  readonly otherwise: null | number | string;
};

/** A quoted name or text, a bracket, a comma, a word, or a comment. */
const token =
  /"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*(?:\]|$)|'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[(),]|[^\s"`['(),]+/g;
/** As SQLite itself has it unless it is built otherwise (sqlite.org, "Limits"). */
const mostColumns = 2000;
/** Of a statement: a name and a type of many words for each column. */
const mostCharacters = 2 ** 18;
const constraint = /^(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)$/i;

/** Columns that rows have stored: those that are worked out (GENERATED ALWAYS AS, without STORED) have no place there. @throws RangeError for a statement without a list of columns, or a long one */
export function columnsOf(statement: string): SqliteColumn[] {
  if (statement.length > mostCharacters) throw new RangeError(`a table of ${statement.length} characters`);
  const items = itemsOf(statement);
  if (items.length > mostColumns) throw new RangeError(`a table of ${items.length} columns`);
  const constraints = items.filter(([first = '']) => constraint.test(first));
  const key = constraints
    .map((words) => words.join(' '))
    .map((text) => /\bPRIMARY KEY \( (.+?)(?: ASC| DESC)?(?: AUTOINCREMENT)? \)/i.exec(text)?.[1])
    .find((name) => name !== undefined);
  return items
    .filter(([first = '']) => !constraint.test(first))
    .filter((words) => !isVirtual(words.slice(1).join(' ')))
    .map(([first = '', type = '', ...rest]) => {
      const text = rest.join(' ');
      const name = nameOf(first);
      const isInteger = /^INTEGER$/i.test(nameOf(type));
      const isKey = /\bPRIMARY KEY\b(?! DESC)/i.test(text) || (key !== undefined && nameOf(key) === name);
      const given = /\bDEFAULT (?:\( )?('(?:[^']|'')*'|[+-]?[\d.]+(?:e[+-]?\d+)?)/i.exec(text)?.[1];
      return { name, isRowId: isInteger && isKey, otherwise: given === undefined ? null : literalOf(given) };
    });
}

const isVirtual = (definition: string): boolean =>
  /\bAS \(/i.test(definition) && !/\) STORED\b/i.test(definition);

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
