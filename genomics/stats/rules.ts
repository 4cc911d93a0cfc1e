/** Which records `samtools stats` counts, and how. */
import { field, flag } from '../formats/record.ts';

export type Rules = {
  /** Bits of FLAG: any of these, or not all of those, and the record is filtered. */
  readonly exclude: number;
  readonly require: number;
  /** Quality below which BWA would trim the ends of reads; 0: not counted. */
  readonly trim: number;
  /** Larger insert sizes count as this one. */
  readonly insertSize: number;
  /** Bases of a bin of GC-depth. */
  readonly bin: number;
};

export const isFiltered = ({ exclude, require }: Rules, bits: number): boolean =>
  (bits & exclude) !== 0 || (bits & require) !== require;

/** Whether the record at a byte adds to depth: it lies on its contig, is no secondary one, and has bases. */
export function isDeep(rules: Rules, view: DataView, at: number): boolean {
  const bits = view.getUint16(at + field.flag, true);
  return (
    (bits & (flag.secondary | flag.unmapped)) === 0 &&
    view.getInt32(at + field.seqLength, true) > 0 &&
    !isFiltered(rules, bits)
  );
}

/** First or last read of its template; what has no mate is a first one, and what is both or neither is none. */
export function orderOf(bits: number): 0 | 1 | -1 {
  if ((bits & flag.paired) === 0) return 0;
  const ends = bits & (flag.read1 | flag.read2);
  return ends === flag.read1 ? 0 : ends === flag.read2 ? 1 : -1;
}
