/** Formats of text for records, as bcftools query has them (1.16): `%CHROM\\t%POS[\\t%SAMPLE=%GT]\\n`. */
import { BadUsage } from '../../core/errors.ts';
import { general } from '../formats/decimal.ts';
import type { Field, VcfHeader } from '../formats/vcfheader.ts';
import { kind } from '../kernels/alleles.ts';
import { column, type Line, textOf } from '../kernels/vcfline.ts';
import { columnText, type RecordView, readNumbers } from './recordview.ts';
import { lastBase } from './selection.ts';
import type { Wanted } from './samples.ts';

/** Text of the record at hand; of a sample by its number in the header, -1 outside of brackets. */
type Piece = (sample: number) => string;
/** Pieces outside of brackets, and those that are repeated for each sample. */
type Block = { readonly pieces: readonly Piece[]; readonly isRepeated: boolean };

const columnNames: { readonly [name: string]: number } = {
  CHROM: column.chrom,
  POS: column.pos,
  ID: column.id,
  REF: column.ref,
  ALT: column.alt,
  FILTER: column.filter,
  INFO: column.info,
};
const typeNames: readonly (readonly [number, string])[] = [
  [kind.snp, 'SNP'],
  [kind.mnp, 'MNP'],
  [kind.indel, 'INDEL'],
  [kind.other, 'OTHER'],
  [kind.breakend, 'BND'],
  [kind.overlap, 'OVERLAP'],
];

/** The bytes of UTF-8 as a letter each, as lines are read and written. */
const bytewise = (text: string): string => Buffer.from(text).toString('latin1');

/** Gives the text of a record; `samples`: for which of them brackets are repeated, all wanted unless told. */
export type Formatter = (samples: Uint8Array | undefined) => string;

/** @throws BadUsage for a key that the header does not define, or brackets that do not close */
export function compileFormat(given: string, header: VcfHeader, view: RecordView, wanted: Wanted): Formatter {
  // Text of a record is kept byte by byte.
  const format = bytewise(given);
  const blocks: Block[] = [];
  let pieces: Piece[] = [];
  let isRepeated = false;
  const close = (): void => {
    if (pieces.length > 0) blocks.push({ pieces, isRepeated });
    pieces = [];
  };
  const fail = (found: string, expected: string): BadUsage =>
    new BadUsage(`--format: found ${found}, expected ${expected}`);
  for (let at = 0; at < format.length;) {
    const c = format[at]!;
    const name =
      c === '%' ? /^%([A-Za-z0-9_.]+(\/[A-Za-z0-9_.]+)?)(\{(\d+)\})?/.exec(format.slice(at)) : undefined;
    if (name) {
      const index = name[4] === undefined ? undefined : Number(name[4]);
      pieces.push(pieceOf(name[1]!, index, isRepeated, header, view, fail));
      at += name[0].length;
    } else if (c === '[' || c === ']') {
      if ((c === '[') === isRepeated)
        throw fail(`${c} at character ${at + 1}`, 'brackets that open and close in turn');
      close();
      isRepeated = c === '[';
      at++;
    } else {
      const escaped =
        c === '\\'
          ? ({ n: '\n', t: '\t', '\\': '\\' } as { [name: string]: string })[format[at + 1]!]
          : undefined;
      const text = escaped ?? c;
      pieces.push(() => text);
      at += escaped === undefined ? 1 : 2;
    }
  }
  if (isRepeated) throw fail('[ without ]', 'brackets that open and close in turn');
  close();
  const numbers = wanted.names.map((name) => header.samples.indexOf(name));
  return (samples) => {
    let out = '';
    for (const block of blocks)
      if (!block.isRepeated) for (const piece of block.pieces) out += piece(-1);
      else
        for (const sample of numbers)
          if (!samples || samples[sample]) for (const piece of block.pieces) out += piece(sample);
    return out;
  };
}

function pieceOf(
  name: string,
  index: number | undefined,
  isRepeated: boolean,
  header: VcfHeader,
  view: RecordView,
  fail: (found: string, expected: string) => BadUsage,
): Piece {
  const nth = (text: string): string => (index === undefined ? text : (text.split(',')[index] ?? '.'));
  const match = /^(INFO|FORMAT|FMT)\/(.+)$/.exec(name);
  if (match)
    return match[1] === 'INFO'
      ? infoPiece(match[2]!, index, header, view, fail)
      : formatPiece(match[2]!, index, header, view, fail);
  if (isRepeated) {
    if (name === 'SAMPLE') return (sample) => bytewise(header.samples[sample]!);
    if (name === 'TGT') return translatedPiece(view);
    if (header.format.has(name) || name === 'GT') return formatPiece(name, index, header, view, fail);
  }
  const at = columnNames[name];
  if (at !== undefined) return () => nth(columnText(view.line(), at));
  const { line } = view;
  switch (name) {
    case 'QUAL':
      return () => numberText(columnText(line(), column.qual), 'Float');
    case 'POS0':
      return () => String(line().pos - 1);
    case 'END':
      return () => String(lastBase(line()));
    case 'END0':
      return () => String(lastBase(line()) - 1);
    case 'FIRST_ALT':
      return () => columnText(line(), column.alt).split(',')[0]!;
    case 'N_ALT':
      return () => String(line().altCount);
    case 'TYPE':
      return () => {
        const kinds = view.kinds();
        return kinds === 0
          ? 'REF'
          : typeNames
              .filter(([bit]) => kinds & bit)
              .map(([, text]) => text)
              .join(',');
      };
    case 'FORMAT':
      return () => textOf(line().bytes, line().at[column.format]!, line().end);
    case 'LINE':
      return () => `${textOf(line().bytes, line().at[0]!, line().end)}\n`;
    default:
      return infoPiece(name, index, header, view, fail);
  }
}

/** A number as bcftools prints it: of floats six digits. */
const numberText = (text: string, type: Field['type']): string =>
  type === 'Float' && text !== '.' ? general(Math.fround(Number(text))) : text;

function valuesText(
  line: Line,
  [from, to]: readonly [number, number],
  field: Field,
  index: number | undefined,
): string {
  if (field.type !== 'Float' && index === undefined) return textOf(line.bytes, from, to) || '.';
  const values: string[] = [];
  if (field.type === 'Float')
    readNumbers(line.bytes, from, to, 'Float', (value) =>
      values.push(Number.isNaN(value) ? '.' : general(value)),
    );
  else values.push(...textOf(line.bytes, from, to).split(','));
  return index === undefined ? values.join(',') : (values[index] ?? '.') || '.';
}

function infoPiece(
  key: string,
  index: number | undefined,
  header: VcfHeader,
  view: RecordView,
  fail: (found: string, expected: string) => BadUsage,
): Piece {
  const field = header.info.get(key);
  if (!field) throw fail(`%${key}`, 'a column, or a key that the header defines');
  const at = view.needInfo(key);
  return () => {
    const bounds = view.info(at);
    if (!bounds) return '.';
    return field.type === 'Flag' ? '1' : valuesText(view.line(), bounds, field, index);
  };
}

function formatPiece(
  key: string,
  index: number | undefined,
  header: VcfHeader,
  view: RecordView,
  fail: (found: string, expected: string) => BadUsage,
): Piece {
  const field =
    header.format.get(key) ??
    (key === 'GT' ? ({ number: '1', type: 'String', description: '' } as const) : undefined);
  if (!field) throw fail(`%FORMAT/${key}`, 'a key that the header defines');
  const at = view.needFormat(key);
  return (sample) => {
    if (!view.hasFormat(at)) return '.';
    if (sample < 0) throw fail(`%FORMAT/${key} outside of brackets`, 'it within [ ]');
    const bounds = view.format(at, sample);
    return bounds[0] === bounds[1] ? '.' : valuesText(view.line(), bounds, field, index);
  };
}

/** A genotype by its bases. */
function translatedPiece(view: RecordView): Piece {
  const at = view.needFormat('GT');
  return (sample) => {
    if (!view.hasFormat(at)) return '.';
    const line = view.line();
    const alleles = [columnText(line, column.ref), ...columnText(line, column.alt).split(',')];
    const text = textOf(line.bytes, ...view.format(at, sample)) || '.';
    return text.replace(/\d+/g, (allele) => alleles[Number(allele)] ?? '.');
  };
}
