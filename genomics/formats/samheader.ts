/** The header lines of SAM text (SAM spec 1.3): what they must hold for the reads under them to have a meaning. */
import { BadInput } from '../../core/errors.ts';
import type { Contig } from './bam.ts';

const maxLength = 2 ** 31 - 1;
/** Names of contigs (SAM spec 1.2.1). */
const named = /^[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*$/;

type Fields = ReadonlyMap<string, string>;

/** What a line of each kind must have, and how. Of the fields that only describe, such as DT, PI, PL, M5 and TP, any text is taken. */
const rules: { readonly [kind: string]: { readonly [tag: string]: readonly [RegExp, string] } } = {
  HD: {
    VN: [/^[0-9]+\.[0-9]+$/, 'a version, say 1.6'],
    SO: [/^(unknown|unsorted|queryname|coordinate)$/, 'unknown, unsorted, queryname or coordinate'],
    GO: [/^(none|query|reference)$/, 'none, query or reference'],
    SS: [
      /^(coordinate|queryname|unsorted)(:[A-Za-z0-9_-]+)+$/,
      'coordinate, queryname or unsorted, and what orders within',
    ],
  },
  SQ: {
    SN: [named, 'a name'],
    LN: [/^[1-9][0-9]*$/, `a whole number from 1 to ${maxLength}`],
    AN: [/^[0-9A-Za-z][0-9A-Za-z*+.@_|-]*(,[0-9A-Za-z][0-9A-Za-z*+.@_|-]*)*$/, 'names with commas between'],
  },
  RG: { ID: [/^./, 'text'] },
  PG: { ID: [/^./, 'text'] },
};
const needed: { readonly [kind: string]: readonly string[] } = {
  HD: ['VN'],
  SQ: ['SN', 'LN'],
  RG: ['ID'],
  PG: ['ID'],
};

/**
 * The contigs that a header names, in its order.
 * @throws BadInput with the line
 */
export function contigsOf(text: string, name: string): Contig[] {
  const contigs: Contig[] = [];
  const seen: { readonly [kind: string]: Set<string> } = { SQ: new Set(), RG: new Set(), PG: new Set() };
  const previous: (readonly [line: number, program: string])[] = [];
  const fail = (line: number, found: string, expected: string): BadInput =>
    new BadInput(`SAM: line ${line} of ${name}: found ${found}, expected ${expected}; correct the header`);
  text.split('\n').forEach((row, i) => {
    const line = i + 1;
    const [head, ...columns] = row.replace(/\r$/, '').split('\t');
    const kind = head!.slice(1);
    if (head === '' || kind === 'CO') return;
    if (!/^@[A-Za-z][A-Za-z]$/.test(head!))
      throw fail(line, JSON.stringify(row.slice(0, 40)), 'a line like @SQ');
    const fields = fieldsOf(columns, (found, expected) => fail(line, found, expected));
    if (kind === 'HD' && i > 0) throw fail(line, 'a line @HD', 'it first, and once');
    for (const tag of needed[kind] ?? [])
      if (!fields.has(tag)) throw fail(line, `no ${tag} in @${kind}`, `it`);
    for (const [tag, [pattern, expected]] of Object.entries(rules[kind] ?? {})) {
      const value = fields.get(tag);
      if (value !== undefined && !pattern.test(value)) throw fail(line, `${tag}:${value}`, expected);
    }
    const unique = (value: string): void => {
      if (seen[kind]!.has(value)) throw fail(line, `@${kind} ${value} again`, 'each once');
      seen[kind]!.add(value);
    };
    if (kind === 'RG' || kind === 'PG') unique(fields.get('ID')!);
    const before = kind === 'PG' ? fields.get('PP') : undefined;
    if (before !== undefined) previous.push([line, before]);
    if (kind !== 'SQ') return;
    const [contig, length] = [fields.get('SN')!, Number(fields.get('LN'))];
    if (length > maxLength) throw fail(line, `LN:${length}`, `at most ${maxLength}`);
    unique(contig);
    contigs.push({ name: contig, length });
    for (const other of fields.get('AN')?.split(',') ?? []) if (other !== contig) unique(other);
  });
  for (const [line, program] of previous)
    if (!seen['PG']!.has(program)) throw fail(line, `PP:${program}`, 'the ID of a line @PG');
  return contigs;
}

function fieldsOf(columns: readonly string[], fail: (found: string, expected: string) => BadInput): Fields {
  const fields = new Map<string, string>();
  for (const column of columns) {
    const [, tag, value] = /^([A-Za-z][A-Za-z0-9]):(.*)$/.exec(column) ?? [];
    if (tag === undefined)
      throw fail(JSON.stringify(column.slice(0, 40)), 'a tag and its value, say SN:chr1');
    if (fields.has(tag)) throw fail(`${tag} again`, 'each tag once in a line');
    fields.set(tag, value!);
  }
  return fields;
}
