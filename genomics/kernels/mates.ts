/** Remembers reads that reach over the start of their mate, by name, until the mate comes or cannot come any more. */
import { roomFor } from '../../core/room.ts';
import { field } from '../formats/record.ts';
import type { Cigar } from './cigar.ts';

// Fields of an entry. `until` is `stop` while it is in its chain, -1 when it was taken out.
const [next, hash, start, stop, place, words, ops, until] = [0, 1, 2, 3, 4, 5, 6, 7];
const entrySize = 8;
/** No position is beyond it (SAM spec 4.2). */
const maxPosition = 2 ** 31 - 1;
/** Words of the longest name, 255 bytes with its NUL. */
const maxWords = 64;

/**
 * Open reads of one contig. An entry is `entrySize` numbers of `entries`; its name and its operations lie in `data`.
 * An entry whose `stop` is not after the start of the read at hand is stale, and counts as absent: mosdepth would take it, but
 * then a read's depth would hang on reads from anywhere before it, and a part could not know them. Only mates that do not lie
 * where they are said to lie come out differently.
 */
export type Mates = {
  /** The first entry of each chain, -1 for none; its length is a power of two. */
  heads: Int32Array;
  entries: Int32Array;
  /** Entries used, taken and stale ones too. */
  used: number;
  /** Entries that are not taken. */
  open: number;
  data: Int32Array;
  dataEnd: number;
  /** The name at hand, in words of 4 bytes, the last one filled up with zeros. */
  readonly name: Int32Array;
  nameWords: number;
  nameHash: number;
};

export function createMates(): Mates {
  return {
    heads: new Int32Array(1024).fill(-1),
    entries: new Int32Array(1024 * entrySize),
    used: 0,
    open: 0,
    data: new Int32Array(1 << 14),
    dataEnd: 0,
    name: new Int32Array(maxWords),
    nameWords: 0,
    nameHash: 0,
  };
}

/** Forgets all, at the end of a contig. */
export function clear(mates: Mates): void {
  if (mates.used > 0) mates.heads.fill(-1);
  mates.used = 0;
  mates.open = 0;
  mates.dataEnd = 0;
}

/** Makes the `length` bytes at `at` the name at hand. */
function load(mates: Mates, view: DataView, at: number, length: number): void {
  const { name } = mates;
  const whole = length >> 2;
  let sum = length;
  let i = 0;
  for (; i < whole; i++) {
    const word = view.getInt32(at + 4 * i, true);
    name[i] = word;
    sum = Math.imul(sum ^ word, 0x9e3779b1);
    sum ^= sum >>> 15;
  }
  if ((length & 3) !== 0) {
    let word = 0;
    for (let j = 4 * whole; j < length; j++) word |= view.getUint8(at + j) << (8 * (j & 3));
    name[i++] = word;
    sum = Math.imul(sum ^ word, 0x9e3779b1);
    sum ^= sum >>> 15;
  }
  mates.nameWords = i;
  mates.nameHash = sum;
}

/** The entry with the name at hand, or -1. With `unlink` it leaves its chain. */
function find(mates: Mates, at: number, unlink: boolean): number {
  const { heads, entries, data, name, nameHash, nameWords } = mates;
  const chain = nameHash & (heads.length - 1);
  let last = -1;
  for (let entry = heads[chain]!; entry >= 0; last = entry, entry = entries[entry + next]!) {
    if (entries[entry + hash] !== nameHash || entries[entry + words] !== nameWords) continue;
    const from = entries[entry + place]!;
    let i = 0;
    while (i < nameWords && data[from + i] === name[i]) i++;
    if (i < nameWords) continue;
    if (entries[entry + stop]! <= at) return -1;
    if (unlink) {
      if (last < 0) heads[chain] = entries[entry + next]!;
      else entries[last + next] = entries[entry + next]!;
      entries[entry + until] = -1;
      mates.open--;
    }
    return entry;
  }
  return -1;
}

/** Whether a read of the name of the record at `record`, which starts at `pos`, is open. */
export function has(mates: Mates, view: DataView, record: number, pos: number): boolean {
  if (mates.open === 0) return false;
  load(mates, view, record + field.name, view.getUint8(record + field.nameLength));
  return find(mates, pos, false) >= 0;
}

/**
 * Takes out the open read that has the name of the record at `record`, which starts at `pos`. Gives its entry, valid
 * until the next `store`, or -1.
 */
export function take(mates: Mates, view: DataView, record: number, pos: number): number {
  if (mates.open === 0) return -1;
  load(mates, view, record + field.name, view.getUint8(record + field.nameLength));
  return find(mates, pos, true);
}

/**
 * Remembers the record at `record`, which covers `[begin, end)` and has `count` operations at `cigar`. An earlier one of
 * the same name is forgotten.
 */
export function store(
  mates: Mates,
  view: DataView,
  record: number,
  begin: number,
  end: number,
  cigar: number,
  count: number,
): void {
  load(mates, view, record + field.name, view.getUint8(record + field.nameLength));
  // A stale one, too.
  find(mates, -1, true);
  const size = mates.nameWords + count;
  if ((mates.used + 1) * entrySize > mates.entries.length || mates.dataEnd + size > mates.data.length)
    compact(mates, begin, size);
  const { entries, data, name, nameWords, heads, nameHash } = mates;
  const entry = mates.used++ * entrySize;
  const from = mates.dataEnd;
  for (let i = 0; i < nameWords; i++) data[from + i] = name[i]!;
  for (let i = 0; i < count; i++) data[from + nameWords + i] = view.getInt32(cigar + 4 * i, true);
  mates.dataEnd += size;
  const chain = nameHash & (heads.length - 1);
  entries[entry + next] = heads[chain]!;
  entries[entry + hash] = nameHash;
  entries[entry + start] = begin;
  entries[entry + stop] = Math.min(end, maxPosition);
  entries[entry + until] = entries[entry + stop]!;
  entries[entry + place] = from;
  entries[entry + words] = nameWords;
  entries[entry + ops] = count;
  heads[chain] = entry;
  mates.open++;
}

/** Drops what is taken or stale for reads from `pos` on, and makes room for one more entry with `size` words. */
function compact(mates: Mates, pos: number, size: number): void {
  const { entries, data } = mates;
  let used = 0;
  let end = 0;
  for (let i = 0; i < mates.used; i++) {
    const entry = i * entrySize;
    if (entries[entry + until]! <= pos) continue;
    const from = entries[entry + place]!;
    const length = entries[entry + words]! + entries[entry + ops]!;
    data.copyWithin(end, from, from + length);
    entries.copyWithin(used * entrySize, entry, entry + entrySize);
    entries[used * entrySize + place] = end;
    used++;
    end += length;
  }
  // At least half is free afterwards, so that compaction costs little an entry.
  if (2 * (used + 1) * entrySize > entries.length) mates.entries = roomFor(entries, 2 * entries.length);
  if (2 * (end + size) > data.length) mates.data = roomFor(data, 2 * (end + size));
  mates.used = used;
  mates.open = used;
  mates.dataEnd = end;
  link(mates);
}

/** Builds the chains anew. */
function link(mates: Mates): void {
  const { entries, used } = mates;
  if (mates.heads.length * entrySize < entries.length)
    mates.heads = new Int32Array(entries.length / entrySize);
  const { heads } = mates;
  heads.fill(-1);
  for (let i = 0; i < used; i++) {
    const entry = i * entrySize;
    const chain = entries[entry + hash]! & (heads.length - 1);
    entries[entry + next] = heads[chain]!;
    heads[chain] = entry;
  }
}

/** Where the read of an entry ends. */
export const endOf = (mates: Mates, entry: number): number => mates.entries[entry + stop]!;
/** The operations of an entry; valid until the next `store`. */
export function cigarOf({ entries, data }: Mates, entry: number): Cigar {
  const from = entries[entry + place]! + entries[entry + words]!;
  return { ops: data, from, to: from + entries[entry + ops]!, start: entries[entry + start]! };
}
