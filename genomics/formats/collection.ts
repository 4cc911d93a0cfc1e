/** Files of alignments that are read as one, by place: sorted BAM with its index, or sorted CRAM. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Planning } from '../../core/job.ts';
import type { Heading } from './heading.ts';
import { findIndex, readIndex } from './bai.ts';
import type { Index } from './indexbody.ts';
import type { Header } from './bam.ts';
import type { Placed } from './cram/containers.ts';
import { indexOf, placeContainers } from './cram/places.ts';
import { headingOf } from './remembered.ts';

/** A file that can be read by place. `containers`: of CRAM. */
export type Member = {
  /** Its place among the files of the input. */
  readonly file: number;
  readonly reads: Dataset;
  readonly index: Index;
  readonly containers?: readonly Placed[];
};

/** What several files are as one. `loose` is the first of them that cannot be read by place, for want of an index or of order, if any. */
export type Collection = {
  readonly header: Header;
  readonly headings: readonly Heading[];
  readonly members: readonly Member[];
  readonly loose: Loose | undefined;
};
export type Loose = { readonly reads: Dataset; readonly heading: Heading };

/** @throws BadInput for what is damaged, and for files that are not aligned to the same contigs in the same order */
export async function findCollection(planning: Planning, files: readonly Dataset[]): Promise<Collection> {
  const headings: Heading[] = [];
  const members: Member[] = [];
  let loose: Loose | undefined;
  for (const [file, reads] of files.entries()) {
    const heading = await headingOf(reads, planning);
    if (file > 0) checkContigs(headings[0]!.header, files[0]!.uri, heading.header, reads.uri);
    headings.push(heading);
    const member = await locate(planning, reads, heading);
    if (member) members.push({ ...member, file });
    else loose ??= { reads, heading };
  }
  return { header: headings[0]!.header, headings, members, loose };
}

/** As `findCollection`. @throws BadInput also where a file cannot be read by place */
export async function openCollection(planning: Planning, files: readonly Dataset[]): Promise<Collection> {
  const collection = await findCollection(planning, files);
  const { loose } = collection;
  if (!loose) return collection;
  const { reads, heading } = loose;
  // Says what is missing.
  if (heading.kind === 'bam') await readIndex(planning, reads, heading.header);
  throw new BadInput(
    heading.kind === 'cram'
      ? `CRAM: ${reads.uri} is not sorted by place, expected reads in the order of the header's contigs; sort it with samtools sort`
      : `SAM: ${reads.uri} is text, expected sorted BAM with an index, or CRAM; write it with samtools sort -o OUT.bam ${reads.uri}`,
  );
}

async function locate(
  planning: Planning,
  reads: Dataset,
  { kind, header }: Heading,
): Promise<Omit<Member, 'file'> | undefined> {
  if (kind === 'bam') {
    const index = await findIndex(planning, reads, header);
    return index && { reads, index };
  }
  if (kind !== 'cram') return undefined;
  const containers = await placeContainers(planning, reads);
  const index = indexOf(reads.uri, containers, header.contigs.length);
  return index && { reads, index, containers };
}

function checkContigs(a: Header, first: string, b: Header, name: string): void {
  const count = Math.max(a.contigs.length, b.contigs.length);
  for (let i = 0; i < count; i++) {
    const [x, y] = [a.contigs[i], b.contigs[i]];
    if (x?.name === y?.name && x?.length === y?.length) continue;
    const shown = (contig: typeof x): string => (contig ? `${contig.name} (${contig.length} bases)` : 'none');
    throw new BadInput(
      `BAM: contig ${i + 1} of ${name} is ${shown(y)}, expected ${shown(x)} as in ${first}; give files that are aligned to one reference`,
    );
  }
}
