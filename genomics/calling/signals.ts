/** Where reads differ from the reference: bases, insertions and deletions, and ends of soft clips, counted by position. */
import { isCovering, isReference, stepsRead } from '../kernels/cigar.ts';
import { leastQuality, other, overlapping, type Pool } from './pool.ts';

/** A stretch of the reference as codes of bases: position `from + i` is `codes[i]`. */
export type Slice = { readonly codes: Uint8Array; readonly from: number; readonly to: number };

/**
 * A change of the reference: `size` bases from `pos` on, left out, and `bases` in their place. Of one base each for a substitution, of none on the one side for an
 * insertion or a deletion, which lie as far left as they can.
 */
export type Edit = { readonly pos: number; readonly size: number; readonly bases: string };

/** An edit that reads show, and how many do, by sample. */
export type Seen = Edit & { readonly reads: Int32Array };

export type Signals = {
  readonly from: number;
  readonly to: number;
  /** By sample: bases of each kind that differ from the reference, 4 a position, and reads over each position. */
  readonly bases: readonly Uint16Array[];
  readonly depth: readonly Int32Array[];
  /** Ends of soft clips at a position, of all samples. */
  readonly clips: Uint16Array;
  readonly edits: ReadonlyMap<string, Seen>;
};

export const keyOf = ({ pos, size, bases }: Edit): string => `${pos}:${size}:${bases}`;

/** Moves an insertion or a deletion as far left as it can go. */
export function shiftLeft({ pos, size, bases }: Edit, { codes, from }: Slice): Edit {
  let [at, text] = [pos, bases];
  if (size > 0 && bases === '') {
    while (
      at > from &&
      codes[at - 1 - from] === codes[at + size - 1 - from] &&
      codes[at - 1 - from] !== other
    )
      at--;
    return { pos: at, size, bases };
  }
  if (size === 0 && bases !== '') {
    while (at > from && codes[at - 1 - from] === text.charCodeAt(text.length - 1) - 48) {
      text = text[text.length - 1]! + text.slice(0, -1);
      at--;
    }
    return { pos: at, size, bases: text };
  }
  return { pos, size, bases };
}

/** Digits of codes. */
export const spell = (codes: Uint8Array, from: number, to: number): string => {
  let text = '';
  for (let i = from; i < to; i++) text += codes[i]!;
  return text;
};

/** Longer deletions are another kind of variant. */
export const mostGone = 200;
/** A soft clip this long says that something may lie behind it. */
const leastClip = 8;

/** Counts what the reads of the pool show within the slice. `isEvidence`: reads that count. */
export function findSignals(
  pool: Pool,
  slice: Slice,
  samples: number,
  isEvidence: (i: number) => boolean,
): Signals {
  const { from, to, codes } = slice;
  const [shown, expected] = [viewOf(pool.bases), viewOf(codes)];
  const size = to - from;
  const bases = Array.from({ length: samples }, () => new Uint16Array(4 * size));
  const depth = Array.from({ length: samples }, () => new Int32Array(size + 1));
  const clips = new Uint16Array(size);
  const edits = new Map<string, Seen>();
  const note = (edit: Edit, sample: number): void => {
    const placed = shiftLeft(edit, slice);
    const key = keyOf(placed);
    let seen = edits.get(key);
    if (!seen) edits.set(key, (seen = { ...placed, reads: new Int32Array(samples) }));
    seen.reads[sample]!++;
  };
  overlapping(pool, from, to, (i) => {
    if (!isEvidence(i)) return;
    const sample = pool.sample[i]!;
    const [counts, deep] = [bases[sample]!, depth[sample]!];
    const [first, count, base] = [pool.op[i]!, pool.opCount[i]!, pool.base[i]!];
    let [ref, query] = [pool.pos[i]!, 0];
    for (let k = 0; k < count; k++) {
      const op = pool.ops[first + k]!;
      const length = op >>> 4;
      if (isCovering(op)) {
        const low = Math.max(ref, from);
        const high = Math.min(ref + length, to);
        if (low < high) {
          deep[low - from]!++;
          deep[high - from]!--;
          countBases(counts, expected, pool, shown, low - from, base + query + low - ref, high - low);
        }
      } else if (length > 0 && k > 0 && k < count - 1 && ref > from && ref < to) {
        const kind = op & 15;
        // Next to a clip, or at the very end, it is a matter of taste.
        if (kind === 2 && length <= mostGone && ref + length <= to)
          note({ pos: ref, size: length, bases: '' }, sample);
        else if (kind === 1)
          note({ pos: ref, size: 0, bases: spell(pool.bases, base + query, base + query + length) }, sample);
      }
      if ((op & 15) === 4 && length >= leastClip && ref >= from && ref < to) {
        const middle = base + query + (length >> 1);
        if (pool.quals[middle]! >= leastQuality) clips[ref - from]!++;
      }
      if (isReference(op)) ref += length;
      if (stepsRead(op)) query += length;
    }
  });
  for (const deep of depth) for (let i = 1; i <= size; i++) deep[i]! += deep[i - 1]!;
  for (const key of edits.keys()) if (edits.get(key)!.bases.includes('4')) edits.delete(key);
  return { from, to, bases, depth, clips, edits };
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, length);

function countBases(
  counts: Uint16Array,
  expected: DataView,
  { quals }: Pool,
  shown: DataView,
  ref: number,
  query: number,
  length: number,
): void {
  for (let k = 0; k < length;) {
    // Most bases are those of the reference: four at once.
    if (k + 4 <= length && shown.getUint32(query + k) === expected.getUint32(ref + k)) {
      k += 4;
      continue;
    }
    for (const end = Math.min(length, k + 4); k < end; k++) {
      const base = shown.getUint8(query + k);
      if (base === expected.getUint8(ref + k) || base === other || quals[query + k]! < leastQuality) continue;
      counts[4 * (ref + k) + base]!++;
    }
  }
}
