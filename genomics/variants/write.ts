/** The file of calls: bgzipped VCF 4.3 and its index. */
import { basename } from 'node:path';
import type { Context, Dataset, Output } from '../../core/job.ts';
import { version } from '../../core/version.ts';
import { filters } from '../calling/annotations.ts';
import type { Contig } from '../formats/bam.ts';
import { writeLines } from '../formats/vcfwriter.ts';
import type { Calls } from './result.ts';
import { type Params, params } from './settings.ts';

const info: readonly (readonly [string, string, string, string])[] = [
  ['AC', 'A', 'Integer', 'Alleles called, by alternate allele'],
  ['AF', 'A', 'Float', 'Part of all alleles called, by alternate allele'],
  ['AN', '1', 'Integer', 'Alleles called'],
  [
    'BaseQRankSum',
    '1',
    'Float',
    'z of the rank sum test of base qualities, alternate against reference reads',
  ],
  ['DP', '1', 'Integer', 'Reads that count'],
  ['END', '1', 'Integer', 'Last position of a block that is like the reference'],
  ['FS', '1', 'Float', 'Strand bias: p of the exact test of Fisher, Phred-scaled'],
  ['MQ', '1', 'Float', 'Root mean square of mapping qualities'],
  ['MQ0', '1', 'Integer', 'Reads of mapping quality 0, which do not count'],
  ['MQRankSum', '1', 'Float', 'z of the rank sum test of mapping qualities'],
  ['QD', '1', 'Float', 'QUAL by depth of the samples that have the variant'],
  ['ReadPosRankSum', '1', 'Float', 'z of the rank sum test of places in the reads'],
  ['SOR', '1', 'Float', 'Strand bias: symmetric odds ratio'],
];
const format: readonly (readonly [string, string, string, string])[] = [
  ['GT', '1', 'String', 'Genotype'],
  ['AD', 'R', 'Integer', 'Reads by allele'],
  ['DP', '1', 'Integer', 'Reads that count'],
  ['GQ', '1', 'Integer', 'Genotype quality'],
  ['MIN_DP', '1', 'Integer', 'Least depth of a block'],
  ['PL', 'G', 'Integer', 'Likelihoods of genotypes, Phred-scaled, the best one 0'],
  ['PS', '1', 'Integer', 'Phase set: position of its first call'],
];

function headerOf(
  contigs: readonly Contig[],
  samples: readonly string[],
  given: Params,
  reference: string,
): string {
  const options = Object.keys(params)
    .map((name) => [name, given[name as keyof Params]] as const)
    .filter(([, value]) => value !== '' && value !== false)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name} ${value}`));
  const described = (kind: string, rows: typeof info): string[] =>
    rows.map(
      ([id, count, type, text]) => `##${kind}=<ID=${id},Number=${count},Type=${type},Description="${text}">`,
    );
  const lines = [
    '##fileformat=VCFv4.3',
    `##source=servermix ${version}`,
    `##servermixCommand=genomics/variants ${options.join(' ')}`,
    `##reference=${reference}`,
    ...(given.gvcf ? ['##ALT=<ID=NON_REF,Description="Any allele that no read shows">'] : []),
    '##FILTER=<ID=PASS,Description="All filters passed">',
    ...Object.entries(filters).map(([id, text]) => `##FILTER=<ID=${id},Description="${text}">`),
    ...contigs.map(({ name, length }) => `##contig=<ID=${name},length=${length}>`),
    ...described('INFO', info),
    ...described('FORMAT', format),
    ['#CHROM', 'POS', 'ID', 'REF', 'ALT', 'QUAL', 'FILTER', 'INFO', 'FORMAT', ...samples].join('\t'),
  ];
  return `${lines.join('\n')}\n`;
}

export const writeCalls = (
  calls: Calls,
  output: Output,
  contigs: readonly Contig[],
  reference: Dataset,
  given: Params,
  context: Pick<Context, 'get'>,
): Promise<void> =>
  writeLines(
    calls,
    output,
    '',
    headerOf(contigs, calls.samples, given, basename(reference.uri)),
    contigs,
    context,
  );
