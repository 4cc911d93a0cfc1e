/** Formats of text for records, as bcftools query has them (1.16): `%CHROM\\t%POS[\\t%SAMPLE=%GT]\\n`. */
import { BadUsage } from '../../core/errors.ts';
import { general } from '../formats/decimal.ts';
import type { Field, VcfHeader } from '../formats/vcfheader.ts';
import type { TextBuffer } from '../formats/textbuffer.ts';
import { kind } from '../kernels/alleles.ts';
import { createSamplePrinter, type SamplePrinter, type Step } from '../kernels/sampleprinter.ts';
import { column, endOf, type Line, textOf } from '../kernels/vcfline.ts';
import type { VcfTable } from '../kernels/vcftable.ts';
import { columnText, type RecordView, readNumbers } from './recordview.ts';
import { lastBase } from './selection.ts';
import type { Wanted } from './samples.ts';

/** Adds text of the record at hand; of a sample by its number in the header, -1 outside of brackets. */
type Piece = {
  readonly add: (out: TextBuffer, sample: number) => void;
  /** How the kernel prints it. */
  readonly step?: Step;
};
/** Pieces outside of brackets, and those that are repeated for each sample; all at once where the kernel can. */
type Block = {
  readonly pieces: readonly Piece[];
  readonly isRepeated: boolean;
  readonly print?: SamplePrinter | undefined;
};

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

/** Adds the text of a record; `samples`: for which of them brackets are repeated, all wanted unless told. */
export type Formatter = (out: TextBuffer, samples: Uint8Array | undefined) => void;

/** `table`: that of the view. @throws BadUsage for a key that the header does not define, or brackets that do not close */
export function compileFormat(
  given: string,
  header: VcfHeader,
  view: RecordView,
  wanted: Wanted,
  table?: VcfTable,
): Formatter {
  const numbers = wanted.names.map((name) => header.samples.indexOf(name));
  // Text of a record is kept byte by byte.
  const format = bytewise(given);
  const blocks: Block[] = [];
  let pieces: Piece[] = [];
  let isRepeated = false;
  const close = (): void => {
    const steps = pieces.flatMap(({ step }) => step ?? []);
    const print =
      table && isRepeated && steps.length === pieces.length
        ? createSamplePrinter(table, steps, numbers, header.samples.length)
        : undefined;
    if (pieces.length > 0) blocks.push({ pieces, isRepeated, print });
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
      pieces.push({ add: (out) => out.add(text), step: { bytes: Buffer.from(text, 'latin1') } });
      at += escaped === undefined ? 1 : 2;
    }
  }
  if (isRepeated) throw fail('[ without ]', 'brackets that open and close in turn');
  close();
  return (out, samples) => {
    for (const { pieces: all, isRepeated: isBySample, print } of blocks) {
      const one = (sample: number): void => {
        for (const piece of all) piece.add(out, sample);
      };
      if (!isBySample) one(-1);
      else if (print) print(samples, view.tableOf, out, one);
      else for (const sample of numbers) if (!samples || samples[sample]) one(sample);
    }
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
  const match = /^(INFO|FORMAT|FMT)\/(.+)$/.exec(name);
  if (match)
    return match[1] === 'INFO'
      ? infoPiece(match[2]!, index, header, view, fail)
      : formatPiece(match[2]!, index, header, view, fail);
  if (isRepeated) {
    if (name === 'SAMPLE') return namesPiece(header);
    if (name === 'TGT') return translatedPiece(view);
    if (header.format.has(name) || name === 'GT') return formatPiece(name, index, header, view, fail);
  }
  const at = columnNames[name];
  if (at !== undefined) return columnPiece(at, index, view);
  const { line } = view;
  const texts: { readonly [name: string]: () => string } = {
    QUAL: () => numberText(columnText(line(), column.qual), 'Float'),
    POS0: () => String(line().pos - 1),
    END: () => String(lastBase(line())),
    END0: () => String(lastBase(line()) - 1),
    FIRST_ALT: () => columnText(line(), column.alt).split(',')[0]!,
    N_ALT: () => String(line().altCount),
    TYPE: () => typeText(view.kinds()),
    FORMAT: () => textOf(line().bytes, line().at[column.format]!, line().end),
    LINE: () => `${textOf(line().bytes, line().at[0]!, line().end)}\n`,
  };
  const text = Object.hasOwn(texts, name) ? texts[name] : undefined;
  return text ? { add: (out) => out.add(text()) } : infoPiece(name, index, header, view, fail);
}

const typeText = (kinds: number): string =>
  typeNames
    .filter(([bit]) => kinds & bit)
    .map(([, text]) => text)
    .join(',') || 'REF';

function columnPiece(of: number, index: number | undefined, view: RecordView): Piece {
  return {
    add(out) {
      const line = view.line();
      if (index === undefined) out.copy(line.bytes, line.at[of]!, endOf(line, of));
      else out.add(columnText(line, of).split(',')[index] ?? '.');
    },
  };
}

function namesPiece({ samples }: VcfHeader): Piece {
  const names = samples.map(bytewise);
  return {
    add: (out, sample) => out.add(names[sample]!),
    step: { texts: names.map((name) => Buffer.from(name, 'latin1')) },
  };
}

/** A number as bcftools prints it: of floats six digits. */
const numberText = (text: string, type: Field['type']): string =>
  type === 'Float' && text !== '.' ? general(Math.fround(Number(text))) : text;

function addValues(
  out: TextBuffer,
  line: Line,
  [from, to]: readonly [number, number],
  field: Field,
  index: number | undefined,
): void {
  if (field.type !== 'Float' && index === undefined) {
    if (from === to) out.add('.');
    else out.copy(line.bytes, from, to);
    return;
  }
  const values: string[] = [];
  if (field.type === 'Float')
    readNumbers(line.bytes, from, to, 'Float', (value) =>
      values.push(Number.isNaN(value) ? '.' : general(value)),
    );
  else values.push(...textOf(line.bytes, from, to).split(','));
  out.add(index === undefined ? values.join(',') : (values[index] ?? '.') || '.');
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
  return {
    add(out) {
      const bounds = view.info(at);
      if (!bounds) out.add('.');
      else if (field.type === 'Flag') out.add('1');
      else addValues(out, view.line(), bounds, field, index);
    },
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
  return {
    add(out, sample) {
      if (!view.hasFormat(at)) return out.add('.');
      if (sample < 0) throw fail(`%FORMAT/${key} outside of brackets`, 'it within [ ]');
      const bounds = view.format(at, sample);
      if (bounds[0] === bounds[1]) out.add('.');
      else addValues(out, view.line(), bounds, field, index);
    },
    ...(field.type !== 'Float' && index === undefined ? { step: { field: at } } : {}),
  };
}

/** A genotype by its bases. */
function translatedPiece(view: RecordView): Piece {
  const at = view.needFormat('GT');
  return {
    add(out, sample) {
      if (!view.hasFormat(at)) return out.add('.');
      const line = view.line();
      const alleles = [columnText(line, column.ref), ...columnText(line, column.alt).split(',')];
      const text = textOf(line.bytes, ...view.format(at, sample)) || '.';
      out.add(text.replace(/\d+/g, (allele) => alleles[Number(allele)] ?? '.'));
    },
  };
}
