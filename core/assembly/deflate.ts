/** Compresses bytes in memory to one DEFLATE or zlib stream (RFC 1951, RFC 1950). */
import { adler } from './adler.ts';
import { endOutput, putBlock, startOutput } from './blocks.ts';
import { COUNTS, INPUT, MAX_SEQUENCES, reach, SEQUENCES } from './deflatelayout.ts';
import { addUp, join, split, subtract } from './differences.ts';
import { inflatedOf, inflateZlib, reserveInflated } from './inflatezlib.ts';
import { parse, parseFast, sequences, setSequences, startInput } from './matches.ts';
import { countStretch, guessPrices, joinStretch, literals, matches, pairing, setPrices, startBlock } from './prices.ts';

export { addUp, join, split, subtract };
export { inflatedOf, inflateZlib, reserveInflated };

/** Where what is compressed begins. */
export const input: usize = INPUT;

// After so many bytes it is asked whether a new block should begin, and by so many whether they are samples of two bytes. No block is much longer than
// the last number.
const STRETCH: usize = 1 << 13;
const PROBE: usize = 1 << 11;
const LONGEST_BLOCK: usize = 1 << 18;

/** Candidates a position, and the length that is long enough, of the levels from 6 on. */
const TRIES: u32 = 32;
const NOISE_TRIES: u32 = 2;
const NICE: u32 = 128;

/** Gives memory for `length` bytes at `input`, and for what they are compressed to; false where there is none. */
export function reserve(length: usize): bool {
  // No stream is longer than its stored form, whose blocks begin at each stretch at worst.
  return reach(outputOf(length) + length + (length >>> 9) + 1024);
}

/** Where the stream of `length` bytes begins. */
export function outputOf(length: usize): usize {
  return (INPUT + length + 16 + 63) & ~63;
}

/** Compresses `length` bytes at `input` to `outputOf(length)`; `isZlib` with the header and checksum of zlib. Gives the stream's length. */
export function deflate(length: usize, level: u32, isZlib: bool): usize {
  const end = INPUT + length, output = outputOf(length);
  // What is read behind the input is the same for each.
  memory.fill(end, 0, 16);
  startOutput(output + (isZlib ? 2 : 0));
  deflateBlocks(end, level);
  let last = endOutput();
  if (isZlib) {
    store<u16>(output, level < 6 ? 0x0178 : 0x9c78);
    store<u32>(last, bswap(adler(INPUT, end)));
    last += 4;
  }
  return last - output;
}

function deflateBlocks(end: usize, level: u32): void {
  startInput(INPUT, end);
  startBlock();
  guessPrices(INPUT, min(INPUT + STRETCH, end));
  parity = -1;
  isNoise = false;
  let begin = INPUT, p = INPUT;
  while (true) {
    const first = sequences, from = p;
    p = parseStretch(p, end, level);
    countStretch(first, sequences, from);
    if (!joinStretch(first == 0)) {
      putBlock(first, begin, from, false);
      memory.copy(SEQUENCES, SEQUENCES + 8 * first, 8 * (sequences - first));
      setSequences(sequences - first);
      begin = from;
      startBlock();
      joinStretch(true);
    }
    if (p == end) break;
    adapt(p, <u32>(p - begin), end);
    if (p - begin < LONGEST_BLOCK && sequences < MAX_SEQUENCES - STRETCH / 2) continue;
    putBlock(sequences, begin, p, false);
    setSequences(0);
    begin = p;
    startBlock();
  }
  putBlock(sequences, begin, end, true);
}

/** The parity of the addresses at which samples of two bytes begin, or -1 where there are none. */
let parity: i32 = -1;
/** Whether these are so noisy that a look at every other byte does as well. */
let isNoise: bool = false;

/** Parses from `p` on in the way that suits what was found of the data so far. */
@inline
function parseStretch(p: usize, end: usize, level: u32): usize {
  const stop = min(p + STRETCH, end);
  const step = isNoise ? 2 : 1;
  if (level < 6) return parseFast(p, stop, parity < 0 ? 6 : 4, step, parity);
  return parse(p, stop, parity < 0 ? 5 : 4, step, parity, isNoise ? NOISE_TRIES : TRIES, NICE);
}

/** Looks at the block of `bytes` bytes so far, and at what follows it from `p` on, for how to go on. */
function adapt(p: usize, bytes: u32, end: usize): void {
  setPrices(COUNTS);
  const isRough = literals * 9 > bytes * 4 && bytes - literals <= matches * 8;
  // Samples once found are believed in: with another number of bytes hashed, what the tables hold is lost.
  if (isRough && parity < 0) parity = pairing(p, min(p + PROBE, end));
  isNoise = isRough && parity >= 0;
}
