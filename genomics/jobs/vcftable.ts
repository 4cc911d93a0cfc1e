/** The records of a VCF as a table with typed columns. */
import { columns } from '../../core/codec.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { writeRowGroups } from '../formats/rowgroups.ts';
import type { Range } from '../formats/textlines.ts';
import { planVcf, vcfInput } from '../formats/vcffile.ts';
import { vcfModules } from '../kernels/modules.ts';
import { regionsInput, strangersNote, wantedRegions } from '../vcf/regions.ts';
import { columnsOf, type Inputs, params, type Part, type Rows, tabulate } from '../vcf/table.ts';

/** Bytes of the file between the places at which row groups end in any case, and of the input of one file of many. */
const [cell, shard] = [mebibyte, 64 * mebibyte];

export const vcfTable = define<Inputs, typeof params, Part, Rows>({
  name: 'genomics/vcf-table',
  version: 2,
  doc: 'records or genotypes of a VCF as Parquet (or text) with typed columns, and counts of genotypes and alleles',
  examples: [
    '--variants calls.vcf.gz --out calls.parquet',
    '--variants cohort.vcf.gz --genotypes GT,DP,GQ --rows genotypes --out genotypes.parquet',
    '--variants cohort.vcf.gz --info none --counts --format tsv --out frequencies.tsv',
  ],
  inputs: { variants: vcfInput, regions: regionsInput },
  params,
  // Genotypes alone inflate to seventy times their size.
  split: mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'file',
  result: columns<Rows>(),

  async partition({ variants: [file], regions: bed }, given, split, planning) {
    const heading = await vcfHeadingOf(file, planning);
    columnsOf(given, heading.header, file.uri);
    const regions = await wantedRegions(given, bed, planning, heading.header);
    const parts: { readonly cells: Range[] }[] = [];
    for (const range of await planVcf(file, heading, cell, planning, regions)) {
      const last = parts.at(-1)?.cells;
      if (last && range.to - last[0]!.from <= split) last.push(range);
      else parts.push({ cells: [range] });
    }
    return { parts, notes: [...heading.notes, ...strangersNote(regions, heading.header, file.uri)] };
  },
  weight: ({ cells }) => cells.at(-1)!.to - cells[0]!.from,
  pace: 4 * mebibyte,
  memory: () => 640 * mebibyte,
  modules: vcfModules,

  kernel: tabulate,
  merge: (all) => ({
    records: all.reduce((sum, { records }) => sum + records, 0),
    groups: all.flatMap(({ groups }) => groups),
    texts: all.flatMap(({ texts }) => texts),
  }),
  records: ({ records }) => records,

  async write(
    { groups, texts },
    output,
    {
      inputs: {
        variants: [file],
      },
      params: given,
    },
    context,
  ) {
    const { header } = await vcfHeadingOf(file, context);
    const table = columnsOf(given, header, file.uri).columns;
    if (given.format === 'tsv') {
      const sink = await output.file();
      await sink.write(Buffer.from(`${table.map(({ name }) => name).join('\t')}\n`));
      for (const stored of texts) await sink.append(stored);
      return;
    }
    const isOne = given.files === 'one';
    const shards = new Map<number, (typeof groups)[number][]>();
    for (const group of groups) {
      const of = isOne ? 0 : Math.floor(group.at / shard);
      const known = shards.get(of);
      if (known) known.push(group);
      else shards.set(of, [group]);
    }
    if (shards.size === 0) shards.set(0, []);
    for (const [i, some] of [...shards.values()].entries()) {
      const sink = await output.file(isOne ? '' : `-${String(i + 1).padStart(5, '0')}.parquet`);
      await writeRowGroups(table, some, sink, (at) => sink.append(some[at]!.stored));
    }
  },
});
