/** Indexes of BAM and BGZF files, built by parts: BAI and CSI as samtools index makes them, GZI as bgzip does. */
import { columns } from '../../core/codec.ts';
import { BadInput } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, integer } from '../../core/params.ts';
import { headerOf } from '../coverage/contigs.ts';
import { recordChunks } from '../formats/bam.ts';
import { checkEof, formatVirtual, type Virtual } from '../formats/bgzf.ts';
import { type BinnedColumns, columnsOf, contigsOf, joinColumns } from '../formats/binned.ts';
import { indexOf } from '../formats/binning.ts';
import { type Blocks, joinBlocks, readBlocks, toGzi } from '../formats/gzi.ts';
import { findBlock, landings } from '../formats/landing.ts';
import { shapeOf } from '../formats/shape.ts';
import { createBinner, isOrdered, type Place, type Unfit } from '../kernels/bins.ts';

const mebibyte = 1 << 20;

/** Records that start in `[from, to)`; for GZI blocks. */
type Part = { readonly from: Virtual; readonly to: Virtual };

type Indexed = {
  readonly records: number;
  readonly unplaced: number;
  readonly first: Place | null;
  readonly last: Place | null;
  readonly binned: BinnedColumns | null;
  readonly blocks: Blocks | null;
};

const params = {
  format: choice(['bai', 'csi', 'gzi'], 'bai, csi: of a sorted BAM; gzi: of any BGZF file, by its blocks'),
  'min-shift': integer(14, 'csi: bases of the smallest bins, as a power of two', { min: 4, max: 29 }),
};

export const index = define<{ file: readonly [Dataset] }, typeof params, Part, Indexed>({
  name: 'genomics/index',
  version: 1,
  doc: 'index of a BAM or BGZF file by parts: BAI, CSI (samtools index), GZI (bgzip)',
  examples: [
    '--file sample.bam --out sample.bam.bai',
    '--file sample.bam --format csi --out sample.bam.csi',
    '--file genome.fa.gz --format gzi --out genome.fa.gz.gzi',
  ],
  inputs: { file: { doc: 'sorted alignments; for gzi any BGZF file', formats: ['bam', 'gz', 'bgz'] } },
  params,
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'file',
  result: columns<Indexed>(),

  async partition({ file: [file] }, { format, 'min-shift': minShift }, split, planning) {
    const source = await planning.open(file);
    await checkEof(source, file.uri);
    if (format === 'gzi') {
      const starts = [0];
      for (let at = split; at < file.size; at += split) {
        const block = await findBlock(source, Math.floor(at));
        if (block !== undefined && block > starts.at(-1)!) starts.push(block);
      }
      return { parts: starts.map((start, i) => ({ from: [start, 0], to: [starts[i + 1] ?? file.size, 0] })) };
    }
    const header = await headerOf(file, planning);
    shapeOf(format, header.contigs, minShift, file.uri);
    const starts = await landings(source, file, header, split);
    const parts = starts.slice(1).map((to, i) => ({ from: starts[i]!, to }));
    return { parts: parts.length > 0 ? parts : [{ from: header.first, to: header.first }] };
  },
  weight: ({ from, to }) => to[0] - from[0],
  pace: 150 * mebibyte,
  memory: () => 48 * mebibyte,

  async kernel({ from, to }, { file: [file] }, { format, 'min-shift': minShift }, context) {
    const source = await context.open(file);
    const { signal } = context;
    const nothing = { records: 0, unplaced: 0, first: null, last: null, binned: null, blocks: null };
    if (format === 'gzi') {
      const blocks = await readBlocks(source, file.uri, from[0], to[0], signal);
      return { ...nothing, records: blocks.size.length, blocks };
    }
    const { contigs } = await headerOf(file, context);
    const binner = createBinner(shapeOf(format, contigs, minShift, file.uri));
    // Behind the last record only empty blocks follow, which parts may or may not have read with it.
    const isLast = to[0] >= file.size;
    for await (const chunk of recordChunks(source, file.uri, contigs.length, from, to, signal)) {
      const { bytes, place, placeOfEnd } = chunk;
      const unfit = binner.take(bytes, place, (isLast ? placeOfEnd : place)(bytes.length));
      if (unfit) throw faultOf(unfit, `record at ${formatVirtual(place(unfit.at))} of ${file.uri}`);
    }
    const { contigs: binned, records, unplaced, first = null, last = null } = binner.build();
    return { ...nothing, records, unplaced, first, last, binned: columnsOf(binned) };
  },
  merge(results) {
    const placed = results.filter(({ records, binned }) => records > 0 && binned);
    for (let i = 1; i < placed.length; i++) {
      const [before, found] = [placed[i - 1]!.last!, placed[i]!.first!];
      if (!isOrdered(before, found))
        throw faultOf({ why: 'order', at: 0, before, found }, 'records of the BAM');
    }
    const binned = results.flatMap((result) => result.binned ?? []);
    const blocks = results.flatMap((result) => result.blocks ?? []);
    return {
      records: results.reduce((sum, { records }) => sum + records, 0),
      unplaced: results.reduce((sum, { unplaced }) => sum + unplaced, 0),
      first: placed[0]?.first ?? null,
      last: placed.at(-1)?.last ?? null,
      binned: binned.length > 0 ? joinColumns(binned) : null,
      blocks: blocks.length > 0 ? joinBlocks(blocks) : null,
    };
  },
  records: ({ records }) => records,

  async write(
    { binned, unplaced, blocks },
    output,
    { inputs, params: { format, 'min-shift': minShift } },
    context,
  ) {
    const sink = await output.file();
    if (format === 'gzi') return sink.write(toGzi(blocks!));
    const [file] = inputs.file;
    const { contigs } = await headerOf(file, context);
    const made = indexOf(contigsOf(binned!), shapeOf(format, contigs, minShift, file.uri));
    const n = contigs.length;
    await sink.write(format === 'bai' ? made.toBai(n, unplaced) : made.toBamCsi(n, unplaced));
  },
});

function faultOf(unfit: Unfit, subject: string): BadInput {
  if (unfit.why === 'far')
    return new BadInput(
      `index: ${subject} ends at base ${unfit.end}, behind what the bins reach; add --format csi, or a larger --min-shift`,
    );
  const [before, found] = [unfit.before, unfit.found].map(([contig, pos]) =>
    contig < 0 ? 'no place' : `contig ${contig + 1}, base ${pos + 1}`,
  );
  return new BadInput(
    `index: ${subject}: found ${found} after ${before}, expected sorted ones; sort it with samtools sort`,
  );
}
