/** The report of `samtools flagstat`, as version 1.16 writes it: text, and JSON. */
import { fixed } from './decimal.ts';

/** Counts of records, in the report's order. All but `total` to `mapped` leave secondary and supplementary records out. */
export type FlagCounts = {
  readonly total: number;
  readonly primary: number;
  readonly secondary: number;
  readonly supplementary: number;
  readonly duplicates: number;
  readonly primaryDuplicates: number;
  readonly mapped: number;
  readonly primaryMapped: number;
  readonly paired: number;
  readonly read1: number;
  readonly read2: number;
  readonly properlyPaired: number;
  /** This end and the mate. */
  readonly bothMapped: number;
  readonly singletons: number;
  /** Of `bothMapped`, those with the mate on another contig, and of these the ones with mapq >= 5. */
  readonly mateElsewhere: number;
  readonly mateElsewhereMapq5: number;
};

/** A row: what is counted, its names in the text and in JSON, and what a percentage is taken of, if one is given. */
type Row = readonly [of: keyof FlagCounts, text: string, json: string, whole?: keyof FlagCounts];

const rows: readonly Row[] = [
  ['total', 'in total (QC-passed reads + QC-failed reads)', 'total'],
  ['primary', 'primary', 'primary'],
  ['secondary', 'secondary', 'secondary'],
  ['supplementary', 'supplementary', 'supplementary'],
  ['duplicates', 'duplicates', 'duplicates'],
  ['primaryDuplicates', 'primary duplicates', 'primary duplicates'],
  ['mapped', 'mapped', 'mapped', 'total'],
  ['primaryMapped', 'primary mapped', 'primary mapped', 'primary'],
  ['paired', 'paired in sequencing', 'paired in sequencing'],
  ['read1', 'read1', 'read1'],
  ['read2', 'read2', 'read2'],
  ['properlyPaired', 'properly paired', 'properly paired', 'paired'],
  ['bothMapped', 'with itself and mate mapped', 'with itself and mate mapped'],
  ['singletons', 'singletons', 'singletons', 'paired'],
  ['mateElsewhere', 'with mate mapped to a different chr', 'with mate mapped to a different chr'],
  [
    'mateElsewhereMapq5',
    'with mate mapped to a different chr (mapQ>=5)',
    'with mate mapped to a different chr (mapQ >= 5)',
  ],
];

/** Per cent with two digits; undefined of nothing. samtools divides as floats of 32 bits, which shows in the last digit. */
function percent(part: number, whole: number): string | undefined {
  if (whole === 0) return undefined;
  return fixed(Math.fround(Math.fround(part) / Math.fround(whole)) * 100, 2);
}

/** As `samtools flagstat` prints it: QC-passed + QC-failed records, a line each count. */
export function toText(passed: FlagCounts, failed: FlagCounts): string {
  const ratio = (counts: FlagCounts, of: keyof FlagCounts, whole: keyof FlagCounts): string => {
    const value = percent(counts[of], counts[whole]);
    return value === undefined ? 'N/A' : `${value}%`;
  };
  return rows
    .map(([of, name, , whole]) => {
      const share = whole ? ` (${ratio(passed, of, whole)} : ${ratio(failed, of, whole)})` : '';
      return `${passed[of]} + ${failed[of]} ${name}${share}\n`;
    })
    .join('');
}

/** As `samtools flagstat -O json` prints it. */
export function toJson(passed: FlagCounts, failed: FlagCounts): string {
  const object = (counts: FlagCounts): string =>
    rows
      .flatMap(([of, , name, whole]) => {
        const member = `  "${name}": ${counts[of]}`;
        return whole ? [member, `  "${name} %": ${percent(counts[of], counts[whole]) ?? 'null'}`] : [member];
      })
      .join(', \n');
  return `{\n "QC-passed reads": { \n${object(passed)} \n },\n "QC-failed reads": { \n${object(failed)} \n }\n}\n`;
}

/** A row for each count, under its name in JSON. */
export const toRows = (
  passed: FlagCounts,
  failed: FlagCounts,
): { readonly count: string; readonly passed: number; readonly failed: number }[] =>
  rows.map(([of, , name]) => ({ count: name, passed: passed[of], failed: failed[of] }));
