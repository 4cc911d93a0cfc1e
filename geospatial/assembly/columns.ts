/**
 * Where points stand: two sets of columns, and the bytes that come in and go out. The globals point into the set, and behind as many of its points, as
 * `aim` last said.
 */
import { aligned, reach } from './bytes.ts';
import { modelsEnd, of256 } from './layers.ts';
import { MOST_EXTRA, PAD, TOO_LARGE } from './layout.ts';
import { blocksBytes, placeBlocks } from './point10.ts';

/** Columns of the set that is aimed at. Coordinates are raw i32; time is the bits of an f64; angle i16; colours u16. */
export let x: usize = 0;
export let y: usize = 0;
export let z: usize = 0;
export let time: usize = 0;
export let intensity: usize = 0;
export let angle: usize = 0;
export let source: usize = 0;
export let red: usize = 0;
export let green: usize = 0;
export let blue: usize = 0;
export let nir: usize = 0;
/** Return number in the low four bits, number of returns in the high ones. */
export let returns: usize = 0;
/** As byte 15 of a record of formats 6 to 10: classification flags, scanner channel << 4, scan direction << 6, edge of flight line << 7. */
export let flags: usize = 0;
export let classes: usize = 0;
export let user: usize = 0;
/** `extraBytes` a point, point by point. */
export let extra: usize = 0;
export let extraBytes: u32 = 0;

/** Of the chunk that is decoded or encoded, a byte a point: bits 0-1 channel, 2 it changed, 3 angle, 4 time, 5 source changed. */
export let changes: usize = 0;
/** Of the chunk that is encoded: the context of z. */
export let contexts: usize = 0;
/** Bytes that come in: a chunk, or records. */
export let input: usize = 0;
/** The same, a stream at a time, reversed. */
export let reversed: usize = 0;
/** Bytes that go out. */
export let output: usize = 0;
/** Two numbers a point of the second set: its order, and room to find it. */
export let order: usize = 0;
export let spare: usize = 0;
/** A number a point of the second set, by which points are sorted first. */
export let groups: usize = 0;
/** For extra bytes of formats 0 to 5: the last ones, then a model each. */
export let extraState: usize = 0;

export let maxChunk: u32 = 0;
export let maxInput: u32 = 0;
export let maxPoints: u32 = 0;

let first: usize = 0;
let second: usize = 0;

function bytesOfSet(points: usize): usize {
  return aligned(8 * points) + 3 * aligned(4 * points) + 7 * aligned(2 * points) + 4 * aligned(points) + aligned(<usize>extraBytes * points);
}

/**
 * Makes room: chunks of up to `chunk` points and `bytes` bytes with `more` extra bytes a point in the first set, `points` points in the second,
 * `out` bytes to write. What was there is lost. Gives 0, or TOO_LARGE.
 */
export function setUp(chunk: u32, bytes: u32, more: u32, points: u32, out: u32): i32 {
  if (chunk > 1 << 24 || bytes > 1 << 30 || more > MOST_EXTRA || points > 1 << 26 || out > 1 << 30) return TOO_LARGE;
  if (<u64>more * points > 1 << 30 || <u64>more * chunk > 1 << 30) return TOO_LARGE;
  extraBytes = more;
  maxChunk = chunk;
  maxInput = bytes;
  maxPoints = points;
  placeBlocks(aligned(modelsEnd));
  let p: u64 = aligned(modelsEnd) + aligned(blocksBytes());
  extraState = <usize>p;
  p += aligned(16 + <usize>more * (1 + of256));
  input = <usize>p;
  p += aligned(bytes + 64);
  reversed = <usize>p;
  p += aligned(<usize>bytes + (16 + more) * (PAD + 80));
  changes = <usize>p;
  p += aligned(chunk);
  contexts = <usize>p;
  p += aligned(chunk);
  first = <usize>p;
  p += bytesOfSet(chunk);
  second = <usize>p;
  p += <u64>bytesOfSet(points);
  order = <usize>p;
  p += aligned(4 * points);
  spare = <usize>p;
  p += aligned(4 * points);
  groups = <usize>p;
  p += aligned(4 * points);
  output = <usize>p;
  p += aligned(out);
  return p < 0xffff0000 && reach(<usize>p + 64) ? 0 : TOO_LARGE;
}

/** Points the columns at set 0 or 1, point `at` of it. */
export function aim(set: u32, at: u32): void {
  const points: usize = set ? maxPoints : maxChunk;
  const i: usize = at;
  let p = set ? second : first;
  time = p + 8 * i;
  p += aligned(8 * points);
  x = p + 4 * i;
  p += aligned(4 * points);
  y = p + 4 * i;
  p += aligned(4 * points);
  z = p + 4 * i;
  p += aligned(4 * points);
  intensity = p + 2 * i;
  p += aligned(2 * points);
  angle = p + 2 * i;
  p += aligned(2 * points);
  source = p + 2 * i;
  p += aligned(2 * points);
  red = p + 2 * i;
  p += aligned(2 * points);
  green = p + 2 * i;
  p += aligned(2 * points);
  blue = p + 2 * i;
  p += aligned(2 * points);
  nir = p + 2 * i;
  p += aligned(2 * points);
  returns = p + i;
  p += aligned(points);
  flags = p + i;
  p += aligned(points);
  classes = p + i;
  p += aligned(points);
  user = p + i;
  p += aligned(points);
  extra = p + <usize>extraBytes * i;
}

/** Address of a column as it is aimed at; numbers as in the kernel's binding. */
export function column(i: i32): usize {
  switch (i) {
    case 0: return x;
    case 1: return y;
    case 2: return z;
    case 3: return returns;
    case 4: return flags;
    case 5: return classes;
    case 6: return intensity;
    case 7: return angle;
    case 8: return user;
    case 9: return source;
    case 10: return time;
    case 11: return red;
    case 12: return green;
    case 13: return blue;
    case 14: return nir;
    case 15: return extra;
    case 16: return order;
    case 17: return groups;
    case 18: return input;
    case 19: return output;
  }
  return 0;
}
