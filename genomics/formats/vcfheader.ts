/** The header of VCF text (VCF 4.3 clause 1.4, 1.5): what it defines, and the samples. */
import { BadInput } from '../../core/errors.ts';

export type Kind = 'Integer' | 'Float' | 'Flag' | 'Character' | 'String';
/** Of INFO or FORMAT. `number`: how many values, or A, R, G, `.`. */
export type Field = {
  readonly number: string;
  readonly type: Kind;
  readonly description: string;
};

export type VcfHeader = {
  /** Of the format, say 4.3. */
  readonly version: number;
  /** All lines, each with its line feed; the last one has the names of columns. */
  readonly text: string;
  readonly lines: readonly string[];
  /** By name; the length in bases where it is told. */
  readonly contigs: ReadonlyMap<string, number | undefined>;
  readonly info: ReadonlyMap<string, Field>;
  readonly format: ReadonlyMap<string, Field>;
  /** Descriptions by name. */
  readonly filters: ReadonlyMap<string, string>;
  readonly samples: readonly string[];
};

const columns = ['#CHROM', 'POS', 'ID', 'REF', 'ALT', 'QUAL', 'FILTER', 'INFO'];
const kinds = new Set<string>(['Integer', 'Float', 'Flag', 'Character', 'String']);

/** The values of `##KEY=<...>`, by name, quotes taken off. */
export type Structured = ReadonlyMap<string, string>;

/** @throws BadInput with the line */
export function parseVcfHeader(text: string, name: string): VcfHeader {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const fail = (line: number, found: string, expected: string): BadInput =>
    new BadInput(`VCF: line ${line} of ${name}: found ${found}, expected ${expected}; correct the header`);
  const show = (line: string): string => JSON.stringify(line.length > 60 ? `${line.slice(0, 57)}...` : line);
  const version = Number(/^##fileformat=VCFv(\d+\.\d+)\r?$/.exec(lines[0] ?? '')?.[1] ?? NaN);
  if (Number.isNaN(version)) throw fail(1, show(lines[0] ?? ''), '##fileformat=VCFv4.3 or another version');
  const contigs = new Map<string, number | undefined>();
  const [info, format] = [new Map<string, Field>(), new Map<string, Field>()];
  const filters = new Map<string, string>();
  let samples: string[] | undefined;
  lines.forEach((raw, i) => {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (samples) throw fail(i + 1, show(line), 'records behind the line of #CHROM');
    if (!line.startsWith('##')) {
      samples = samplesOf(line, (found, expected) => fail(i + 1, found, expected));
      return;
    }
    const match = /^##(contig|INFO|FORMAT|FILTER)=(.*)$/.exec(line);
    if (!match) return;
    const values = structured(match[2]!);
    const id = values?.get('ID');
    // Some writers leave these lines half done; only what is used must be there.
    if (!values || !id) throw fail(i + 1, show(line), `##${match[1]}=<ID=...>`);
    if (match[1] === 'contig') {
      const length = Number(values.get('length') ?? NaN);
      contigs.set(id, length > 0 ? length : undefined);
    } else if (match[1] === 'FILTER') filters.set(id, values.get('Description') ?? '');
    else {
      const [type, number] = [values.get('Type') ?? '', values.get('Number') ?? ''];
      if (!kinds.has(type))
        throw fail(i + 1, `Type=${type} of ${id}`, 'Integer, Float, Flag, Character or String');
      if (!/^(\d+|[ARGPM.]|LA|LR|LG)$/.test(number))
        throw fail(i + 1, `Number=${number} of ${id}`, 'a count, A, R, G or .');
      const fields = match[1] === 'INFO' ? info : format;
      // The first one counts, as in htslib.
      if (!fields.has(id))
        fields.set(id, { number, type: type as Kind, description: values.get('Description') ?? '' });
    }
  });
  if (!samples)
    throw fail(
      lines.length,
      show(lines.at(-1) ?? ''),
      `a line of column names, ${columns.join(' ')}, at its end`,
    );
  return { version, text: `${lines.join('\n')}\n`, lines, contigs, info, format, filters, samples };
}

/** The samples of the line of column names. */
function samplesOf(line: string, fail: (found: string, expected: string) => BadInput): string[] {
  const names = line.split('\t');
  const wrong = columns.findIndex((column, i) => names[i] !== column);
  if (wrong >= 0)
    throw fail(
      names[wrong] === undefined ? `${names.length} columns` : JSON.stringify(names[wrong]!.slice(0, 40)),
      `${columns[wrong]} in column ${wrong + 1}, tabs between`,
    );
  if (names.length === columns.length) return [];
  if (names[8] !== 'FORMAT') throw fail(JSON.stringify(names[8]!.slice(0, 40)), 'FORMAT in column 9');
  const samples = names.slice(9);
  // A tab at the end, as some old writers leave, names no sample.
  if (samples.at(-1) === '') samples.pop();
  const seen = new Set<string>();
  for (const sample of samples) {
    if (sample === '') throw fail('a sample without a name', 'names of samples');
    if (seen.has(sample)) throw fail(`sample ${sample} twice`, 'each sample once');
    seen.add(sample);
  }
  return samples;
}

/** What stands between `<` and `>`; undefined for text that is not so written. */
export function structured(given: string): Structured | undefined {
  const text = given.trim();
  if (!text.startsWith('<') || !text.endsWith('>')) return undefined;
  const values = new Map<string, string>();
  const end = text.length - 1;
  for (let at = 1; at < end;) {
    const equals = text.indexOf('=', at);
    if (equals < 0 || equals >= end) return undefined;
    const key = text.slice(at, equals).trim();
    at = equals + 1;
    while (text[at] === ' ') at++;
    let value = '';
    if (text[at] === '"') {
      for (at++; at < end && text[at] !== '"'; at++) {
        if (text[at] === '\\' && at + 1 < end) at++;
        value += text[at]!;
      }
      if (at >= end) return undefined;
      at++;
    } else {
      // Values may hold brackets of their own, such as Values=[a, b].
      const closing = text[at] === '[' ? text.indexOf(']', at) : -1;
      const comma = text.indexOf(',', Math.max(at, closing));
      const stop = comma < 0 || comma > end ? end : comma;
      value = text.slice(at, stop).trim();
      at = stop;
    }
    while (text[at] === ' ') at++;
    values.set(key, value);
    if (at < end && text[at] !== ',') return undefined;
    at++;
  }
  return values;
}
