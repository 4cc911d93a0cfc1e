/** Alignments of any format that is read here: BAM, SAM as text or bgzipped, and of CRAM what needs no bases. */
import type { Dataset, Planning, Source } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import { withHead } from '../../core/sources/head.ts';
import { type Header, readHeader, records } from './bam.ts';
import { checkEof, inflate, type Virtual } from './bgzf.ts';
import { blockLimit } from './block.ts';
import { cramRecords, readContainers, readCramHeader } from './cram.ts';
import { landings } from './landing.ts';
import { readSamHeader, samRecords } from './sam.ts';
import { rangesOf } from './textlines.ts';

const tab = 9;

export type Kind = 'bam' | 'sam' | 'bgzipped sam' | 'cram';

/** Reads in the order of the file: those that start in `[from, to)`. */
export type Stretch = { readonly kind: Kind; readonly from: Virtual; readonly to: Virtual };

/** What a file is, by its first bytes; what is no SAM counts as BAM, which then says what is wrong with it. */
async function kindOf(source: Source, name: string, head: Uint8Array): Promise<Kind> {
  if (Buffer.from(head.subarray(0, 4)).toString('latin1') === 'CRAM') return 'cram';
  const isSam = (bytes: Uint8Array): boolean =>
    bytes[0] === 0x40 || (bytes.length > 0 && bytes.subarray(0, 512).every((c) => c >= tab && c < 127));
  const isBlocked = head[0] === 0x1f && head[1] === 0x8b && ((head[3] ?? 0) & 4) !== 0;
  if (!isBlocked) return isSam(head) && (head[0] === 0x40 || head.includes(tab)) ? 'sam' : 'bam';
  for await (const bytes of inflate(source, name, [0, 0], undefined, { chunk: 1, hint: 0 }))
    return isSam(bytes) ? 'bgzipped sam' : 'bam';
  return 'bam';
}

export type Heading = { readonly kind: Kind; readonly header: Header };

/** The header of a file, and what it is. @throws BadInput for what is neither, or damaged */
export async function readAlignments(remote: Source, name: string): Promise<Heading> {
  // What a file is, and most headers, are told by one read.
  const head = await remote.read(0, Math.min(remote.size, blockLimit));
  const source = withHead(remote, head);
  const kind = await kindOf(source, name, head);
  if (kind === 'cram') return { kind, header: await readCramHeader(source, name) };
  const header =
    kind === 'bam' ? await readHeader(source, name) : await readSamHeader(source, name, kind !== 'sam');
  if (kind !== 'sam') await checkEof(source, name);
  return { kind, header };
}

/** Cuts a file without an index into stretches of about `split` bytes. */
export async function stretchesOf(
  planning: Planning,
  reads: Dataset,
  { kind, header }: Heading,
  split: number,
): Promise<Stretch[]> {
  const source = await planning.open(reads);
  if (kind === 'cram') {
    const containers = await readContainers(source, reads.uri);
    const sizes = containers.map(({ from, to }) => to - from);
    return splitWeighted(sizes, split).map(({ start, end }) => ({
      kind,
      from: [containers[start]!.from, 0],
      to: [containers[end - 1]!.to, 0],
    }));
  }
  if (kind !== 'bam') {
    const ranges = await rangesOf(source, kind !== 'sam', split);
    return ranges.map(({ from, to }) => ({ kind, from: [from, 0], to: [to, 0] }));
  }
  const starts = await landings(source, reads, header, split);
  return starts.slice(1).map((to, i) => ({ kind, from: starts[i]!, to }));
}

/** The reads of a stretch as chunks of BAM records. `header` is asked for where the records do not stand on their own. */
export async function* alignmentsOf(
  source: Source,
  name: string,
  contigs: number,
  { kind, from, to }: Stretch,
  header: () => Promise<Header>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (kind === 'bam') {
    yield* records(source, name, contigs, from, to, signal);
    return;
  }
  if (kind === 'cram') {
    yield* cramRecords(source, name, from[0], to[0], signal);
    return;
  }
  const range = { from: from[0], to: to[0] };
  yield* samRecords(source, name, (await header()).contigs, range, kind !== 'sam', signal);
}
