/** Records of several files of other samples, put together place by place (bcftools merge). */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { choice, flag, type Values } from '../../core/params.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { parseVcfHeader, type VcfHeader } from '../formats/vcfheader.ts';
import { collectLines } from '../formats/vcfwriter.ts';
import { combine } from './combine.ts';
import type { Kept } from './filter.ts';
import { candidateOf, matchRecords } from './matching.ts';
import type { Stretch } from './mergeplan.ts';
import { comparePlaces, contigOrder, type PlacedRecord, placedRecords } from './placed.ts';
import { definitionsOf } from './together.ts';

export const params = {
  multiallelic: choice(
    ['both', 'none', 'all'],
    'what becomes one record of several alternate alleles: substitutions and, apart from them, indels; nothing but what shares an allele; all that is at one place',
  ),
  'missing-to-ref': flag('where a file has no record its samples are 0/0, not ./.'),
  'rename-samples': flag(
    'samples that an earlier file has, too, get the number of their file before their name: 2:NAME',
  ),
};
export type Params = Values<typeof params>;
export type Inputs = { readonly variants: readonly Dataset[] };

/** The header of the result: all that the files define, and all samples. @throws BadInput for a sample that is in two files, unless it is renamed */
export async function mergedHeader(
  files: readonly Dataset[],
  given: Params,
  host: Pick<Context, 'open'>,
): Promise<{ readonly header: VcfHeader; readonly headers: readonly VcfHeader[] }> {
  const headers: VcfHeader[] = [];
  for (const file of files) headers.push((await vcfHeadingOf(file, host)).header);
  const owner = new Map<string, string>();
  const samples = headers.flatMap((header, i) =>
    header.samples.map((sample) => {
      const uri = files[i]!.uri;
      if (!owner.has(sample)) owner.set(sample, uri);
      else if (given['rename-samples']) return `${i + 1}:${sample}`;
      else
        throw new BadInput(
          `VCF: ${uri} has sample ${sample}, expected samples that ${owner.get(sample)} does not have; put files of the same samples in order with genomics/vcf-filter, or give --rename-samples`,
        );
      return sample;
    }),
  );
  const names = ['#CHROM', 'POS', 'ID', 'REF', 'ALT', 'QUAL', 'FILTER', 'INFO'];
  const columns = samples.length > 0 ? [...names, 'FORMAT', ...samples] : names;
  const text = `${[...definitionsOf(headers), columns.join('\t')].join('\n')}\n`;
  return { header: parseVcfHeader(text, files[0]!.uri), headers };
}

export async function mergePart(
  { from, to, ranges }: Stretch,
  { variants }: Inputs,
  given: Params,
  context: Context,
): Promise<Kept> {
  const { header, headers } = await mergedHeader(variants, given, context);
  const order = contigOrder(header);
  const readers: Reader[] = [];
  for (const [i, file] of variants.entries()) {
    const range = ranges[i];
    if (!range) continue;
    const heading = await vcfHeadingOf(file, context);
    const source = await context.open(file);
    const records = placedRecords(source, file.uri, range, heading, order, [from, to], context.signal);
    readers.push({ file: i, records, next: undefined });
  }
  const combiner = {
    header,
    samples: headers.map(({ samples }) => samples.length),
    missingIsReference: given['missing-to-ref'],
  };
  const lines = collectLines();
  const contigs: string[] = [];
  let records = 0;
  for await (const group of groups(readers, variants.length)) {
    records += group.reduce((sum, all) => sum + all.length, 0);
    const first = group.find((all) => all.length > 0)![0]!;
    const [name, pos] = first.columns as readonly [string, string];
    const stranger = group.flat().find(({ columns }) => columns[0] !== name);
    if (stranger)
      throw new BadInput(
        `VCF: contigs ${name} and ${stranger.columns[0]} are in no header, so their order is not known; expected ##contig lines; add them (bcftools reheader --fai)`,
      );
    const candidates = group.map((all) =>
      all.map((one) => candidateOf(one, one.columns[3]!, one.columns[4]!)),
    );
    const matches = matchRecords(candidates, given.multiallelic);
    if (!matches)
      throw new BadInput(
        `VCF: records of ${name}:${pos} have ${[...new Set(group.flat().map(({ columns }) => columns[3]!.slice(0, 20)))].join(' and ')} as REF, expected the same bases; were the files called with one reference? (genomics/vcf-norm --reference checks them)`,
      );
    if (contigs.at(-1) !== name) contigs.push(name);
    for (const match of matches) {
      const line = combine(match, combiner);
      const columns = line.split('\t', 8);
      const end = Number(/(?:^|;)END=(\d+)/.exec(columns[7]!)?.[1] ?? NaN);
      const last = end >= Number(pos) ? end : Number(pos) + columns[3]!.length - 1;
      lines.add(contigs.length - 1, Math.max(0, Number(pos) - 1), Math.max(1, last), `${line}\n`);
    }
  }
  return { records, contigs, ...(await lines.store(context)) };
}

type Reader = {
  readonly file: number;
  readonly records: AsyncGenerator<PlacedRecord>;
  next: PlacedRecord | undefined;
};

/** The records of all files place by place: of each file those at the place. */
async function* groups(readers: readonly Reader[], files: number): AsyncGenerator<readonly PlacedRecord[][]> {
  const advance = async (reader: Reader): Promise<void> => {
    const { value, done } = await reader.records.next();
    reader.next = done ? undefined : value;
  };
  try {
    for (const reader of readers) await advance(reader);
    for (;;) {
      let first: PlacedRecord | undefined;
      for (const { next } of readers)
        if (next && (!first || comparePlaces(next.place, first.place) < 0)) first = next;
      if (!first) return;
      const group: PlacedRecord[][] = Array.from({ length: files }, () => []);
      for (const reader of readers)
        while (reader.next && comparePlaces(reader.next.place, first.place) === 0) {
          group[reader.file]!.push(reader.next);
          await advance(reader);
        }
      yield group;
    }
  } finally {
    for (const { records } of readers) await records.return(undefined);
  }
}
