/** Turns compressed bytes, as they are handed over, into inflated ones without gaps. */
import { blockAt, inflateBlock } from './block.ts';
import { BLOCK_ROOM, FIRST_WINDOW, INPUT, WINDOW } from './layout.ts';

/** All whole blocks that were handed over are used up; the last block of the range is. */
export const HUNGRY: i32 = 0;
export const AT_END: i32 = 1;
/** The range does not begin, or does not end, within a block that the file has there; memory for a record cannot be had. */
export const MISPLACED: i32 = -20;
export const NO_ROOM: i32 = -21;

const PAGE: usize = 65536;
/** No window grows beyond it: the address space ends. */
const LARGEST: usize = 1 << 30;

let inputAt: usize = INPUT;
let inputEnd: usize = INPUT;
/** Compressed bytes up to the range's last block, and inflated ones of that; inflated ones before the range. */
let left: i64 = 0;
let within: u32 = 0;
let skipped: u32 = 0;
let isEnded: bool = false;

let size: usize = FIRST_WINDOW;
/** What is inflated and not used up yet. */
export let dataAt: usize = WINDOW;
export let dataEnd: usize = WINDOW;

/** Starts a range: it begins `skip` inflated bytes into its first block, and ends `cut` into the block `bytes` behind that. */
export function startRange(skip: u32, bytes: f64, cut: u32): void {
  inputAt = INPUT;
  inputEnd = INPUT;
  left = <i64>bytes;
  within = cut;
  skipped = skip;
  isEnded = false;
  dataAt = WINDOW;
  dataEnd = WINDOW;
}

/** Moves what is left of the input to its start; gives how much that is. More bytes go behind it. */
export function keepInput(): u32 {
  const rest = inputEnd - inputAt;
  memory.copy(INPUT, inputAt, rest);
  inputAt = INPUT;
  inputEnd = INPUT + rest;
  return <u32>rest;
}

/** `length` bytes were put behind the input. */
export function addInput(length: u32): void {
  inputEnd += length;
}

/** Bytes up to `at` are used up. */
export function useData(at: usize): void {
  dataAt = at;
}

/** Inflates one block more: HUNGRY, AT_END, the block's length + 2, or what is wrong. */
export function fill(): i32 {
  if (isEnded) return AT_END;
  if (left < 0) return MISPLACED;
  if (left == 0) {
    isEnded = true;
    if (within == 0) return skipped > 0 ? MISPLACED : AT_END;
  }
  const block = blockAt(inputAt, inputEnd);
  if (block <= 0) {
    isEnded = false;
    return block;
  }
  if (!makeRoom()) return NO_ROOM;
  // Whatever lies behind the input is memory of ours: it may be read.
  const length = inflateBlock(inputAt, block, inputEnd + 64, dataEnd, WINDOW + size - dataEnd);
  if (length < 0) return length;
  const kept: u32 = isEnded ? within : length;
  if (kept > <u32>length || skipped > kept) return MISPLACED;
  // Only the first block of a range is skipped into: nothing lies before it.
  dataAt += skipped;
  dataEnd += kept;
  skipped = 0;
  inputAt += block;
  left -= block;
  return length + 2;
}

/** Makes sure that a block fits behind the data: moves them to the front when they are few, and else takes more memory. */
function makeRoom(): bool {
  if (dataEnd + BLOCK_ROOM <= WINDOW + size) return true;
  const rest = dataEnd - dataAt;
  memory.copy(WINDOW, dataAt, rest);
  dataAt = WINDOW;
  dataEnd = WINDOW + rest;
  if (dataEnd + BLOCK_ROOM <= WINDOW + size) return true;
  // Doubled, so that a long record is not moved over and over; memory is taken as its bytes arrive, not on its word.
  const wanted: usize = size << 1;
  if (wanted > LARGEST) return false;
  const pages = <i32>((WINDOW + wanted + PAGE - 1) / PAGE) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) return false;
  size = wanted;
  return true;
}
