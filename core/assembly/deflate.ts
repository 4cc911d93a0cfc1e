/** Compresses bytes in memory to one DEFLATE or zlib stream (RFC 1951, RFC 1950). */
import { adler } from './adler.ts';
import { endOutput, putBlock, startOutput } from './blocks.ts';
import { COUNTS, INPUT, reach, SEQUENCES } from './deflatelayout.ts';
import { parse, parseFast, sequences, setGrain, setSequences, startInput } from './matches.ts';
import { addStretch, countStretch, guessPrices, grainPhase, isGrained, joinStretch, setPrices, startBlock } from './prices.ts';

/** Where what is compressed begins. */
export const input: usize = INPUT;

// After so many bytes it is asked whether a new block should begin, and no block is much longer than the second number.
const STRETCH: usize = 1 << 13;
const LONGEST_BLOCK: usize = 1 << 18;

/** Gives memory for `length` bytes at `input`, and for what they are compressed to; false where there is none. */
export function reserve(length: usize): bool {
  return reach(outputOf(length) + boundOf(length));
}

/** Where the stream of `length` bytes begins. */
export function outputOf(length: usize): usize {
  return (INPUT + length + 16 + 63) & ~63;
}

@inline
function boundOf(length: usize): usize {
  return length + (length >>> 9) + 1024;
}

/** Compresses `length` bytes at `input` to `outputOf(length)`; `isZlib` with the header and checksum of zlib. Gives the stream's length. */
export function deflate(length: usize, level: u32, isZlib: bool): usize {
  const end = INPUT + length, output = outputOf(length);
  memory.fill(end, 0, 16);
  startOutput(output + (isZlib ? 2 : 0));
  startInput(INPUT, end);
  startBlock();
  guessPrices(INPUT, INPUT + min(length, STRETCH));
  setGrain(isGrained, grainPhase);
  let begin = INPUT, p = INPUT;
  while (true) {
    const first = sequences, from = p;
    const stop = min(p + STRETCH, end);
    p = level < 6 || isGrained ? parseFast(p, stop) : parse(p, stop, 32, 128);
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
    if (p - begin >= LONGEST_BLOCK || sequences > 28000) {
      setPrices(COUNTS);
      putBlock(sequences, begin, p, false);
      setSequences(0);
      begin = p;
      startBlock();
    } else setPrices(COUNTS);
  }
  putBlock(sequences, begin, end, true);
  let last = endOutput();
  if (isZlib) {
    store<u16>(output, level < 6 ? 0x0178 : 0x9c78);
    store<u32>(last, bswap(adler(INPUT, end)));
    last += 4;
  }
  return last - output;
}
