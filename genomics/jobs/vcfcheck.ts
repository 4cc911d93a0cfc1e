/** Whether a VCF is as its specification has it: the first fault by its line, or how many records are good. */
import { json } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import type { Range } from '../formats/textlines.ts';
import { eachRecord, vcfInput } from '../formats/vcffile.ts';
import { vcfModules } from '../kernels/modules.ts';
import { withVcfTable } from '../kernels/vcftable.ts';
import { checkHeader } from '../vcf/strictheader.ts';
import { createStrictReader } from '../vcf/strictline.ts';

type Checked = { readonly records: number };

/** One part: order and repetition are told along the whole file. */
export const vcfCheck = define<{ variants: readonly [Dataset] }, Record<never, never>, Range, Checked>({
  name: 'genomics/vcf-check',
  version: 1,
  doc: 'whether a VCF keeps to its specification: the first line that does not, what it has and what it should',
  examples: ['--variants calls.vcf.gz'],
  inputs: { variants: vcfInput },
  params: {},
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'text',
  result: json<Checked>(),

  async partition({ variants: [file] }, _given, _split, planning) {
    const { header, notes } = await vcfHeadingOf(file, planning);
    checkHeader(header, file.uri);
    return { parts: [{ from: 0, to: file.size }], notes };
  },
  weight: ({ from, to }) => to - from,
  pace: 10 * mebibyte,
  memory: () => 64 * mebibyte,
  modules: vcfModules,

  async kernel(range, { variants: [file] }, _given, context) {
    const heading = await vcfHeadingOf(file, context);
    const { header } = heading;
    const source = await context.open(file);
    const check = createStrictReader(header);
    let records = 0;
    await withVcfTable(context, (table) =>
      eachRecord(source, file.uri, range, heading, table, context.signal, (line) => {
        records++;
        return check(line);
      }),
    );
    return { records };
  },
  merge: (all) => all[0]!,
  records: ({ records }) => records,

  async write(checked, output, { json: isJson }) {
    const sink = await output.file();
    const text = isJson
      ? JSON.stringify(checked)
      : `${checked.records} records, all as the specification has them`;
    await sink.write(Buffer.from(`${text}\n`));
  },
});
