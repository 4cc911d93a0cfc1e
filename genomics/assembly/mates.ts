/** Remembers reads that reach over the start of their mate, by name, until the mate comes or cannot come any more. */
import { ENTRIES, ENTRY_SIZE, HEAD_BITS, HEADS, MAX_ENTRIES, MAX_WORDS, WORDS } from './layout.ts';
import { NAME, NAME_LENGTH } from './record.ts';

// Fields of an entry, 4 bytes each. UNTIL is STOP while it is in its chain, -1 when it was taken out. One whose STOP is not after the
// start of the read at hand is stale, and counts as absent.
const NEXT: usize = 0;
const HASH: usize = 4;
const START: usize = 8;
const STOP: usize = 12;
const PLACE: usize = 16;
const NAME_BYTES: usize = 20;
const OPS: usize = 24;
const UNTIL: usize = 28;

/** Entries in use, those that are not taken, and words in use. */
let used: i32 = 0;
let open: i32 = 0;
let words: i32 = 0;
/** No entry can be added any more: the pairs at hand are of no use. */
export let isCrowded: bool = false;

/** Of the name at hand: where it begins, its whole words, what is left of it as a word, and its hash. */
let nameAt: usize = 0;
let nameWords: i32 = 0;
let nameRest: u32 = 0;
let nameLength: u32 = 0;
let nameHash: u32 = 0;

/** Forgets all. */
export function clearMates(): void {
  if (used > 0) memory.fill(HEADS, 0, 4 << HEAD_BITS);
  used = 0;
  open = 0;
  words = 0;
  isCrowded = false;
}

@inline
function mix(hash: u32, word: u32): u32 {
  const sum = (hash ^ word) * 0x9e3779b1;
  return sum ^ (sum >>> 15);
}

/** Makes the record's name the one at hand. */
function loadName(record: usize): void {
  nameAt = record + NAME;
  nameLength = <u32>load<u8>(record, NAME_LENGTH);
  nameWords = <i32>(nameLength >>> 2);
  let hash = nameLength;
  const end = nameAt + ((<usize>nameWords) << 2);
  for (let at = nameAt; at < end; at += 4) hash = mix(hash, load<u32>(at));
  nameRest = 0;
  for (let i: u32 = 0; i < (nameLength & 3); i++) nameRest |= (<u32>load<u8>(end + i)) << (8 * i);
  nameHash = mix(hash, nameRest);
}

/** The words at `at` are the name at hand. */
@inline
function isName(at: usize): bool {
  let i: usize = 0;
  const end = (<usize>nameWords) << 2;
  while (i < end && load<u32>(at + i) == load<u32>(nameAt + i)) i += 4;
  return i == end && load<u32>(at + i) == nameRest;
}

@inline
function entryOf(index: i32): usize {
  return ENTRIES + <usize>index * ENTRY_SIZE;
}

/** The entry with the name at hand, or 0. With `unlink` it leaves its chain. */
function find(pos: i32, unlink: bool): usize {
  const head = HEADS + ((nameHash & ((1 << HEAD_BITS) - 1)) << 2);
  let last: usize = 0;
  for (let entry = load<usize>(head); entry != 0; last = entry, entry = load<usize>(entry, NEXT)) {
    if (load<u32>(entry, HASH) != nameHash || load<u32>(entry, NAME_BYTES) != nameLength) continue;
    if (!isName(load<usize>(entry, PLACE))) continue;
    if (load<i32>(entry, STOP) <= pos) return 0;
    if (unlink) {
      if (last == 0) store<usize>(head, load<usize>(entry, NEXT));
      else store<usize>(last, load<usize>(entry, NEXT), NEXT);
      store<i32>(entry, -1, UNTIL);
      open--;
    }
    return entry;
  }
  return 0;
}

/** Whether a read of the record's name is open at `pos`. */
export function hasMate(record: usize, pos: i32): bool {
  if (open == 0) return false;
  loadName(record);
  return find(pos, false) != 0;
}

/** Takes out the open read of the record's name. Gives its entry, valid until the next `keepMate`, or 0. */
export function takeMate(record: usize, pos: i32): usize {
  if (open == 0) return 0;
  loadName(record);
  return find(pos, true);
}

/** Remembers the record, which covers `[pos, stop)` and has `count` operations at `ops`. An earlier one of its name is forgotten. */
export function keepMate(record: usize, pos: i32, stop: i64, ops: usize, count: u32): void {
  loadName(record);
  // A stale one, too.
  find(-1, true);
  const size = <i64>nameWords + 1 + count;
  if (used == MAX_ENTRIES || words + size > MAX_WORDS) {
    compact(pos);
    if (2 * used > MAX_ENTRIES || 2 * (words + size) > MAX_WORDS) {
      isCrowded = true;
      return;
    }
  }
  const entry = entryOf(used++);
  const place = WORDS + ((<usize>words) << 2);
  const bytes = (<usize>nameWords) << 2;
  memory.copy(place, nameAt, bytes);
  store<u32>(place + bytes, nameRest);
  memory.copy(place + bytes + 4, ops, (<usize>count) << 2);
  words += <i32>size;
  const end = <i32>min(stop, <i64>i32.MAX_VALUE);
  store<u32>(entry, nameHash, HASH);
  store<i32>(entry, pos, START);
  store<i32>(entry, end, STOP);
  store<i32>(entry, end, UNTIL);
  store<usize>(entry, place, PLACE);
  store<u32>(entry, nameLength, NAME_BYTES);
  store<u32>(entry, count, OPS);
  link(entry, nameHash);
  open++;
}

@inline
function link(entry: usize, hash: u32): void {
  const head = HEADS + ((hash & ((1 << HEAD_BITS) - 1)) << 2);
  store<usize>(entry, load<usize>(head), NEXT);
  store<usize>(head, entry);
}

/** Drops what is taken, or stale for reads from `pos` on. */
function compact(pos: i32): void {
  memory.fill(HEADS, 0, 4 << HEAD_BITS);
  let kept = 0;
  let end: usize = WORDS;
  for (let i = 0; i < used; i++) {
    const entry = entryOf(i);
    if (load<i32>(entry, UNTIL) <= pos) continue;
    const size = ((load<u32>(entry, NAME_BYTES) >>> 2) + 1 + load<u32>(entry, OPS)) << 2;
    const to = entryOf(kept++);
    memory.copy(end, load<usize>(entry, PLACE), size);
    memory.copy(to, entry, ENTRY_SIZE);
    store<usize>(to, end, PLACE);
    end += size;
    link(to, load<u32>(to, HASH));
  }
  used = kept;
  open = kept;
  words = <i32>((end - WORDS) >>> 2);
}

/** Of an entry: where its read starts and ends, and its operations. */
@inline
export function startOf(entry: usize): i32 {
  return load<i32>(entry, START);
}
@inline
export function endOf(entry: usize): i32 {
  return load<i32>(entry, STOP);
}
@inline
export function opsOf(entry: usize): usize {
  return load<usize>(entry, PLACE) + ((load<u32>(entry, NAME_BYTES) >>> 2) << 2) + 4;
}
@inline
export function countOf(entry: usize): u32 {
  return load<u32>(entry, OPS);
}
