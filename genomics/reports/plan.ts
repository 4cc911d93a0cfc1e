/** Cuts alignments into parts for all reports: coverage's, the last of which also has the records without a place. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Partition, Planning } from '../../core/job.ts';
import { checkNames, cutParts, type Part as Placed, placeless } from '../coverage/plan.ts';
import type { Settings as Measuring } from '../coverage/settings.ts';
import { type Stretch, stretchesOf } from '../formats/alignments.ts';
import type { Header } from '../formats/bam.ts';
import type { Virtual } from '../formats/bgzf.ts';
import { type Collection, findCollection, type Loose, type Member } from '../formats/collection.ts';
import { type FastaIndex, readFastaIndex, stretchOf } from '../formats/fasta.ts';
import { recordsOf } from '../formats/lookup.ts';
import { bedOf } from '../formats/remembered.ts';
import type { Part } from './scan.ts';
import { looseReports, type Params } from './settings.ts';
import { wantedOf } from './wanted.ts';

type Files = {
  readonly reads: readonly Dataset[];
  readonly by: Dataset | undefined;
  readonly reference: Dataset | undefined;
  readonly bed: Dataset | undefined;
};

/** `measuring` is what mosdepth measures; `needsBases`: a report looks at bases. */
type How = {
  readonly measuring: Measuring;
  readonly given: Pick<Params, 'reports' | 'region'>;
  readonly needsBases: boolean;
};

/** Splits the work into parts of about `split` compressed bytes. */
export async function planReports(
  files: Files,
  how: How,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const { reads, by, reference } = files;
  const { measuring, given, needsBases } = how;
  const collection = await findCollection(planning, reads);
  const { header, headings, members, loose } = collection;
  const fasta = reference && (await readFastaIndex(planning, reference));
  if (loose) return planLoose(files, how, collection, loose, fasta, split, planning);
  const name = reads[0]!.uri;
  const wanted = await wantedOf(given, files.bed, header.contigs, name, planning);
  const bed = by && (await bedOf(by, planning));
  const contigs = header.contigs.map(({ name: text, length }, id) => ({ id, name: text, length }));
  checkNames(contigs, name);
  const referenceOf = ({ contigs: own, from }: Placed): Part['reference'] =>
    fasta ? own.map(([, text], i) => stretchOf(fasta, text, i === 0 ? from : 0)) : null;
  const letters = needsBases ? fasta : undefined;
  const placed = cutParts(
    { contigs, members, settings: measuring, bed, header, name, fasta: letters, extentOf: wanted?.extentOf },
    split,
  );
  const parts = placed.map((part): Part => ({
    ...part,
    tail: [],
    loose: null,
    reference: referenceOf(part),
  }));
  // What has no place overlaps nothing.
  const tail = (wanted ? [] : members).map((member) => tailOf(member, headings[member.file]!.header));
  const cost = tail.reduce((sum, { behind }) => sum + behind, 0);
  const stretches = tail.map(({ stretch }) => stretch);
  const last = parts.pop();
  if (last && cost <= split / 2) parts.push({ ...last, tail: stretches, cost: last.cost + cost });
  else {
    if (last) parts.push(last);
    parts.push({ ...nothing(contigs.length, cost), tail: stretches, reference: fasta ? [] : null });
  }
  const notes = slowNotes(reads, headings);
  const note = bed && by && placeless(bed, by.uri, header.contigs, name);
  if (note) notes.push(note);
  const records = wanted ? undefined : recordsOf(members.map(({ index }) => index));
  return { parts, ...(records === undefined ? {} : { records }), notes };
}

/** A part without a contig. */
const nothing = (total: number, cost: number): Part => ({
  contigs: [],
  from: 0,
  to: 0,
  spans: [],
  total,
  cost,
  tail: [],
  loose: null,
  reference: null,
});

/** Without an index records are counted where they lie, in any order. */
async function planLoose(
  { reads, reference }: Files,
  { given, needsBases }: How,
  { header, headings }: Collection,
  { reads: blocking, heading }: Loose,
  fasta: FastaIndex | undefined,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const name = blocking.uri;
  // With BAM the reference is for what lies over each base, which needs an order.
  if (reference && headings.some(({ kind }) => kind !== 'cram'))
    throw new BadInput(
      `BAM: ${name} has no index, expected one for --reference; make it with servermix run genomics/index --file ${name} --out ${name}.bai`,
    );
  const reports = [...looseReports(given, name, heading.kind)];
  const letters = needsBases ? fasta : undefined;
  const stretches: Stretch[] = [];
  for (const [i, file] of reads.entries())
    stretches.push(...(await stretchesOf(planning, file, headings[i]!, i, split, letters)));
  const total = header.contigs.length;
  const parts = stretches.map((one): Part => ({ ...nothing(total, one.to[0] - one.from[0]), loose: one }));
  const unknown = reads.filter((_, i) => headings[i]!.kind !== 'cram').map(({ uri }) => uri);
  const notes = slowNotes(reads, headings);
  if (unknown.length > 0)
    notes.push(`BAM: no index tells the number of reads of ${unknown.join(', ')}: it is not checked`);
  notes.push(`BAM: ${name} cannot be read by place: the reports are ${reports.join(', ')}`);
  return { parts: parts.length > 0 ? parts : [nothing(total, 0)], notes };
}

const slowNotes = (reads: readonly Dataset[], headings: Collection['headings']): string[] =>
  reads
    .filter((_, i) => headings[i]!.kind === 'cram')
    .map(({ uri }) => `CRAM: ${uri} is slower to read than BAM`);

/** Where records without a place lie: behind the last start of a placed one that is known; and how many bytes are behind all placed ones. */
function tailOf(
  { file, reads, index, containers }: Member,
  { first }: Header,
): { stretch: Stretch; behind: number } {
  const last = index.contigs.findLast(({ end }) => end);
  const known =
    last && (last.block.length > 0 ? ([last.block.at(-1)!, last.within.at(-1)!] as const) : last.start!);
  const unplaced = containers?.find(({ extents }) => extents.some(({ contig }) => contig < 0));
  const from: Virtual = containers ? [unplaced?.from ?? reads.size, 0] : (known ?? first);
  return {
    stretch: { file, kind: containers ? 'cram' : 'bam', from, to: [reads.size, 0], letters: [] },
    behind: Math.max(0, reads.size - (last?.end ?? first)[0]),
  };
}
