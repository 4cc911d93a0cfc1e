/** A call as a line of VCF 4.3. */
import { filtersOf } from '../calling/annotations.ts';
import { shown as letters } from '../calling/pool.ts';
import type { Block } from '../calling/blocks.ts';
import { type Call, gone, missing, type SampleCall, unseen } from '../calling/calls.ts';

const textOf = (digits: string): string =>
  digits === unseen
    ? '<NON_REF>'
    : digits === gone
      ? gone
      : digits.replace(/./g, (digit) => letters[Number(digit)]!);
/** No more decimals than mean something, and no trailing zeros. */
const round = (value: number, digits: number): string => `${Number(value.toFixed(digits))}`;

export function writeLine(contig: string, call: Call): string {
  const { pos, alleles, qual, samples, notes } = call;
  const isIndel = alleles.some(
    (allele) => allele !== unseen && allele !== gone && allele.length !== alleles[0]!.length,
  );
  const counts = alleles.map((_, a) =>
    samples.reduce((sum, { genotype }) => sum + genotype.filter((one) => one === a).length, 0),
  );
  const an = counts.reduce((sum, n) => sum + n, 0);
  const alts = counts.slice(1);
  // By the depth of the samples that have the variant.
  const depth = samples.reduce((sum, { genotype, dp }) => sum + (genotype.some((a) => a > 0) ? dp : 0), 0);
  const qd = depth > 0 ? qual / depth : 0;
  const info: [string, string | undefined][] = [
    ['AC', alts.join()],
    ['AF', alts.map((n) => (an > 0 ? round(n / an, 4) : '0')).join()],
    ['AN', `${an}`],
    ['BaseQRankSum', rank(notes.baseRank)],
    ['DP', `${notes.dp}`],
    ['FS', round(notes.fs, 3)],
    ['MQ', round(notes.mq, 2)],
    ['MQ0', `${notes.mq0}`],
    ['MQRankSum', rank(notes.mapqRank)],
    ['QD', round(qd, 2)],
    ['ReadPosRankSum', rank(notes.placeRank)],
    ['SOR', round(notes.sor, 3)],
  ];
  const hasPhase = samples.some(({ phase }) => phase >= 0);
  const marks = filtersOf(qual, qd, isIndel, notes);
  return `${[
    contig,
    pos + 1,
    '.',
    textOf(alleles[0]!),
    alleles.slice(1).map(textOf).join(),
    round(qual, 2),
    marks.length > 0 ? marks.join(';') : 'PASS',
    info.flatMap(([key, value]) => (value === undefined ? [] : `${key}=${value}`)).join(';'),
    `GT:AD:DP:GQ:PL${hasPhase ? ':PS' : ''}`,
    ...samples.map((sample) => sampleText(sample, hasPhase)),
  ].join('\t')}\n`;
}

/** Positions that are like the reference as a line of gVCF. */
export function writeBlock(contig: string, { from, to, base, samples }: Block): string {
  const texts = samples.map(({ gq, pl, depth, leastDepth }) =>
    [depth > 0 ? '0/0' : './.', depth, gq, leastDepth, pl.join()].join(':'),
  );
  const info = `END=${to}`;
  const columns = [
    contig,
    from + 1,
    '.',
    letters[base],
    '<NON_REF>',
    '.',
    '.',
    info,
    'GT:DP:GQ:MIN_DP:PL',
    ...texts,
  ];
  return `${columns.join('\t')}\n`;
}

const rank = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : round(value, 3);

function sampleText({ genotype, phase, ad, dp, gq, pl }: SampleCall, hasPhase: boolean): string {
  const gt = genotype.map((allele) => (allele === missing ? '.' : allele)).join(phase >= 0 ? '|' : '/');
  const ps = hasPhase ? [phase >= 0 ? phase + 1 : '.'] : [];
  return [gt, ad.join(), dp, gq, pl.join(), ...ps].join(':');
}
