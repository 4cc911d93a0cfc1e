/** Counts records by FLAG, and mates that lie on another contig. */
import { ELSEWHERE, FLAGS } from './layout.ts';
import {
  FLAG, MAPQ, MATE_UNMAPPED, NEXT_REF_ID, PAIRED, QC_FAIL, REF_ID, recordAt, SECONDARY, SUPPLEMENTARY, UNMAPPED,
} from './record.ts';
import { dataAt, dataEnd, useData } from './window.ts';

const PAIR_MASK: u32 = PAIRED | UNMAPPED | MATE_UNMAPPED | SECONDARY | SUPPLEMENTARY;

/** Counts from zero. */
export function startFlags(): void {
  memory.fill(FLAGS, 0, ELSEWHERE + 16 - FLAGS);
}

@inline
function increment(at: usize): void {
  store<u32>(at, load<u32>(at) + 1);
}

/** Counts the whole records of the data: 0, or what is wrong. */
export function countFlags(contigs: i32): i32 {
  const end = dataEnd;
  let at = dataAt;
  while (true) {
    const size = recordAt(at, end, contigs);
    if (size <= 0) {
      useData(at);
      return size;
    }
    const bits = <u32>load<u16>(at, FLAG);
    increment(FLAGS + (bits << 2));
    if ((bits & PAIR_MASK) == PAIRED && load<i32>(at, REF_ID) != load<i32>(at, NEXT_REF_ID)) {
      const side = ELSEWHERE + (bits & QC_FAIL ? 4 : 0);
      increment(side);
      if (load<u8>(at, MAPQ) >= 5) increment(side + 8);
    }
    at += size;
  }
}
