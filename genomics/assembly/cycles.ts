/**
 * The cycle kernel: counts bases and qualities of reads by cycle, for samtools stats. It is the fast way of ../stats/cycles.ts for reads that are not
 * long, and has a module and a memory of its own.
 */

/** Bases of the longest read that is counted here. */
const LONGEST: usize = 1024;
/** G and C of the two bases of a byte: filled by the host. */
const GC: usize = 1024;
/** Bytes of bases by place: 256 counts for each; from the start, from the end of reverse reads of even and of odd lengths; of first and last reads. */
const PAIRS: usize = 2048;
const PAIRS_SIZE: usize = (LONGEST / 2 + 1) * 1024;
/** The last base of reads of odd lengths: 16 counts a cycle; first reads, of them the reverse ones, last reads, of them the reverse ones. */
const ODD: usize = PAIRS + 6 * PAIRS_SIZE;
const ODD_SIZE: usize = (LONGEST + 1) * 64;
/** Qualities: 256 counts a cycle; of first and last reads. */
const QUALITY: usize = ODD + 4 * ODD_SIZE;
const QUALITY_SIZE: usize = LONGEST * 1024;
const END: usize = QUALITY + 2 * QUALITY_SIZE;
/** Records, of which the host says how much room they take. */
const HEAP: usize = (END + 63) & ~63;

export const longest: usize = LONGEST;
export const gcTable: usize = GC;
export const pairs: usize = PAIRS;
export const pairsSize: usize = PAIRS_SIZE;
export const odd: usize = ODD;
export const oddSize: usize = ODD_SIZE;
export const quality: usize = QUALITY;
export const qualitySize: usize = QUALITY_SIZE;
export const heap: usize = HEAP;

if (memory.grow(<i32>((HEAP + 65535) >> 16)) < 0) unreachable();

/** Forgets all counts. */
export function start(): void {
  memory.fill(PAIRS, 0, END - PAIRS);
}

@inline
function increment(at: usize): void {
  store<u32>(at, load<u32>(at) + 1);
}

/** Adds the read with `length` bases at `seq` and qualities behind: a first (0) or last (1) one. Gives how many bases are G or C. */
export function add(seq: usize, length: usize, order: usize, reverse: bool): u32 {
  const whole = length >> 1;
  const isOdd = length & 1;
  const kind: usize = <usize>3 * order + (reverse ? <usize>1 + isOdd : 0);
  let gc: u32 = 0;
  let row: isize = <isize>(PAIRS + kind * PAIRS_SIZE) + (reverse ? (<isize>(whole + isOdd) - 1) << 10 : 0);
  const step: isize = reverse ? -1024 : 1024;
  let at = seq;
  for (const end = seq + whole; at < end; at++, row += step) {
    const pair = <usize>load<u8>(at);
    increment(<usize>row + (pair << 2));
    gc += <u32>load<u8>(GC + pair);
  }
  if (isOdd) {
    const code = <usize>load<u8>(at++) >> 4;
    const column: usize = <usize>2 * order + (reverse ? <usize>1 : 0);
    increment(ODD + column * ODD_SIZE + ((reverse ? <usize>0 : length - 1) << 6) + (code << 2));
    gc += <u32>load<u8>(GC + (code << 4));
  }
  row = <isize>(QUALITY + order * QUALITY_SIZE) + (reverse ? (<isize>length - 1) << 10 : 0);
  for (const end = at + length; at < end; at++, row += step) increment(<usize>row + (<usize>load<u8>(at) << 2));
  return gc;
}
