/** Small random alignments as a BAM with its index, and the depth of each base worked out the slow way. */
import { writeFile } from 'node:fs/promises';
import type { Dataset } from '../core/job.ts';
import { createIndex } from '../genomics/formats/binning.ts';
import { bgzip } from '../genomics/formats/bgzip.ts';
import { field, flag } from '../genomics/formats/record.ts';
import { headerOf } from './alignments.ts';
import { dataset } from './stage.ts';

export type Contig = readonly [name: string, length: number];
/** `cigar` as SAM writes it; `long` puts it into the tag CG. */
export type Read = {
  readonly name: string;
  readonly flag: number;
  readonly contig: number;
  readonly pos: number;
  readonly mapq: number;
  readonly cigar: string;
  readonly mateContig: number;
  readonly matePos: number;
  readonly long?: boolean;
};

type Op = readonly [length: number, code: string];
const codes = 'MIDNSHP=X';
const opsOf = (cigar: string): Op[] =>
  [...cigar.matchAll(/(\d+)([MIDNSHP=X])/g)].map(([, length, code]) => [Number(length), code!]);
const sum = (ops: readonly Op[], among: string): number =>
  ops.filter(([, code]) => among.includes(code)).reduce((total, [length]) => total + length, 0);

/** Bases that a read covers. */
function covered(read: Read): Set<number> {
  const out = new Set<number>();
  let pos = read.pos;
  for (const [length, code] of opsOf(read.cigar)) {
    if ('M=X'.includes(code)) for (let i = 0; i < length; i++) out.add(pos + i);
    if ('MDN=X'.includes(code)) pos += length;
  }
  return out;
}

/** Where a read ends, as htslib has it. */
function endOf(read: Read): number {
  const extent = read.flag & flag.unmapped ? 0 : sum(opsOf(read.cigar), 'MDN=X');
  return read.pos + (extent || 1);
}

export type Rules = { mapq?: number; exclude?: number; include?: number; fast?: boolean };

/** Depth of every base of a contig. */
export function depthOf(reads: readonly Read[], contig: number, length: number, rules: Rules = {}): number[] {
  const { mapq = 0, exclude = 1796, include = 0, fast = false } = rules;
  const depth = Array.from({ length }, () => 0);
  const add = (pos: number, by: number): void => {
    if (pos >= 0 && pos < length) depth[pos]! += by;
  };
  const waiting = new Map<string, Read>();
  for (const read of reads) {
    if (read.contig !== contig || read.mapq < mapq || (read.flag & exclude) !== 0) continue;
    if (include !== 0 && (read.flag & include) === 0) continue;
    if (fast) {
      for (let pos = read.pos; pos < endOf(read); pos++) add(pos, 1);
      continue;
    }
    const bases = covered(read);
    for (const pos of bases) add(pos, 1);
    if (!(read.flag & flag.properPair) || read.flag & flag.supplementary) continue;
    const known = waiting.get(read.name);
    const mate = known && endOf(known) > read.pos ? known : undefined;
    const reaches = read.mateContig === contig && endOf(read) > read.matePos;
    if (reaches && (read.pos < read.matePos || (read.pos === read.matePos && !mate)))
      waiting.set(read.name, read);
    else if (mate) {
      waiting.delete(read.name);
      const both = opsOf(read.cigar).length === 1 && opsOf(mate.cigar).length === 1;
      if (both && bases.size > 0 && covered(mate).size > 0)
        for (let pos = read.pos; pos < endOf(mate); pos++) add(pos, -1);
      else if (!both) for (const pos of covered(mate)) if (bases.has(pos)) add(pos, -1);
    }
  }
  return depth;
}

function recordOf(read: Read): Buffer {
  const ops = opsOf(read.cigar);
  const words = ops.map(([length, code]) => (length << 4) | codes.indexOf(code));
  const length = sum(ops, 'MIS=X');
  const shown = read.long ? [(length << 4) | 4, (sum(ops, 'MDN=X') << 4) | 3] : words;
  const tags = read.long ? Buffer.alloc(8 + 4 * words.length) : Buffer.alloc(0);
  if (read.long) {
    tags.write('CGBI');
    tags.writeUInt32LE(words.length, 4);
    words.forEach((word, i) => tags.writeUInt32LE(word, 8 + 4 * i));
  }
  const cigarAt = field.name + read.name.length + 1;
  const tagsAt = cigarAt + 4 * shown.length + ((length + 1) >> 1) + length;
  const out = Buffer.alloc(tagsAt + tags.length);
  out.writeInt32LE(out.length - 4, 0);
  out.writeInt32LE(read.contig, field.refId);
  out.writeInt32LE(read.pos, field.pos);
  out.writeUInt8(read.name.length + 1, field.nameLength);
  out.writeUInt8(read.mapq, field.mapq);
  out.writeUInt16LE(shown.length, field.cigarLength);
  out.writeUInt16LE(read.flag, field.flag);
  out.writeInt32LE(length, field.seqLength);
  out.writeInt32LE(read.mateContig, field.nextRefId);
  out.writeInt32LE(read.matePos, field.nextPos);
  out.write(read.name, field.name);
  shown.forEach((word, i) => out.writeUInt32LE(word >>> 0, cigarAt + 4 * i));
  // Bases and qualities that do not compress, as real ones hardly do.
  for (let i = cigarAt + 4 * shown.length; i < tagsAt; i++)
    out[i] = Math.imul(i + read.pos, 0x9e3779b1) >>> 13;
  tags.copy(out, tagsAt);
  return out;
}

/** Records, each with its block_size, as a kernel reads them. */
export const recordsOf = (reads: readonly Read[]): Uint8Array => Buffer.concat(reads.map(recordOf));

/** In the order of a sorted file. */
export const sorted = (reads: readonly Read[]): Read[] =>
  reads.toSorted((a, b) => a.contig - b.contig || a.pos - b.pos);

/** Writes reads to `path`, and beside it the index of `indexed`, which are sorted. */
export async function writeBam(
  path: string,
  contigs: readonly Contig[],
  reads: readonly Read[],
  indexed: readonly Read[] = reads,
): Promise<Dataset> {
  const written: Uint8Array[] = [];
  const out = bgzip({ write: async (bytes) => void written.push(new Uint8Array(bytes)) });
  const index = createIndex();
  await out.write(headerOf(contigs));
  for (const [i, read] of reads.entries()) {
    const from = out.tell();
    await out.write(recordOf(read));
    // Small blocks, so that parts begin in many places.
    if (read.name.endsWith('7')) await out.append(0, async () => {});
    const { contig, pos, flag: bits } = indexed[i]!;
    index.add(contig, pos, endOf(indexed[i]!), from, out.tell(), (bits & flag.unmapped) === 0);
  }
  await out.finish();
  await writeFile(path, Buffer.concat(written));
  await writeFile(`${path}.bai`, index.toBai(contigs.length, 0));
  return dataset(path);
}
