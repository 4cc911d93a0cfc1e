/** What a slice leaves to be told from the records of a template that lie in it together (CRAM spec 10.4), as htslib tells it. */
import type { CramRecord } from '@gmod/cram';
import { flag } from '../record.ts';

/** What a record's template tells: its name and FLAG, and where the next record of it lies; `pos` from 0. */
export type Mate = {
  readonly name: string;
  readonly flags: number;
  readonly contig: number;
  readonly pos: number;
  readonly templateLength: number;
};

const aboutMate = flag.mateReverse | flag.mateUnmapped;

/** The mates of a slice's records, in their order. `nameOf` names a record whose name the file does not keep, by its place. */
export function matesOf(records: readonly CramRecord[], nameOf: (i: number) => string): Mate[] {
  const first = records[0]?.uniqueId ?? 0;
  const out: (Mate | undefined)[] = Array.from({ length: records.length });
  records.forEach((record, i) => {
    if (out[i]) return;
    const chain = chainOf(records, first, i);
    const name = record.isDetached() || record._syntheticReadName === undefined ? record.readName : undefined;
    const shared = name ?? nameOf(i);
    if (chain.length === 1) {
      const { mate, templateSize = 0, flags } = record;
      const isPaired = (flags & flag.paired) !== 0;
      out[i] = {
        name: shared,
        flags,
        contig: mate && isPaired ? mate.sequenceId : -1,
        pos: mate ? mate.alignmentStart - 1 : -1,
        templateLength: templateSize,
      };
      return;
    }
    const members = chain.map((k) => records[k]!);
    const length = templateLength(members);
    const left = Math.min(...members.map(({ alignmentStart }) => alignmentStart));
    const isAlone = members.filter(({ alignmentStart }) => alignmentStart === left).length === 1;
    chain.forEach((k, place) => {
      const own = records[k]!;
      const next = members[(place + 1) % members.length]!;
      const isFirst = own.alignmentStart === left && (isAlone || (own.flags & flag.read1) !== 0);
      const isPlaced = ((own.flags | next.flags) & flag.unmapped) === 0;
      // The library tells both neighbours of a record of each other; only the next one counts.
      const told =
        (next.flags & flag.reverse ? flag.mateReverse : 0) |
        (next.flags & flag.unmapped ? flag.mateUnmapped : 0);
      out[k] = {
        name: shared,
        flags: (own.flags & ~aboutMate) | flag.paired | told,
        contig: next.sequenceId,
        pos: next.alignmentStart - 1,
        templateLength: isPlaced ? (isFirst ? length : -length) : 0,
      };
    });
  });
  return out as Mate[];
}

/** Places of a record and of those that follow in its template. */
function chainOf(records: readonly CramRecord[], first: number, start: number): number[] {
  const chain = [start];
  for (let at = start; ;) {
    const id = records[at]!.mate?.uniqueId;
    // The last one points back.
    const next = id === undefined ? -1 : id - first;
    if (next <= at || next >= records.length) return chain;
    chain.push(next);
    at = next;
  }
}

/** From the first to the last base of a template; 0 where it lies on several contigs. */
function templateLength(members: readonly CramRecord[]): number {
  if (members.some(({ sequenceId }) => sequenceId !== members[0]!.sequenceId)) return 0;
  const starts = members.map(({ alignmentStart }) => alignmentStart);
  const ends = members.map(({ alignmentStart, lengthOnRef = 1 }) => alignmentStart + lengthOnRef - 1);
  return Math.max(...ends) - Math.min(...starts) + 1;
}
