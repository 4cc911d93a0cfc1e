/** Cuts a BAM into parts for all reports: coverage's, the last of which also has the records without a place. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Partition, Planning } from '../../core/job.ts';
import { checkNames, cutParts, type Part as Placed, placeless } from '../coverage/plan.ts';
import type { Settings as Measuring } from '../coverage/settings.ts';
import { type Heading, stretchesOf } from '../formats/alignments.ts';
import { findIndex, type Index } from '../formats/bai.ts';
import type { Header } from '../formats/bam.ts';
import type { Virtual } from '../formats/bgzf.ts';
import { readFastaIndex, type Stretch, stretchOf } from '../formats/fasta.ts';
import { recordsOf } from '../formats/lookup.ts';
import { bedOf, headingOf } from '../formats/remembered.ts';
import type { Part } from './scan.ts';
import { looseReports, type Params } from './settings.ts';

/** Splits the work into parts of about `split` compressed bytes. `measuring` is what mosdepth measures. */
export async function planReports(
  reads: Dataset,
  by: Dataset | undefined,
  reference: Dataset | undefined,
  measuring: Measuring,
  given: Pick<Params, 'reports'>,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const heading = await headingOf(reads, planning);
  const { header, kind } = heading;
  const index = kind === 'bam' ? await findIndex(planning, reads, header) : undefined;
  if (!index) {
    if (reference)
      throw new BadInput(
        `BAM: ${reads.uri} has no index, expected one for --reference; make it with servermix run genomics/index --file ${reads.uri} --out ${reads.uri}.bai`,
      );
    return planLoose(reads, heading, given, split, planning);
  }
  const bed = by && (await bedOf(by, planning));
  const contigs = header.contigs.map(({ name, length }, id) => ({ id, name, length }));
  checkNames(contigs, reads.uri);
  const total = contigs.length;
  const fasta = reference ? await readFastaIndex(planning, reference) : null;
  const referenceOf = ({ contigs: own, from }: Placed): (Stretch | null)[] | null =>
    fasta && own.map(([, name], i) => stretchOf(fasta, name, i === 0 ? from : 0));
  const placed = cutParts({ contigs, index, settings: measuring, bed, total, name: reads.uri }, split);
  const parts = placed.map((part): Part => ({
    ...part,
    tail: null,
    loose: null,
    reference: referenceOf(part),
  }));
  const { start, end } = tailOf(header, index);
  const cost = Math.max(0, reads.size - end[0]);
  const last = parts.pop();
  if (last && cost <= split / 2) parts.push({ ...last, tail: start, cost: last.cost + cost });
  else {
    if (last) parts.push(last);
    parts.push({ ...nothing(total, cost), tail: start, reference: fasta && [] });
  }
  const note = bed && by && placeless(bed, by.uri, header.contigs, reads.uri);
  const records = recordsOf(index);
  return {
    parts,
    ...(records === undefined ? {} : { records }),
    ...(note ? { notes: [note] } : {}),
  };
}

/** A part without a contig. */
const nothing = (total: number, cost: number): Part => ({
  contigs: [],
  from: 0,
  to: 0,
  ranges: [],
  total,
  cost,
  tail: null,
  loose: null,
  reference: null,
});

/** Without an index records are counted where they lie, in any order. */
async function planLoose(
  reads: Dataset,
  heading: Heading,
  given: Pick<Params, 'reports'>,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const reports = [...looseReports(given, reads.uri, heading.kind === 'cram')];
  const total = heading.header.contigs.length;
  const stretches = await stretchesOf(planning, reads, heading, split);
  const parts = stretches.map((loose): Part => ({ ...nothing(total, loose.to[0] - loose.from[0]), loose }));
  return {
    parts: parts.length > 0 ? parts : [nothing(total, 0)],
    notes: [
      `${heading.kind === 'cram' ? `CRAM: ${reads.uri} is slower to read than BAM` : `BAM: ${reads.uri} has no index: its number of reads is not checked`}, and the reports are ${reports.join(', ')}`,
    ],
  };
}

/** The last start of a placed record that the index knows, and where the placed ones end; those of the header without any. */
function tailOf({ first }: Header, { contigs }: Index): { start: Virtual; end: Virtual } {
  const last = contigs.findLast(({ end }) => end);
  if (!last) return { start: first, end: first };
  const { block, within } = last;
  const start: Virtual = block.length > 0 ? [block.at(-1)!, within.at(-1)!] : last.start!;
  return { start, end: last.end! };
}
