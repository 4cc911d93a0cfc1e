/** The true alignment of a simulated read: CIGAR, edit distance and mismatches follow from where its bases come from. */
import type { Haplotype, Locus } from './individual.ts';
import { DUPLICATED, LETTERS, UNIQUE } from './genome.ts';

/** A read and its alignment; written over by the next one. */
export type Read = {
  /** Codes and Phred qualities, in the direction of the reference. */
  readonly bases: Uint8Array;
  readonly quals: Uint8Array;
  isReverse: boolean;
  /** `[pos, end)`, 0-based, on the reference. */
  pos: number;
  end: number;
  /** BAM's coding, length << 4 | operation (SAM spec 4.2.2); the first `ops` entries count. */
  readonly cigar: Uint32Array;
  ops: number;
  /** Bases of operation M. */
  matched: number;
  /** Edit distance, and the alignment's score: 1 a match, -4 a mismatch, -6 - n a gap of n, -5 a clipped end. */
  nm: number;
  score: number;
  /** The MD tag's text; the first `mdLength` bytes count. */
  readonly md: Uint8Array;
  mdLength: number;
  /** UNIQUE, REPEATED or DUPLICATED. */
  kind: number;
};

/** CIGAR operations by BAM's numbers. */
export const [MATCH, INSERTION, DELETION, CLIP, CUT] = [0, 1, 2, 4, 5] as const;

/** An end of fewer matches than this before a gap is clipped, as mappers do. */
const ANCHOR = 6;

/** Room for a read of `length` bases. */
export function createRead(length: number): Read {
  return {
    bases: new Uint8Array(length),
    quals: new Uint8Array(length),
    isReverse: false,
    pos: 0,
    end: 0,
    cigar: new Uint32Array(2 * length + 3),
    ops: 0,
    matched: 0,
    nm: 0,
    score: 0,
    md: new Uint8Array(8 * length + 1024),
    mdLength: 0,
    kind: UNIQUE,
  };
}

/**
 * Aligns the bases `[from, to)` of a read, base k of which is base `shift + k` of the haplotype, and clips the others.
 * Gives false if too little is left to align.
 */
export function align(
  read: Read,
  locus: Locus,
  { at, breaks }: Haplotype,
  shift: number,
  from: number,
  to: number,
): boolean {
  const { cigar } = read;
  const length = read.bases.length;
  if (to - from < ANCHOR) return false;
  if (breaks[shift + to - 1] === breaks[shift + from] && at[shift + from]! >= 0) {
    read.ops = 0;
    if (from > 0) cigar[read.ops++] = (from << 4) | CLIP;
    cigar[read.ops++] = ((to - from) << 4) | MATCH;
    if (to < length) cigar[read.ops++] = ((length - to) << 4) | CLIP;
    read.pos = at[shift + from]!;
  } else if (!alignGapped(read, at, shift, from, to)) return false;
  compare(read, locus);
  return true;
}

function alignGapped(read: Read, at: Int32Array, shift: number, from: number, to: number): boolean {
  const { cigar } = read;
  const length = read.bases.length;
  // Runs go in behind a place for a leading clip.
  let ops = 1;
  let previous = -1;
  for (let k = from; k < to; k++) {
    const position = at[shift + k]!;
    const isInserted = position < 0;
    if (!isInserted && previous >= 0 && position > previous + 1)
      cigar[ops++] = ((position - previous - 1) << 4) | DELETION;
    const op = isInserted ? INSERTION : MATCH;
    if (ops > 1 && (cigar[ops - 1]! & 15) === op) cigar[ops - 1]! += 16;
    else cigar[ops++] = 16 | op;
    previous = isInserted ? ~position : position;
  }
  let first = 1;
  let clipped = from;
  while (first < ops && ((cigar[first]! & 15) !== MATCH || cigar[first]! >>> 4 < ANCHOR)) {
    if ((cigar[first]! & 15) !== DELETION) clipped += cigar[first]! >>> 4;
    first++;
  }
  let rest = length - to;
  while (ops > first && ((cigar[ops - 1]! & 15) !== MATCH || cigar[ops - 1]! >>> 4 < ANCHOR)) {
    if ((cigar[ops - 1]! & 15) !== DELETION) rest += cigar[ops - 1]! >>> 4;
    ops--;
  }
  if (first >= ops) return false;
  read.pos = at[shift + clipped]!;
  if (clipped > 0) cigar[--first] = (clipped << 4) | CLIP;
  if (rest > 0) cigar[ops++] = (rest << 4) | CLIP;
  cigar.copyWithin(0, first, ops);
  read.ops = ops - first;
  return true;
}

/** Fills in everything that follows from CIGAR and position: end, NM, MD, score and kind. */
export function compare(read: Read, { bases: reference, start, kind }: Locus): void {
  const { bases, cigar, md } = read;
  let [at, k, equal, size, nm, score, matched] = [read.pos - start, 0, 0, 0, 0, 0, 0];
  const putEqual = (): void => {
    if (equal >= 100) md[size++] = 48 + Math.floor(equal / 100);
    if (equal >= 10) md[size++] = 48 + (Math.floor(equal / 10) % 10);
    md[size++] = 48 + (equal % 10);
    equal = 0;
  };
  for (let i = 0; i < read.ops; i++) {
    const [n, op] = [cigar[i]! >>> 4, cigar[i]! & 15];
    if (op === MATCH) {
      matched += n;
      for (const last = k + n; k < last; k++, at++) {
        if (bases[k] === reference[at]) equal++;
        else {
          putEqual();
          md[size++] = LETTERS.charCodeAt(reference[at]!);
          nm++;
          score -= 5;
        }
      }
      score += n;
    } else if (op === DELETION) {
      putEqual();
      md[size++] = 94;
      for (const last = at + n; at < last; at++) md[size++] = LETTERS.charCodeAt(reference[at]!);
      nm += n;
      score -= 6 + n;
    } else if (op === INSERTION) {
      k += n;
      nm += n;
      score -= 6 + n;
    } else {
      // What is cut off is not in the read.
      if (op === CLIP) k += n;
      score -= 5;
    }
  }
  putEqual();
  read.end = start + at;
  read.matched = matched;
  read.nm = nm;
  read.score = Math.max(0, score);
  read.mdLength = size;
  const [a, b, c] = [
    kind[read.pos - start]!,
    kind[(read.pos + read.end - 2 * start) >>> 1]!,
    kind[read.end - 1 - start]!,
  ];
  read.kind = a === DUPLICATED && b === DUPLICATED && c === DUPLICATED ? DUPLICATED : Math.min(a, b, c, 1);
}
