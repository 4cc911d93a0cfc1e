/** Indexes of BAM, BGZF and bgzipped text, built by parts: BAI and CSI as samtools index makes them, TBI as tabix does, GZI as bgzip. */
import { columns } from '../../core/codec.ts';
import { BadUsage } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, flag, integer, text } from '../../core/params.ts';
import { mebibyte } from '../../core/units.ts';
import { checkEof } from '../formats/bgzf.ts';
import { contigsOf } from '../formats/binned.ts';
import { indexOf } from '../formats/binning.ts';
import { toGzi } from '../formats/gzi.ts';
import { headerOf, vcfHeadingOf } from '../formats/remembered.ts';
import { bcfParts } from '../index/bcf.ts';
import { indexPart, type Indexed, joinIndexed, nothing, type Part } from '../index/part.ts';
import { blockParts, recordParts } from '../index/plan.ts';
import { columnsOf, headOf, layoutOf, presetNames } from '../index/preset.ts';
import { shapeOfLines, shapeOfReads } from '../index/shape.ts';

const params = {
  format: choice(
    ['auto', 'bai', 'csi', 'tbi', 'gzi'],
    'auto: bai of a BAM, tbi of text, csi of BCF; csi: of all of these; gzi: of any BGZF file, by its blocks',
  ),
  'min-shift': integer(14, 'csi: bases of the smallest bins, as a power of two', { min: 4, max: 29 }),
  preset: choice(presetNames, 'text: what its columns are; auto: by name or first line'),
  sequence: integer(1, 'preset columns: the column of the contig', { min: 1, max: 255 }),
  begin: integer(2, 'preset columns: that of the first base', { min: 1, max: 255 }),
  end: integer(3, 'preset columns: that of the last base; that of the first one: there is none', {
    min: 1,
    max: 255,
  }),
  comment: text('preset columns: the character before lines that are no records; # unless given', 'c', /^.$/),
  'skip-lines': integer(0, 'preset columns: lines at the start to leave out', { min: 0, max: 2 ** 31 - 1 }),
  'zero-based': flag('preset columns: bases count from 0, and the last one is not included, as in BED'),
};

export const index = define<{ file: readonly [Dataset] }, typeof params, Part, Indexed>({
  name: 'genomics/index',
  version: 3,
  doc: 'index by parts: BAI, CSI (samtools index), TBI (tabix) of VCF, BED, GFF, SAM, CSI of BCF, GZI (bgzip)',
  examples: [
    '--file sample.bam --out sample.bam.bai',
    '--file sample.bam --format csi --out sample.bam.csi',
    '--file calls.vcf.gz --out calls.vcf.gz.tbi',
    '--file calls.bcf --out calls.bcf.csi',
    '--file genome.fa.gz --format gzi --out genome.fa.gz.gzi',
  ],
  inputs: {
    file: {
      doc: 'sorted alignments, or bgzipped text or BCF sorted by contig and base; for gzi any BGZF file',
      formats: ['bam', 'bcf', 'vcf.gz', 'bed.gz', 'gff.gz', 'gff3.gz', 'gtf.gz', 'sam.gz', 'gz', 'bgz'],
    },
  },
  params,
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'file',
  result: columns<Indexed>(),

  async partition({ file: [file] }, given, split, planning) {
    const source = await planning.open(file);
    const { format, 'min-shift': minShift } = given;
    if (format === 'gzi') {
      await checkEof(source, file.uri);
      return { parts: await blockParts(source, split, { format, text: null, shape: null }) };
    }
    const head = source.size > 0 && format !== 'bai' ? await headOf(source, file.uri) : 'BAM\x01';
    if (head.startsWith('BAM\x01')) {
      const { contigs } = await headerOf(file, planning);
      await checkEof(source, file.uri);
      const kind = format === 'csi' ? 'csi' : 'bai';
      const shape = shapeOfReads(kind, contigs, minShift, file.uri);
      return { parts: await recordParts(source, file, split, { format: kind, text: null, shape }, planning) };
    }
    if (head.startsWith('BCF')) {
      if (format === 'tbi')
        throw new BadUsage(`option format: found tbi for ${file.uri}, which is BCF, expected csi`);
      return { parts: await bcfParts(source, file, split, minShift, planning) };
    }
    await checkEof(source, file.uri);
    const lines = columnsOf(given, file.uri, head);
    const kind = format === 'csi' ? 'csi' : 'tbi';
    const shape = await shapeOfLines(source, file.uri, kind === 'csi', minShift, lines);
    return { parts: await blockParts(source, split, { format: kind, text: lines, shape }) };
  },
  weight: ({ from, to }) => to[0] - from[0],
  pace: 150 * mebibyte,
  memory: () => 48 * mebibyte,

  kernel: (part, { file: [file] }, _given, context) => indexPart(part, file, context),
  merge: joinIndexed,
  records: ({ records }) => records,

  async write({ how, binned, unplaced, blocks, names }, output, { inputs }, context) {
    const sink = await output.file();
    const { format, text: lines, shape } = how;
    if (format === 'gzi') return sink.write(toGzi(blocks ?? nothing));
    const made = indexOf(binned ? contigsOf(binned) : new Map(), shape!);
    if (lines) {
      const layout = layoutOf(lines);
      return sink.write(format === 'csi' ? made.toCsi(names, layout) : made.toTbi(names, layout));
    }
    if (format === 'bcf') {
      const { bcf } = await vcfHeadingOf(inputs.file[0], context);
      return sink.write(made.toBamCsi(bcf!.contigs.length, 0));
    }
    const { contigs } = await headerOf(inputs.file[0], context);
    const n = contigs.length;
    await sink.write(format === 'bai' ? made.toBai(n, unplaced) : made.toBamCsi(n, unplaced));
  },
});
