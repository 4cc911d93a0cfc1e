/** Keys that VCF defines itself (4.3, tables 1 and 2): how many values, and of which type; of INFO also what values must be. */
import type { Field } from '../formats/vcfheader.ts';

export type Rule = { readonly number: string; readonly type: Field['type'] | ''; readonly pattern?: RegExp };
const rule = (number: string, type: Rule['type'], pattern?: RegExp): Rule =>
  pattern ? { number, type, pattern } : { number, type };

const whole = /^\d+$/;
/** A value of a count, a share, or a quality. */
const positive = /^\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

export const reservedInfo: ReadonlyMap<string, Rule> = new Map([
  ['AA', rule('1', 'String')],
  ['AC', rule('A', 'Integer', whole)],
  ['AD', rule('R', 'Integer', whole)],
  ['ADF', rule('R', 'Integer', whole)],
  ['ADR', rule('R', 'Integer', whole)],
  ['AF', rule('A', 'Float', positive)],
  ['AN', rule('1', 'Integer', whole)],
  ['BQ', rule('1', 'Float', positive)],
  ['CIGAR', rule('A', 'String', /^(\d+[MIDNSHPX=])+$/)],
  ['DB', rule('0', 'Flag')],
  ['DP', rule('1', 'Integer', whole)],
  ['END', rule('1', 'Integer', whole)],
  ['H2', rule('0', 'Flag')],
  ['H3', rule('0', 'Flag')],
  ['MQ', rule('1', '')],
  ['MQ0', rule('1', 'Integer', whole)],
  ['NS', rule('1', 'Integer', whole)],
  ['SOMATIC', rule('0', 'Flag')],
  ['VALIDATED', rule('0', 'Flag')],
  ['1000G', rule('0', 'Flag')],
]);

export const reservedFormat: ReadonlyMap<string, Rule> = new Map([
  ['AD', rule('R', 'Integer')],
  ['ADF', rule('R', 'Integer')],
  ['ADR', rule('R', 'Integer')],
  ['DP', rule('1', 'Integer')],
  ['EC', rule('A', 'Integer')],
  ['FT', rule('1', 'String')],
  ['GL', rule('G', 'Float')],
  ['GLE', rule('G', 'String')],
  ['GP', rule('G', 'Float')],
  ['GQ', rule('1', 'Integer')],
  ['GT', rule('1', 'String')],
  ['HQ', rule('2', 'Integer')],
  ['MQ', rule('1', 'Integer')],
  ['PL', rule('G', 'Integer')],
  ['PQ', rule('1', 'Integer')],
  ['PS', rule('1', 'Integer')],
]);
