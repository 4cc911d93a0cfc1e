/**
 * Decodes a chunk of formats 0 to 5, item version 2, to the columns that are aimed at: one stream, point by point. Wave packets (formats 4 and 5) are decoded
 * to get past them, and not kept. Source: LASzip's POINT10, GPSTIME11, RGB12 and BYTE version 2, WAVEPACKET13 version 1, as laz-rs and LASzip read them.
 */
import { aligned } from './bytes.ts';
import {
  angle, blue, classes, extra, extraBytes, flags, green, intensity, red, returns, source, time, user, x, y, z,
} from './columns.ts';
import { nextColor } from './colors.ts';
import { long, overrun, rareSymbol, symbol } from './decoder.ts';
import { BEFORE_K, coderBytes, difference, lastK, leadOfK, startCoder } from './integers.ts';
import { addToMedian, of128, of16K, of256, of32K, of64, TIME_MODELS } from './layers.ts';
import { CUT_OFF } from './layout.ts';
import { modelBytes, modelLead, startModel } from './models.ts';
import { nextTime, startTimes } from './times.ts';

// Offsets in the block: medians of x and y, 16 of 32 bytes each; last intensities, 16 of 2; last heights, 8 of 4; the last colour; then models.
const MEDIANS_X: usize = 0;
const MEDIANS_Y: usize = 16 * 32;
const INTENSITIES: usize = 32 * 32;
const HEIGHTS: usize = INTENSITIES + 32;
const MODELS: usize = HEIGHTS + 32;

/** A template, and the copy that a chunk uses. */
let template: usize = 0;
let block: usize = 0;
let blockBytes: usize = 0;
// Offsets of models and coders in a block.
let bitsAt: usize = 0;
let classesAt: usize = 0;
let usersAt: usize = 0;
let anglesAt: usize = 0;
let intensityAt: usize = 0;
let sourceAt: usize = 0;
let xAt: usize = 0;
let yAt: usize = 0;
let zAt: usize = 0;
let timesAt: usize = 0;
let colorsAt: usize = 0;
let wavesAt: usize = 0;

/** LASzip's context of a return, sixteen of them: eight return numbers for each number of returns. */
const RETURN_CONTEXTS: usize = memory.data<u8>([
  15, 14, 13, 12, 11, 10, 9, 8, 14, 0, 1, 3, 6, 10, 10, 9, 13, 1, 2, 4, 7, 11, 11, 10, 12, 3, 4, 5, 8, 12, 12, 11,
  11, 6, 7, 8, 9, 13, 13, 12, 10, 10, 11, 12, 13, 14, 14, 13, 9, 10, 11, 12, 13, 14, 15, 14, 8, 9, 10, 11, 12, 13, 14, 15,
], 16);

/** Wave packets: last index and how its offset moved, last difference, last packet of 28 bytes, then models. */
const WAVE_MOVED: usize = 4;
const WAVE_DIFFERENCE: usize = 8;
const WAVE_LAST: usize = 16;
const WAVE_MODELS: usize = 48;


/** Bytes to be kept for `placeBlocks`. */
export function blocksBytes(): usize {
  return 2 * aligned(MODELS + 6000 + (3 * 256 + 2) * of256 + of64 + coderBytes(16, 4) + coderBytes(16, 1) + 2 * coderBytes(32, 22)
    + coderBytes(32, 20) + TIME_MODELS + modelBytes(516) + modelBytes(6) + coderBytes(32, 9) + 16 + of128 + 7 * of256
    + 3 * coderBytes(32, 1) + coderBytes(32, 3) + 4 * modelBytes(4) + WAVE_MODELS);
}
/** Says where the blocks are to be; they are laid when a chunk first wants them. */
export function placeBlocks(at: usize): void { template = at; }

function startBlocks(): void {
  const room = blocksBytes() / 2;
  block = template + room;
  memory.fill(template, 0, MODELS);
  let p = template + MODELS;
  startModel(p, 64);
  p += of64;
  bitsAt = p - template;
  for (let i = 0; i < 256; i++, p += of256) startModel(p, 256);
  classesAt = p - template;
  for (let i = 0; i < 256; i++, p += of256) startModel(p, 256);
  usersAt = p - template;
  for (let i = 0; i < 256; i++, p += of256) startModel(p, 256);
  anglesAt = p - template;
  for (let i = 0; i < 2; i++, p += of256) startModel(p, 256);
  intensityAt = p - template;
  startCoder(p, 16, 4);
  p += coderBytes(16, 4);
  sourceAt = p - template;
  startCoder(p, 16, 1);
  p += coderBytes(16, 1);
  xAt = p - template;
  startCoder(p, 32, 2);
  p += coderBytes(32, 2);
  yAt = p - template;
  startCoder(p, 32, 22);
  p += coderBytes(32, 22);
  zAt = p - template;
  startCoder(p, 32, 20);
  p += coderBytes(32, 20);
  p = aligned(p);
  timesAt = p - template;
  memory.fill(p, 0, TIME_MODELS);
  p += TIME_MODELS;
  startModel(p, 516);
  p += modelBytes(516);
  startModel(p, 6);
  p += modelBytes(6);
  startCoder(p, 32, 9);
  p += coderBytes(32, 9);
  colorsAt = p - template;
  startModel(p + 16, 128);
  p += 16 + of128;
  for (let i = 0; i < 6; i++, p += of256) startModel(p, 256);
  wavesAt = p - template;
  memory.fill(p, 0, WAVE_MODELS);
  p += WAVE_MODELS;
  startModel(p, 256);
  p += of256;
  for (let i = 0; i < 4; i++, p += modelBytes(4)) startModel(p, 4);
  for (let i = 0; i < 3; i++, p += coderBytes(32, 1)) startCoder(p, 32, 1);
  startCoder(p, 32, 3);
  p += coderBytes(32, 3);
  blockBytes = aligned(p - template);
  if (blockBytes > room) unreachable();
}

@inline function integer32(d: usize, coder: usize, contexts: usize, context: usize, predicted: i32): i32 {
  return predicted + difference(d, coder, coder + leadOfK(32) + context * of32K, coder + BEFORE_K + contexts * of32K);
}
@inline function integer16(d: usize, coder: usize, contexts: usize, context: usize, predicted: u32): u32 {
  const step = difference(d, coder, coder + leadOfK(16) + context * of16K, coder + BEFORE_K + contexts * of16K);
  return (predicted + step) & 0xffff;
}

/**
 * Decodes `count` points by decoder `d`; `first` is the chunk's first record. `extras` is room for the extra bytes' models, `extraBytes` of 256 symbols, and
 * one byte more each.
 */
export function decodePoints10(d: usize, pdrf: u32, count: u32, first: usize, extras: usize): i32 {
  if (!block) startBlocks();
  memory.copy(block, template, blockBytes);
  const isTimed = pdrf == 1 || pdrf >= 3;
  const isColored = pdrf == 2 || pdrf == 3 || pdrf == 5;
  const isWaved = pdrf >= 4;
  const colorAt: usize = isTimed ? 28 : 20;
  const waveAt: usize = isColored ? 34 : 28;
  const extraAt: usize = isWaved ? waveAt + 29 : colorAt + (isColored ? 6 : 0);
  let px = load<i32>(first);
  let py = load<i32>(first, 4);
  let pz = load<i32>(first, 8);
  // The first record's intensity predicts nothing.
  let strength: u32 = load<u16>(first, 12);
  let byte: u32 = load<u8>(first, 14);
  let kind: u32 = load<u8>(first, 15);
  let rank: u32 = load<u8>(first, 16);
  let use: u32 = load<u8>(first, 17);
  let from: u32 = load<u16>(first, 18);
  let t: u64 = isTimed ? load<u64>(first, 20) : 0;
  if (isTimed) startTimes(block + timesAt, t);
  if (isColored) memory.copy(block + colorsAt, first + colorAt, 6);
  if (isWaved) memory.copy(block + wavesAt + WAVE_LAST, first + waveAt + 1, 28);
  const models = extras + ((extraBytes + 15) & ~15);
  for (let k: u32 = 0; k < extraBytes; k++) startModel(models + <usize>k * of256, 256);
  memory.copy(extras, first + extraAt, extraBytes);
  memory.copy(extra, extras, extraBytes);
  const lead256 = modelLead(256);
  for (let i: u32 = 0; i < count; i++) {
    if (i > 0) {
      const changed = symbol(d, block + MODELS + modelLead(64));
      if (changed & 32) byte = rareSymbol(d, block + bitsAt + lead256 + <usize>byte * of256);
      const context = <usize>load<u8>(RETURN_CONTEXTS + (((byte >> 3) & 7) << 3 | (byte & 7)));
      const isSingle = <usize>(((byte >> 3) & 7) == 1);
      if (changed) {
        const last = block + INTENSITIES + 2 * context;
        if (changed & 16) {
          strength = integer16(d, block + intensityAt, 4, min(context, 3), load<u16>(last));
          store<u16>(last, strength);
        } else strength = load<u16>(last);
        if (changed & 8) kind = rareSymbol(d, block + classesAt + lead256 + <usize>kind * of256);
        if (changed & 4) rank = (rank + rareSymbol(d, block + anglesAt + lead256 + <usize>((byte >> 6) & 1) * of256)) & 0xff;
        if (changed & 2) use = rareSymbol(d, block + usersAt + lead256 + <usize>use * of256);
        if (changed & 1) from = integer16(d, block + sourceAt, 1, 0, from);
      }
      const median = block + MEDIANS_X + 32 * context;
      const dx = integer32(d, block + xAt, 2, isSingle, load<i32>(median, 8));
      px += dx;
      addToMedian(median, dx);
      const kx = lastK;
      const medianY = block + MEDIANS_Y + 32 * context;
      const dy = integer32(d, block + yAt, 22, (<usize>min(kx, 20) & ~1) + isSingle, load<i32>(medianY, 8));
      py += dy;
      addToMedian(medianY, dy);
      const kz = (kx + lastK) >> 1;
      const total = (byte >> 3) & 7;
      const number = byte & 7;
      const level = block + HEIGHTS + 4 * <usize>(total > number ? total - number : number - total);
      pz = integer32(d, block + zAt, 20, (<usize>min(kz, 18) & ~1) + isSingle, load<i32>(level));
      store<i32>(level, pz);
      if (isTimed) t = nextTime(d, block + timesAt, 516);
      if (isColored) nextColor(d, block + colorsAt, block + colorsAt);
      if (isWaved) nextWave(d, block + wavesAt);
      let p = extra + <usize>i * extraBytes;
      for (let k: u32 = 0; k < extraBytes; k++, p++) {
        const value = load<u8>(extras + k) + rareSymbol(d, models + lead256 + <usize>k * of256);
        store<u8>(extras + k, value);
        store<u8>(p, value);
      }
      if (overrun(d)) return CUT_OFF;
    }
    store<i32>(x + 4 * i, px);
    store<i32>(y + 4 * i, py);
    store<i32>(z + 4 * i, pz);
    store<u16>(intensity + 2 * i, strength);
    storeBits(i, byte, kind);
    store<u16>(angle + 2 * i, <i32><i8>rank);
    store<u8>(user + i, use);
    store<u16>(source + 2 * i, from);
    store<u64>(time + 8 * i, t);
    if (isColored) {
      const color = block + colorsAt;
      store<u16>(red + 2 * i, load<u16>(color));
      store<u16>(green + 2 * i, load<u16>(color, 2));
      store<u16>(blue + 2 * i, load<u16>(color, 4));
    }
  }
  return <i32>count;
}

/** Bytes 14 and 15 of a record of formats 0 to 5 as those of 6 to 10 have them. */
@inline export function storeBits(i: u32, byte: u32, kind: u32): void {
  store<u8>(returns + i, (byte & 7) | (((byte >> 3) & 7) << 4));
  store<u8>(flags + i, (kind >> 5) | (byte & 0xc0));
  store<u8>(classes + i, kind & 31);
}

function nextWave(d: usize, at: usize): void {
  const last = at + WAVE_LAST;
  let models = at + WAVE_MODELS;
  store<u32>(at, rareSymbol(d, models + modelLead(256)));
  models += of256;
  const moved = rareSymbol(d, models + modelLead(4) + <usize>load<u32>(at, WAVE_MOVED) * modelBytes(4));
  store<u32>(at, moved, WAVE_MOVED);
  let coder = models + 4 * modelBytes(4);
  if (moved == 1) store<u64>(last, load<u64>(last) + load<u32>(last, 8));
  else if (moved == 2) {
    const step = integer32(d, coder, 1, 0, load<i32>(at, WAVE_DIFFERENCE));
    store<i32>(at, step, WAVE_DIFFERENCE);
    store<i64>(last, load<i64>(last) + step);
  } else if (moved == 3) store<u64>(last, long(d));
  coder += coderBytes(32, 1);
  store<i32>(last, integer32(d, coder, 1, 0, load<i32>(last, 8)), 8);
  coder += coderBytes(32, 1);
  store<i32>(last, integer32(d, coder, 1, 0, load<i32>(last, 12)), 12);
  coder += coderBytes(32, 1);
  for (let i: usize = 0; i < 3; i++)
    store<i32>(last + 4 * i, integer32(d, coder, 3, i, load<i32>(last + 4 * i, 16)), 16);
}
