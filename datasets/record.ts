/** Encodes one alignment as BAM stores it (SAM spec 4.2). */
import { reg2bin } from '../genomics/formats/bin.ts';
import type { Read } from './alignment.ts';
import { complement } from './genome.ts';

/** The fields of a record; positions are 0-based, -1 for none. The one object is filled anew for each record. */
export type Entry = {
  name: string;
  flag: number;
  contig: number;
  pos: number;
  mapq: number;
  mateContig: number;
  matePos: number;
  templateLength: number;
  /** The read; its CIGAR, position and tags count only where `flag` says mapped. */
  read: Read;
  /** Bases `[from, to)` are in the record: none for a secondary alignment, some for a hard-clipped one. */
  from: number;
  to: number;
  /** The mate, for its CIGAR; undefined if it is unmapped. */
  mate: Read | undefined;
  /** Tag SA: the other alignments of a split read; empty for none. */
  split: string;
};

/** Read group of every read. */
export const GROUP = 'sim';

/** Writes a record (SAM spec 4.2) at `start`. Gives its end. */
export function encode(bytes: Uint8Array, start: number, entry: Entry): number {
  const { name, flag, read, from, to } = entry;
  const mapped = (flag & 4) === 0;
  const length = to - from;
  const ops = mapped ? read.ops : 0;
  let at = start + 4;
  const u32 = (value: number): void => {
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    at += 4;
  };
  u32(entry.contig);
  u32(entry.pos);
  bytes[at++] = name.length + 1;
  bytes[at++] = entry.mapq;
  const bin = reg2bin(entry.pos, mapped ? read.end : entry.pos + 1);
  bytes[at++] = bin;
  bytes[at++] = bin >>> 8;
  bytes[at++] = ops;
  bytes[at++] = ops >>> 8;
  bytes[at++] = flag;
  bytes[at++] = flag >>> 8;
  u32(length);
  u32(entry.mateContig);
  u32(entry.matePos);
  u32(entry.templateLength);
  for (let i = 0; i < name.length; i++) bytes[at++] = name.charCodeAt(i);
  bytes[at++] = 0;
  for (let i = 0; i < ops; i++) u32(read.cigar[i]!);
  const { bases, quals } = read;
  if (!mapped && read.isReverse) {
    // What has no place is stored as it was read.
    for (let i = to - 1; i >= from; i -= 2)
      bytes[at++] = (complement[bases[i]!]! << 4) | (i > from ? complement[bases[i - 1]!]! : 0);
    for (let i = to - 1; i >= from; i--) bytes[at++] = quals[i]!;
  } else {
    for (let i = from; i < to; i += 2) bytes[at++] = (bases[i]! << 4) | (i + 1 < to ? bases[i + 1]! : 0);
    bytes.set(from === 0 && to === quals.length ? quals : quals.subarray(from, to), at);
    at += length;
  }
  at = encodeTags(bytes, at, entry, mapped);
  const end = at;
  at = start;
  u32(end - start - 4);
  return end;
}

function encodeTags(bytes: Uint8Array, start: number, { read, mate, split }: Entry, mapped: boolean): number {
  let at = start;
  const tag = (name: string, type: string): void => {
    bytes[at++] = name.charCodeAt(0);
    bytes[at++] = name.charCodeAt(1);
    bytes[at++] = type.charCodeAt(0);
  };
  const text = (value: string): void => {
    for (let i = 0; i < value.length; i++) bytes[at++] = value.charCodeAt(i);
    bytes[at++] = 0;
  };
  if (mapped) {
    tag('NM', 'C');
    bytes[at++] = Math.min(255, read.nm);
    tag('MD', 'Z');
    for (let i = 0; i < read.mdLength; i++) bytes[at++] = read.md[i]!;
    bytes[at++] = 0;
  }
  if (mate) {
    tag('MC', 'Z');
    text(printCigar(mate));
  }
  if (mapped) {
    tag('AS', 'C');
    bytes[at++] = Math.min(255, read.score);
  }
  if (split !== '') {
    tag('SA', 'Z');
    text(split);
  }
  tag('RG', 'Z');
  text(GROUP);
  return at;
}

/** The CIGAR as SAM writes it. */
export function printCigar({ cigar, ops }: Read): string {
  let out = '';
  for (let i = 0; i < ops; i++) out += `${cigar[i]! >>> 4}${'MIDNSHP=X'[cigar[i]! & 15]}`;
  return out;
}
