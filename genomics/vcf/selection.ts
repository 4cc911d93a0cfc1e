/** Which records are wanted: by expression and region; options that several jobs over VCF share. */
import { BadUsage } from '../../core/errors.ts';
import { text, type Values } from '../../core/params.ts';
import type { LineFault } from '../kernels/samline.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import type { Region } from '../formats/vcfindex.ts';
import { column, endOf, infoFinder, type Line, readLine, textOf } from '../kernels/vcfline.ts';
import type { VcfTable } from '../kernels/vcftable.ts';
import { leadingInteger } from '../kernels/vcfvalues.ts';
import { compileExpression } from './expression/compile.ts';
import type { Verdict } from './expression/value.ts';
import { createRecordView, type RecordView } from './recordview.ts';

export const selectionParams = {
  include: text('records for which this holds, say QUAL>20 && INFO/DP>10 && GT="het"', 'expression'),
  exclude: text('records for which this does not hold', 'expression'),
  region: text('records that overlap it; numbers from 1, the last one included', 'contig:from-to'),
};
export type Selection = Values<typeof selectionParams>;

export type Selector = {
  readonly view: RecordView;
  /** Reads a line; a verdict where it is wanted, undefined where not, or what is wrong with it. */
  select(line: Line): Verdict | LineFault | undefined;
  /** Whether verdicts say something of samples. */
  readonly perSample: boolean;
};

const everything: Verdict = { site: true, samples: undefined };

/**
 * `bySample`: what is excluded are samples, and records of which none is left; else whole records.
 * `table`: whose lines are read; without it what lies in samples is found more slowly.
 * @throws BadUsage for what is no expression or region, or for both expressions at once
 */
export function createSelector(
  given: Selection,
  header: VcfHeader,
  bySample = false,
  table?: VcfTable,
): Selector {
  const { include, exclude, region } = given;
  if (include !== '' && exclude !== '')
    throw new BadUsage('--include and --exclude: found both, expected one; join them with && and !=');
  const view = createRecordView(header, table);
  const expression = include || exclude;
  const compiled = expression === '' ? undefined : compileExpression(expression, { header, view });
  const isWithin = region === '' ? undefined : regionTest(region);
  const inverse: Verdict = {
    site: false,
    samples: compiled?.perSample ? new Uint8Array(header.samples.length) : undefined,
  };
  return {
    view,
    perSample: compiled?.perSample ?? false,
    select(line) {
      const fault = readLine(line, header.samples.length);
      if (fault) return fault;
      if (isWithin && !isWithin(line)) return undefined;
      if (!compiled) {
        view.turn(line);
        return everything;
      }
      view.turn(line);
      const verdict = compiled.test();
      if (exclude === '') return verdict.site ? verdict : undefined;
      inverse.site = !verdict.site;
      if (bySample && inverse.samples && verdict.samples) {
        inverse.site = false;
        for (let i = 0; i < inverse.samples.length; i++) {
          inverse.samples[i] = verdict.samples[i] ? 0 : 1;
          if (inverse.samples[i]) inverse.site = true;
        }
      }
      return inverse.site ? inverse : undefined;
    },
  };
}

const end = infoFinder(['END']);

/** The last base of a record, from 1: END of INFO, or by the reference allele. */
export function lastBase(line: Line): number {
  const { bytes, at, pos } = line;
  const found = end(bytes, at[column.info]!, endOf(line, column.info));
  const told = found[0]! >= 0 ? leadingInteger(bytes, found[0]!, found[1]!) : NaN;
  return told >= pos ? told : pos + endOf(line, column.ref) - at[column.ref]! - 1;
}

/** @throws BadUsage for what is no region */
export function parseRegion(text: string): Region {
  const match = /^(.+?)(?::([\d,]+)(?:-([\d,]*))?)?$/.exec(text)!;
  const numberOf = (digits: string | undefined, otherwise: number): number =>
    digits ? Number(digits.replaceAll(',', '')) : otherwise;
  const [contig, from] = [match[1]!, numberOf(match[2], 1)];
  const to = match[2] !== undefined && match[3] === undefined ? from : numberOf(match[3], Infinity);
  if (from > to) throw new BadUsage(`option region: found ${JSON.stringify(text)}, expected contig:from-to`);
  return { contig, from, to };
}
/** The region that is asked for, if one is. */
export const regionOf = (text: string): Region | undefined => (text === '' ? undefined : parseRegion(text));

function regionTest(text: string): (line: Line) => boolean {
  const { contig, from, to } = parseRegion(text);
  return (line) =>
    line.pos <= to &&
    textOf(line.bytes, line.at[0]!, endOf(line, column.chrom)) === contig &&
    lastBase(line) >= from;
}
