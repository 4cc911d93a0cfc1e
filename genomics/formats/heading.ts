/** What a file of alignments is, BAM, SAM as text or bgzipped, or CRAM, and its header. */
import type { Source } from '../../core/job.ts';
import { withHead } from '../../core/sources/head.ts';
import { type Header, readHeader } from './bam.ts';
import { checkEof, inflate } from './bgzf.ts';
import { blockLimit } from './block.ts';
import { readCramHeader } from './cram/file.ts';
import { readSamHeader } from './sam.ts';

const tab = 9;

export type Kind = 'bam' | 'sam' | 'bgzipped sam' | 'cram';

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
