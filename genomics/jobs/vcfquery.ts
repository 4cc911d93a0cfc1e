/** Text of the records of a VCF, by a format. */
import { columns } from '../../core/codec.ts';
import type { Dataset, Stored } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { text } from '../../core/params.ts';
import { mebibyte } from '../../core/units.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { createTextBuffer } from '../formats/textbuffer.ts';
import type { Range } from '../formats/textlines.ts';
import { eachRecord, planVcf, vcfInput } from '../formats/vcffile.ts';
import { vcfModules } from '../kernels/modules.ts';
import { withVcfTable } from '../kernels/vcftable.ts';
import { compileFormat } from '../vcf/queryformat.ts';
import { regionsInput, strangersNote, wantedRegions } from '../vcf/regions.ts';
import { wantedSamples } from '../vcf/samples.ts';
import { createSelector, selectionParams } from '../vcf/selection.ts';

/** Bytes of text that are put into the store at once, about. */
const piece = 4 * mebibyte;

const params = {
  format: text(
    String.raw`of each record: %CHROM, %POS, %REF, %INFO/DP, %AF{0}, [ ] for each sample: [\t%SAMPLE=%GT]; \t and \n`,
    'text',
  ),
  ...selectionParams,
  samples: text(
    'only these samples in brackets, in this order: names with commas between',
    'a,b,...',
    /^([^,]+(,[^,]+)*)?$/,
  ),
};
const usual = String.raw`%CHROM\t%POS\t%ID\t%REF\t%ALT\t%QUAL\t%FILTER\n`;
const formatOf = (given: string): string => (given === '' ? usual : given);

type Inputs = { readonly variants: readonly [Dataset]; readonly regions?: readonly [Dataset] };
type Text = { readonly records: number; readonly texts: readonly Stored[] };

export const vcfQuery = define<Inputs, typeof params, Range, Text>({
  name: 'genomics/vcf-query',
  version: 3,
  doc: 'text of the records of a VCF by a format, with expressions as in vcf-filter (bcftools query)',
  examples: [
    String.raw`--variants calls.vcf.gz --format '%CHROM\t%POS\t%REF\t%ALT\t%QUAL\n'`,
    String.raw`--variants cohort.vcf.gz --format '%POS[\t%SAMPLE=%GT]\n' --include 'GT="alt" && QUAL>30' --out alt.tsv`,
  ],
  inputs: {
    variants: vcfInput,
    regions: regionsInput,
  },
  params,
  // Genotypes alone inflate to seventy times their size.
  split: mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'text',
  result: columns<Text>(),

  async partition({ variants: [file], regions: bed }, given, split, planning) {
    const heading = await vcfHeadingOf(file, planning);
    const { view } = createSelector(given, heading.header, { bySample: true });
    const wanted = wantedSamples(given.samples || 'all', heading.header, file.uri);
    compileFormat(formatOf(given.format), heading.header, view, wanted);
    const regions = await wantedRegions(given, bed, planning, heading.header);
    return {
      parts: await planVcf(file, heading, split, planning, regions),
      notes: [...heading.notes, ...strangersNote(regions, heading.header, file.uri)],
    };
  },
  weight: ({ from, to }) => to - from,
  pace: 20 * mebibyte,
  memory: () => 256 * mebibyte,
  modules: vcfModules,

  async kernel(range, { variants: [file], regions: bed }, given, context) {
    const heading = await vcfHeadingOf(file, context);
    const { header } = heading;
    const wanted = wantedSamples(given.samples || 'all', header, file.uri);
    const source = await context.open(file);
    const regions = await wantedRegions(given, bed, context, header);
    const rows = createTextBuffer(1.5 * piece);
    const puts: Promise<Stored>[] = [];
    const putRows = (): void => {
      const put = context.put(rows.take());
      // Thrown where all are awaited.
      put.catch(() => {});
      puts.push(put);
    };
    let records = 0;
    await withVcfTable(context, (table) => {
      const selector = createSelector(given, header, { bySample: true, regions, table });
      const format = compileFormat(formatOf(given.format), header, selector.view, wanted, table);
      return eachRecord(source, file.uri, range, heading, table, context.signal, (line) => {
        records++;
        const verdict = selector.select(line);
        if (!verdict) return undefined;
        if ('field' in verdict) return verdict;
        format(rows, verdict.samples);
        if (rows.size() >= piece) putRows();
        return undefined;
      });
    });
    if (rows.size() > 0) putRows();
    return { records, texts: await Promise.all(puts) };
  },
  merge: (all) => ({
    records: all.reduce((sum, { records }) => sum + records, 0),
    texts: all.flatMap(({ texts }) => texts),
  }),
  records: ({ records }) => records,
  appends: ({ texts }) => texts.map((stored) => ({ stored })),

  async write({ texts }, output, _how, _context) {
    const sink = await output.file();
    for (const stored of texts) await sink.append(stored);
  },
});
