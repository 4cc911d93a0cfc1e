/** Counts of a VCF: what bcftools stats reports, by parts. */
import { basename } from 'node:path';
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { text } from '../../core/params.ts';
import { mebibyte } from '../../core/units.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import type { Range } from '../formats/textlines.ts';
import { eachRecord, planVcf, vcfInput } from '../formats/vcffile.ts';
import { vcfModules } from '../kernels/modules.ts';
import { withVcfTable } from '../kernels/vcftable.ts';
import { regionsInput, strangersNote, wantedRegions } from '../vcf/regions.ts';
import { wantedSamples } from '../vcf/samples.ts';
import { selectionParams } from '../vcf/selection.ts';
import { addStats, type Stats } from '../vcf/stats.ts';
import { vcfStatsText } from '../vcf/statstext.ts';
import { createTally } from '../vcf/tally.ts';

const params = {
  region: selectionParams.region,
  samples: text('count by sample, too: names with commas between, or all', 'a,b,...', /^([^,]+(,[^,]+)*)?$/),
};

type Inputs = { readonly variants: readonly [Dataset]; readonly regions?: readonly [Dataset] };

export const vcfStats = define<Inputs, typeof params, Range, Stats>({
  name: 'genomics/vcf-stats',
  version: 2,
  doc: 'counts of a VCF: kinds, transitions, frequencies, qualities, depths, by sample (bcftools stats)',
  examples: [
    '--variants calls.vcf.gz',
    '--variants calls.vcf.gz --samples all --out calls.stats',
    '--variants calls.vcf.gz --regions exons.bed',
    '--variants cohort.vcf.gz --samples NA12878,NA12891 --out cohort.stats',
  ],
  inputs: {
    variants: vcfInput,
    regions: regionsInput,
  },
  params,
  split: 4 * mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'text',
  result: columns<Stats>(),

  async partition({ variants: [file], regions: bed }, given, split, planning) {
    const heading = await vcfHeadingOf(file, planning);
    wantedSamples(given.samples, heading.header, file.uri);
    const regions = await wantedRegions(given, bed, planning, heading.header);
    return {
      parts: await planVcf(file, heading, split, planning, regions),
      notes: [...heading.notes, ...strangersNote(regions, heading.header, file.uri)],
    };
  },
  weight: ({ from, to }) => to - from,
  pace: 100 * mebibyte,
  memory: () => 48 * mebibyte,
  modules: vcfModules,

  async kernel(range, { variants: [file], regions: bed }, given, context) {
    const heading = await vcfHeadingOf(file, context);
    const { header } = heading;
    const wanted = wantedSamples(given.samples, header, file.uri);
    const source = await context.open(file);
    const regions = await wantedRegions(given, bed, context, header);
    return withVcfTable(context, async (table) => {
      const { take, stats } = createTally(header, wanted, table, regions);
      await eachRecord(source, file.uri, range, heading, table, context.signal, take);
      return stats();
    });
  },
  merge: addStats,
  records: ({ totals }) => totals.records,

  async write(
    stats,
    output,
    {
      inputs: {
        variants: [file],
      },
      params: given,
      json,
    },
    context,
  ) {
    const { header } = await vcfHeadingOf(file, context);
    const { names } = wantedSamples(given.samples, header, file.uri);
    const sink = await output.file();
    if (json) return sink.write(Buffer.from(`${JSON.stringify(jsonOf(stats, names), null, 2)}\n`));
    const name = basename(file.uri.replace(/[?#].*$/, ''));
    for (const line of vcfStatsText(stats, name, header.samples.length, names))
      await sink.write(Buffer.from(`${line}\n`));
  },
});

const jsonOf = ({ totals, samples }: Stats, names: readonly string[]): object => ({
  ...totals,
  ...(names.length === 0
    ? {}
    : {
        samples: names.map((sample, i) => ({
          sample,
          ...Object.fromEntries(Object.entries(samples).map(([name, counts]) => [name, counts[i]!])),
        })),
      }),
});
