/** Which records are wanted: by expression and region; options that several jobs over VCF share. */
import { BadUsage } from '../../core/errors.ts';
import { text, type Values } from '../../core/params.ts';
import type { LineFault } from '../kernels/samline.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import type { Region } from '../formats/vcfindex.ts';
import { column, endOf, infoFinder, type Line, readLine } from '../kernels/vcfline.ts';
import type { VcfTable } from '../kernels/vcftable.ts';
import { leadingInteger } from '../kernels/vcfvalues.ts';
import { compileExpression } from './expression/compile.ts';
import type { Verdict } from './expression/value.ts';
import { createRecordView, type RecordView } from './recordview.ts';
import { regionTest } from './regions.ts';

export const selectionParams = {
  include: text('records for which this holds, say QUAL>20 && INFO/DP>10 && GT="het"', 'expression'),
  exclude: text('records for which this does not hold', 'expression'),
  region: text(
    'records that overlap it, or any of several; numbers from 1, the last one included',
    'contig:from-to,...',
  ),
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

export type SelectorOptions = {
  /** What is excluded are samples, and records of which none is left; else whole records. */
  readonly bySample?: boolean;
  /** Only records that overlap any. */
  readonly regions?: readonly Region[] | undefined;
  /** Whose lines are read; without it what lies in samples is found more slowly. */
  readonly table?: VcfTable | undefined;
};

/** @throws BadUsage for what is no expression, or for both expressions at once */
export function createSelector(
  { include, exclude }: Selection,
  header: VcfHeader,
  { bySample = false, regions, table }: SelectorOptions = {},
): Selector {
  if (include !== '' && exclude !== '')
    throw new BadUsage('--include and --exclude: found both, expected one; join them with && and !=');
  const view = createRecordView(header, table);
  const expression = include || exclude;
  const compiled = expression === '' ? undefined : compileExpression(expression, { header, view });
  const isWithin = regions && regionTest(regions, lastBase);
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
