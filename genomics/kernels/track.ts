/** Writes runs of equal value as rows of BED, compressed unit by unit, with what an index needs to know of them. */
import { roomFor } from '../../core/room.ts';
import { blockSize, deflateBlocks } from '../formats/bgzip.ts';
import type { Runs } from './depth.ts';
import { unitSize } from './units.ts';

/**
 * Where rows lie: chunk i holds neighbouring rows of `contig[i]` within `[beg[i], end[i])`, and lies from `block[i]` (bytes
 * from the first block's start) and `within[i]` to where the next chunk starts, the last one to the end of the blocks.
 */
export type Chunks = {
  readonly contig: Int32Array<ArrayBuffer>;
  readonly beg: Int32Array<ArrayBuffer>;
  readonly end: Int32Array<ArrayBuffer>;
  readonly block: Float64Array<ArrayBuffer>;
  readonly within: Uint16Array<ArrayBuffer>;
};
/** The rows of whole units. */
export type Piece = { readonly blocks: Uint8Array; readonly chunks: Chunks };

/** A row of which the end is not known yet. */
export type Open = {
  readonly contig: number;
  readonly name: string;
  readonly start: number;
  readonly label: string;
  /** The rows of its unit before it, which wait with it, and where the first of them starts; -1 without any. */
  readonly text: Uint8Array<ArrayBuffer>;
  readonly first: number;
};

/** The rows of a file while an interval is swept. */
export type Track = {
  /** What stands in the fourth column for a value; undefined: the value itself. */
  readonly labels: readonly string[] | undefined;
  readonly labelBytes: readonly Uint8Array[] | undefined;
  contig: number;
  name: string;
  nameBytes: Uint8Array;
  value: number;
  /** Where the row at hand started; -1 when none did in the interval. */
  start: number;
  /** Where the row ends that began before the interval; -1 while that is not known. */
  closes: number;
  text: Uint8Array;
  fill: number;
  /** End of the unit at hand. */
  unitEnd: number;
  /** Rows of the contig in the unit: start of the first, -1 without any, and its place in the text. */
  first: number;
  firstAt: number;
  /** The last row that was written. */
  lastStart: number;
  lastEnd: number;
  lastAt: number;
  /** Chunks of the unit: contig, begin, end, place in the text. */
  places: number[];
  /** Finished units. */
  blocks: Uint8Array[];
  /** Their bytes. */
  size: number;
  /** Their chunks: contig, begin, end, block, within. */
  chunks: number[];
};

/** A value that has no row. */
export const silent = -1;
/** No value: the contig starts. */
const none = -2;
/** Upper bound of a row's bytes without the name and a label: two numbers, a third one, three tabs and a line feed. */
const rowSize = 40;

export function createTrack(labels?: readonly string[]): Track {
  const encoder = new TextEncoder();
  return {
    labels,
    labelBytes: labels?.map((label) => encoder.encode(label)),
    contig: -1,
    name: '',
    nameBytes: new Uint8Array(0),
    value: none,
    start: -1,
    closes: -1,
    text: new Uint8Array(1 << 16),
    fill: 0,
    unitEnd: 0,
    first: -1,
    firstAt: 0,
    lastStart: 0,
    lastEnd: 0,
    lastAt: 0,
    places: [],
    blocks: [],
    size: 0,
    chunks: [],
  };
}

/** Turns to a contig, or to what is left of one from `from` on: then `before` is the value of the base before. */
export function beginContig(track: Track, contig: number, name: string, from: number, before: number): void {
  track.contig = contig;
  track.name = name;
  track.nameBytes = new TextEncoder().encode(`${name}\t`);
  track.value = from === 0 ? none : before;
  track.start = -1;
  track.unitEnd = from - (from % unitSize) + unitSize;
}

/** Takes runs of which `values` are the values. */
export function addRuns(track: Track, { at, count }: Runs, values: Int32Array): void {
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value === track.value) continue;
    const pos = at[i]!;
    closeRow(track, pos);
    track.value = value;
    track.start = value === silent ? -1 : pos;
  }
}

/** The contig ends, and so does its last row. */
export function endContig(track: Track, length: number): void {
  closeRow(track, length);
  track.value = none;
  track.start = -1;
  endSection(track);
}

/** The unit ends. */
export function endUnit(track: Track): void {
  endSection(track);
  if (track.fill === 0) return;
  const { bytes, sizes } = deflateBlocks(track.text.subarray(0, track.fill));
  pushChunks(track.chunks, track.places, sizes, track.size);
  track.blocks.push(bytes);
  track.size += bytes.length;
  track.fill = 0;
  track.places = [];
}

/** The interval ends within a contig: the row at hand, with the rows of its unit before it, if there is one. */
export function takeOpen(track: Track): Open | null {
  if (track.start >= track.unitEnd) endUnit(track);
  if (track.start < 0) {
    endUnit(track);
    return null;
  }
  const { contig, name, start, value, labels, text, fill, first } = track;
  const label = labels?.[value] ?? String(value);
  const open = { contig, name, start, label, text: text.slice(0, fill), first };
  track.fill = 0;
  track.first = -1;
  return open;
}

/** The finished units so far; they leave the track. */
export function takePiece(track: Track): Piece {
  const piece = { blocks: Buffer.concat(track.blocks), chunks: toChunks(track.chunks) };
  track.blocks = [];
  track.size = 0;
  track.chunks = [];
  return piece;
}

/** The unit of an open row that ends at `end`. */
export function closeOpen(open: Open, end: number): Piece {
  const { contig, name, start, label, text, first } = open;
  const row = Buffer.from(`${name}\t${start}\t${end}\t${label}\n`);
  const { bytes, sizes } = deflateBlocks(Buffer.concat([text, row]));
  const places: number[] = [];
  const unitEnd = start - (start % unitSize) + unitSize;
  if (first < 0) pushPlaces(places, contig, start, 0, start, end, 0, unitEnd);
  else pushPlaces(places, contig, first, 0, start, end, text.length, unitEnd);
  const chunks: number[] = [];
  pushChunks(chunks, places, sizes, 0);
  return { blocks: bytes, chunks: toChunks(chunks) };
}

function closeRow(track: Track, end: number): void {
  if (track.start >= 0) writeRow(track, end);
  else if (track.closes < 0 && track.value !== none) track.closes = end;
}

/** The row at hand goes to the text of its unit. */
function writeRow(track: Track, end: number): void {
  const { start, value, nameBytes } = track;
  if (start >= track.unitEnd) {
    endUnit(track);
    track.unitEnd = start - (start % unitSize) + unitSize;
  }
  const label = track.labelBytes?.[value];
  const room = track.fill + nameBytes.length + rowSize + (label ? label.length : 0);
  track.text = roomFor(track.text, room);
  const { text } = track;
  let fill = track.fill;
  if (track.first < 0) {
    track.first = start;
    track.firstAt = fill;
  }
  track.lastStart = start;
  track.lastEnd = end;
  track.lastAt = fill;
  for (let i = 0; i < nameBytes.length; i++) text[fill++] = nameBytes[i]!;
  fill = writeNumber(text, fill, start);
  text[fill++] = 9;
  fill = writeNumber(text, fill, end);
  text[fill++] = 9;
  if (label) for (let i = 0; i < label.length; i++) text[fill++] = label[i]!;
  else fill = writeNumber(text, fill, value);
  text[fill++] = 10;
  track.fill = fill;
}

/** Decimal digits of `value`, a number from 0 to 2^31 - 1, from `at`; gives where they end. */
function writeNumber(text: Uint8Array, at: number, value: number): number {
  const end = at + digitsOf(value);
  let rest = value;
  let i = end;
  while (rest >= 100) {
    const hundredth = (rest / 100) | 0;
    const pair = 2 * (rest - 100 * hundredth);
    text[--i] = pairs[pair + 1]!;
    text[--i] = pairs[pair]!;
    rest = hundredth;
  }
  if (rest >= 10) {
    text[--i] = pairs[2 * rest + 1]!;
    text[--i] = pairs[2 * rest]!;
  } else text[--i] = 48 + rest;
  return end;
}

/** Digits of 00, 01, ... 99. */
const pairs = Uint8Array.from(
  { length: 200 },
  (_, i) => 48 + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10),
);

function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 100_000_000) {
    if (value < 1_000_000) return value < 100_000 ? 5 : 6;
    return value < 10_000_000 ? 7 : 8;
  }
  return value < 1_000_000_000 ? 9 : 10;
}

/** The contig's rows in the unit end. */
function endSection(track: Track): void {
  const { places, contig, first, firstAt, lastStart, lastEnd, lastAt, unitEnd } = track;
  if (first >= 0) pushPlaces(places, contig, first, firstAt, lastStart, lastEnd, lastAt, unitEnd);
  track.first = -1;
}

/** A last row that reaches out of its unit is a chunk of its own: it alone belongs to a large bin of the index. */
function pushPlaces(
  places: number[],
  contig: number,
  first: number,
  firstAt: number,
  lastStart: number,
  lastEnd: number,
  lastAt: number,
  unitEnd: number,
): void {
  if (lastEnd <= unitEnd || lastAt === firstAt) places.push(contig, first, lastEnd, firstAt);
  else places.push(contig, first, lastStart, firstAt, contig, lastStart, lastEnd, lastAt);
}

/** Turns places in a text into places in its blocks, of these sizes, the first of which lies at `base`. */
function pushChunks(
  chunks: number[],
  places: readonly number[],
  sizes: readonly number[],
  base: number,
): void {
  let block = base;
  let index = 0;
  for (let i = 0; i < places.length; i += 4) {
    const at = places[i + 3]!;
    for (; (index + 1) * blockSize <= at; index++) block += sizes[index]!;
    chunks.push(places[i]!, places[i + 1]!, places[i + 2]!, block, at - index * blockSize);
  }
}

function toChunks(chunks: readonly number[]): Chunks {
  const count = chunks.length / 5;
  const column = (field: number) => (_: unknown, i: number) => chunks[5 * i + field]!;
  return {
    contig: Int32Array.from({ length: count }, column(0)),
    beg: Int32Array.from({ length: count }, column(1)),
    end: Int32Array.from({ length: count }, column(2)),
    block: Float64Array.from({ length: count }, column(3)),
    within: Uint16Array.from({ length: count }, column(4)),
  };
}
