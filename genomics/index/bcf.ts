/** Indexes of BCF: what bcftools makes, by parts. */
import type { Context, Dataset, Planning, Source } from '../../core/job.ts';
import { bcfRanges, bcfRecords } from '../formats/bcf.ts';
import type { BcfHeader } from '../formats/bcfheader.ts';
import { bcfField, int32At, lengthOf } from '../formats/bcfrecord.ts';
import { formatVirtual } from '../formats/bgzf.ts';
import type { Shape } from '../formats/binning.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { type Binned, createBinner } from '../kernels/bins.ts';
import { faultOf } from './faults.ts';
import type { How, Part } from './part.ts';

/** The bins of a CSI that reaches to the end of the longest contig, and where the header tells no length to 2^31 (bcf_index of htslib, 1.16). */
function shapeOfBcf(lengths: ReadonlyMap<string, number | undefined>, minShift: number): Shape {
  const longest = Math.max(...[...lengths.values()].map((length) => length ?? 0), 0) || 2 ** 31 - 1;
  let depth = 0;
  while (2 ** (minShift + 3 * depth) < longest + 256) depth++;
  return { minShift, depth };
}

/** Parts of a bgzipped BCF: the records that start in each. */
export async function bcfParts(
  source: Source,
  file: Dataset,
  split: number,
  minShift: number,
  planning: Planning,
): Promise<Part[]> {
  const { bcf, header, packing } = await vcfHeadingOf(file, planning);
  const how: How = { format: 'bcf', text: null, shape: shapeOfBcf(header.contigs, minShift) };
  const ranges = await bcfRanges(source, file.uri, bcf!, packing, split);
  return ranges.map(({ from, to, within }) => ({ ...how, from: [from, within![0]], to: [to, within![1]] }));
}

/** @throws BadInput for records that are not in order, or reach beyond the bins */
export async function binBcf(
  source: Source,
  file: Dataset,
  { from, to, shape }: Part,
  context: Pick<Context, 'open' | 'signal'>,
): Promise<Binned> {
  const { bcf, packing } = await vcfHeadingOf(file, context);
  const binner = createBinner(shape!);
  const range = { from: from[0], to: to[0], within: [from[1], to[1]] as const };
  const isLast = to[0] >= file.size;
  for await (const chunk of bcfRecords(source, file.uri, range, bcf!, packing, context.signal)) {
    const { bytes, end, place, placeOfEnd } = chunk;
    for (let at = 0; at < end; at += lengthOf(bytes, at)) {
      const [contig, begin] = [int32At(bytes, at + bcfField.chrom), int32At(bytes, at + bcfField.pos)];
      const stop = begin + int32At(bytes, at + bcfField.span);
      const unfit = binner.add(contig, begin, stop, true, at, place);
      if (unfit)
        throw faultOf(
          unfit,
          `record at ${formatVirtual(place(at))} of ${file.uri}`,
          ([id, pos]) => `${nameOf(bcf!, id)}:${pos + 1}`,
        );
    }
    if (end > 0) binner.end((isLast ? placeOfEnd : place)(end));
  }
  return binner.build();
}

const nameOf = ({ contigs }: BcfHeader, id: number): string =>
  Buffer.from(contigs[id] ?? []).toString('latin1');
