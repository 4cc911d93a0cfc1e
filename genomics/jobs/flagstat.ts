/** Alignment counts of a BAM file by FLAG, as `samtools flagstat` reports them. */
import { columns } from '../../core/codec.ts';
import type { Dataset, Partition, Planning } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import { mebibyte } from '../../core/units.ts';
import { alignmentsOf, type Stretch, stretchesOf } from '../formats/alignments.ts';
import type { Index } from '../formats/indexbody.ts';
import { findIndex } from '../formats/bai.ts';
import { compareVirtual, type Virtual } from '../formats/bgzf.ts';
import { feed, withScanner } from '../formats/feed.ts';
import { toJson, toText } from '../formats/flagstat.ts';
import { recordsOf } from '../formats/lookup.ts';
import { openReading } from '../formats/placed.ts';
import { headingOf } from '../formats/remembered.ts';
import { type Counted, count, createTally, pack, sum, summarize } from '../kernels/flagstat.ts';
import { scanUrl } from '../kernels/modules.ts';
import { scan, startFlags, type Status, takeFlags } from '../kernels/scan.ts';

/** The records of an input that start in `[from, to)`, virtual offsets of record starts or of the file's end. */
type Part = Stretch & { readonly contigs: number };

export const flagstat = define<{ reads: readonly Dataset[] }, Record<never, never>, Part, Counted>({
  name: 'genomics/flagstat',
  version: 2,
  doc: 'counts reads by FLAG: mapped, paired, duplicate, ... (samtools flagstat)',
  examples: [
    '--reads sample.bam',
    '--reads sample.bam --json',
    "--reads 'lanes/*.bam' --out sample.flagstat",
  ],
  inputs: {
    reads: {
      doc: 'alignments in any order; with an index (.bai, .csi) their number is checked; CRAM is slower; of several files the sum',
      formats: ['bam', 'sam', 'sam.gz', 'cram'],
      many: true,
    },
  },
  params: {},
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'reads',
  output: 'text',
  result: columns<Counted>(),

  async partition({ reads }, _params, split, planning) {
    const plans = await Promise.all(reads.map((file, i) => planFile(file, i, split, planning)));
    const parts = plans.flatMap((plan) => plan.parts);
    const records = plans.reduce<number | undefined>(
      (sum, plan) => (sum === undefined || plan.records === undefined ? undefined : sum + plan.records),
      0,
    );
    const notes = plans.flatMap((plan) => plan.notes ?? []);
    return { parts, notes, ...(records === undefined ? {} : { records }) };
  },
  weight: ({ from, to }) => to[0] - from[0],
  pace: 150 * mebibyte,
  memory: () => 24 * mebibyte,
  modules: { scan: scanUrl },
  givesWay: true,

  async kernel({ contigs, ...stretch }, { reads }, _params, context) {
    const { kind, file, from, to } = stretch;
    const { signal } = context;
    if (kind === 'bam') {
      const source = await context.open(reads[file]!);
      const counted = await withScanner(await context.module('scan'), async (scanner) => {
        startFlags(scanner);
        const go = (): Status => scan(scanner, 'flags', contigs);
        return (await feed(scanner, source, from, to, go, { signal })) === 'end'
          ? takeFlags(scanner)
          : undefined;
      });
      if (counted) return pack(counted);
    }
    const tally = createTally();
    const reading = await openReading([reads[file]!], undefined, false, context);
    for await (const chunk of alignmentsOf({ ...stretch, file: 0 }, contigs, reading)) count(chunk, tally);
    return pack(tally);
  },
  merge: (results) => sum(results),
  records: ({ reads }) => reads.reduce((total, n) => total + n, 0),

  async write(result, output, { json }) {
    const [passed, failed] = summarize(result);
    const sink = await output.file();
    await sink.write(new TextEncoder().encode(json ? toJson(passed, failed) : toText(passed, failed)));
  },
});

/** Cuts a file, where its index knows of records if it has one. */
async function planFile(
  reads: Dataset,
  file: number,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const heading = await headingOf(reads, planning);
  const { header, kind } = heading;
  const contigs = header.contigs.length;
  const index = kind === 'bam' ? await findIndex(planning, reads, header) : undefined;
  const stretches = index
    ? stretchesBy(recordStarts(index, header.first, reads.size), file, split)
    : await stretchesOf(planning, reads, heading, file, split);
  // A file of a header alone has one part too, without records.
  if (stretches.length === 0)
    stretches.push({ file, kind, from: header.first, to: header.first, letters: [] });
  const parts = stretches.map((stretch) => ({ ...stretch, contigs }));
  const records = index && recordsOf([index]);
  if (records !== undefined) return { parts, records };
  const note = `${reads.uri} has no index that tells its number of reads, so that it is not checked`;
  // Containers of CRAM tell theirs.
  return { parts, notes: kind === 'cram' ? [] : [`${kind === 'bam' ? 'BAM' : 'SAM'}: ${note}`] };
}

/** Runs of neighbours of about `split` compressed bytes. */
function stretchesBy(starts: readonly Virtual[], file: number, split: number): Stretch[] {
  const bytes = starts.slice(1).map(([block], i) => block - starts[i]![0]);
  return splitWeighted(bytes, split).map(({ start, end }) => ({
    file,
    kind: 'bam',
    from: starts[start]!,
    to: starts[end]!,
    letters: [],
  }));
}

/** Where records start as far as the index knows, ascending, from the first record to the end of the file. */
function recordStarts(index: Index, first: Virtual, size: number): Virtual[] {
  const starts = [first];
  const add = (at: Virtual): void => {
    if (compareVirtual(at, starts.at(-1)!) > 0) starts.push(at);
  };
  for (const { start, block, within } of index.contigs) {
    if (start) add(start);
    block.forEach((offset, i) => add([offset, within[i]!]));
  }
  add([size, 0]);
  return starts;
}
