/** Depth of coverage of a BAM file, as mosdepth 0.3.3 reports it. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset, Stored } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { bedOf, headerOf, selectContigs } from '../coverage/contigs.ts';
import { writeRegions, writeRows } from '../coverage/files.ts';
import { type Part, planParts } from '../coverage/plan.ts';
import { writeReports } from '../coverage/reports.ts';
import { type Coverage, join, type Rows, storePiece } from '../coverage/result.ts';
import { noPatches } from '../coverage/seam.ts';
import { params, settingsOf } from '../coverage/settings.ts';
import { createPartSweep, type PartSweep, type Rest } from '../coverage/sweep.ts';
import { records } from '../formats/bam.ts';
import { takePiece } from '../kernels/track.ts';

const mebibyte = 1 << 20;
/** Compressed rows and bytes of numbers that a kernel holds before they go to the store. */
const pieceSize = 8 * mebibyte;

type Inputs = { readonly reads: readonly [Dataset]; readonly by?: readonly [Dataset] };

export const coverage = define<Inputs, typeof params, Part, Coverage>({
  name: 'genomics/coverage',
  version: 1,
  doc: 'depth per base, per region and per contig (mosdepth)',
  examples: [
    '--reads sample.bam --out results/sample',
    '--reads sample.bam --by 500 --fast --no-per-base --out results/sample',
    '--reads sample.bam --by exons.bed --thresholds 1,10,30 --out results/sample',
  ],
  inputs: {
    reads: { doc: 'sorted alignments with an index (.bai or .csi)', formats: ['bam'] },
    by: { doc: 'regions to measure', formats: ['bed'], optional: true },
  },
  params,
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'reads',
  output: 'prefix',
  result: columns<Coverage>(),

  partition: planParts,
  weight: ({ cost }) => cost,
  pace: 80 * mebibyte,
  memory: ({ contigs, from, to }, { by, thresholds }) => {
    const bases =
      contigs.reduce((sum, [, , length]) => sum + length, 0) - (contigs.at(-1)?.[2] ?? 0) + to - from;
    // Numbers of windows are held until the part's end, and copied once.
    return 64 * mebibyte + (by > 0 ? (bases / by) * 16 * (1 + thresholds.length) : 0);
  },

  async kernel(part, { reads: [reads], by }, given, context) {
    const settings = settingsOf(given, by !== undefined);
    const bed = by && (await bedOf(by[0], context));
    const sweep = createPartSweep(part, settings, bed, reads.uri);
    const kept = keeper(sweep, context);
    const source = await context.open(reads);
    const { signal } = context;
    for (const { from, last, to: hint } of part.ranges)
      for await (const chunk of records(source, reads.uri, part.total, from, undefined, signal, hint)) {
        if (!sweep.feed(chunk, last)) break;
        await kept.spill(pieceSize);
      }
    const whole = sweep.finish();
    const { perBase, quantized, values } = await kept.rest();
    const { contigs, from, to } = part;
    const last = contigs.at(-1);
    return {
      ...whole,
      from: { contig: contigs[0]?.[0] ?? -1, pos: from, isEnd: false },
      to: { contig: last?.[0] ?? -1, pos: to, isEnd: to === last?.[2] },
      perBase,
      quantized,
      regions: sweep.regions ? { ...sweep.regions.build(), values, patches: noPatches() } : null,
    };
  },
  merge: (results, given, context) => {
    const settings = settingsOf(given, results[0]!.regions !== null);
    return join(results, settings.measure, given.by > 0, context);
  },
  records: (result) => result.records,

  async write(
    result,
    output,
    {
      inputs: {
        reads: [reads],
        by,
      },
      params: given,
    },
    context,
  ) {
    const settings = settingsOf(given, by !== undefined);
    const header = await headerOf(reads, context);
    const bed = by && (await bedOf(by[0], context));
    const contigs = selectContigs(header, reads.uri, given, settings, bed);
    const shared = { header: header.contigs, output, context };
    const { perBase, quantized, regions, seen } = result;
    await writeReports(result, contigs, given.precision, output);
    if (perBase) await writeRows(perBase, '.per-base.bed.gz', shared);
    if (quantized) await writeRows(quantized, '.quantized.bed.gz', shared);
    if (regions) await writeRegions({ seen, regions }, contigs, settings, bed, given.precision, shared);
  },
});

/** Moves what is finished into the store while the part goes on, so that memory does not grow with it. */
function keeper({ perBase, quantized, regions }: PartSweep, context: Pick<Context, 'put'>) {
  const rows = [perBase, quantized].map((rest) => rest && { rest, pieces: [] as Rows['pieces'][number][] });
  const values: Stored[] = [];
  const store = async ({ rest, pieces }: { rest: Rest; pieces: Rows['pieces'][number][] }): Promise<void> => {
    if (rest.track.size > 0) pieces.push(await storePiece(takePiece(rest.track), context));
  };
  return {
    async spill(limit: number): Promise<void> {
      for (const file of rows) if (file && file.rest.track.size >= limit) await store(file);
    },
    async rest(): Promise<{ perBase: Rows | null; quantized: Rows | null; values: readonly Stored[] }> {
      for (const file of rows) if (file) await store(file);
      const numbers = regions?.takeValues();
      if (numbers && numbers.length > 0)
        values.push(
          await context.put(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)),
        );
      const [base, bins] = rows.map((file) =>
        file ? { pieces: file.pieces, closes: file.rest.track.closes, open: file.rest.open } : null,
      );
      return { perBase: base!, quantized: bins!, values };
    },
  };
}
