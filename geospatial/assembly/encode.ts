/**
 * Encodes the points that are aimed at as one chunk of format 6, 7 or 8, item version 3, with extra bytes. A layer whose values do not change has no bytes.
 * Chunks come out byte for byte as LASzip makes them.
 */
import {
  angle, blue, changes, classes, contexts, extra, extraBytes, flags, green, intensity, maxChunk, nir, red, returns,
  source, time, user, x, y, z,
} from './columns.ts';
import { encodeColors, encodeExtra, encodeNir } from './colors.ts';
import { endEncoder, putRareSymbol, putSymbol, startEncoder } from './encoder.ts';
import { BEFORE_K, lastK, leadOfK, putDifference } from './integers.ts';
import {
  addToMedian, angleBytes, angleModels, blockOf, byteBytes, byteModels, channelAt, ENDS, flagBytes, flagModels, fresh,
  intensityBytes, intensityModels, LEVELS, MEDIANS_X, MEDIANS_Y, of128, of16, of16K, of32K, PLACE_MODELS,
  PLACE_RETURNS, PLACE_X, PLACE_Y, placeBytes, placeModels, RETURN_CONTEXTS, returnCountAt, returnNumberAt,
  samePulseAt, sourceBytes, sourceModels, TIME_VALUE, timeBytes, timeModels, xAt, yAt, zBytes, zModels,
} from './layers.ts';
import { modelBytes, modelLead } from './models.ts';
import { putTime, startTimes } from './times.ts';

const E: usize = memory.data(16, 16);
/** What a channel had last: time u64, angle u16, source u16. */
const LAST: usize = memory.data(4 * 16, 16);

function putPlaces(count: u32): void {
  let channel: u32 = (load<u8>(flags) >> 4) & 3;
  let block = fresh(placeModels, placeBytes, channel);
  let started: u32 = 1 << channel;
  let px = load<i32>(x);
  let py = load<i32>(y);
  let ret: u32 = load<u8>(returns);
  let isLater: u32 = 0;
  let t = load<u64>(time);
  let a: u32 = load<u16>(angle);
  let s: u32 = load<u16>(source);
  store<u8>(changes, channel);
  const lead16 = modelLead(16);
  const lead32K = leadOfK(32);
  for (let i: u32 = 1; i < count; i++) {
    const ends: u32 = load<u8>(ENDS + ret);
    const model = block + PLACE_MODELS + modelLead(128) + <usize>((ends >> 1) | ((ends & 1) << 1) | (isLater << 2)) * of128;
    const before = block;
    const next: u32 = (load<u8>(flags + i) >> 4) & 3;
    const isOther = <u32>(next != channel);
    if (isOther) {
      const last = LAST + 16 * <usize>channel;
      store<i32>(block, px, PLACE_X);
      store<i32>(block, py, PLACE_Y);
      store<u32>(block, ret, PLACE_RETURNS);
      store<u64>(last, t);
      store<u16>(last, a, 8);
      store<u16>(last, s, 10);
      if (started & (1 << next)) {
        const kept = LAST + 16 * <usize>next;
        block = blockOf(placeModels, placeBytes, next);
        px = load<i32>(block, PLACE_X);
        py = load<i32>(block, PLACE_Y);
        ret = load<u32>(block, PLACE_RETURNS);
        t = load<u64>(kept);
        a = load<u16>(kept, 8);
        s = load<u16>(kept, 10);
      } else {
        block = fresh(placeModels, placeBytes, next);
        started |= 1 << next;
      }
    }
    const t1 = load<u64>(time + 8 * i);
    const a1: u32 = load<u16>(angle + 2 * i);
    const s1: u32 = load<u16>(source + 2 * i);
    const ret1: u32 = load<u8>(returns + i);
    const number0 = ret & 15;
    const of0 = ret >> 4;
    const number1 = ret1 & 15;
    const of1 = ret1 >> 4;
    isLater = <u32>(t1 != t);
    const how: u32 = number1 == number0 ? 0 : number1 == ((number0 + 1) & 15) ? 1 : number1 == ((number0 + 15) & 15) ? 2 : 3;
    const changed = how | (<u32>(of1 != of0) << 2) | (<u32>(a1 != a) << 3) | (isLater << 4) | (<u32>(s1 != s) << 5) | (isOther << 6);
    putSymbol(E, model, changed);
    if (isOther) putRareSymbol(E, before + channelAt + modelLead(3), (next - channel - 1) & 3);
    if (of1 != of0) putRareSymbol(E, block + returnCountAt + lead16 + <usize>of0 * of16, of1);
    if (how == 3) {
      if (isLater) putRareSymbol(E, block + returnNumberAt + lead16 + <usize>number0 * of16, number1);
      else putRareSymbol(E, block + samePulseAt + modelLead(13), (number1 - number0 - 2) & 15);
    }
    ret = ret1;
    t = t1;
    a = a1;
    s = s1;
    const isSingle = <usize>(of1 == 1);
    const median = block + MEDIANS_X + 32 * ((<usize>load<u8>(RETURN_CONTEXTS + ret) << 1) | isLater);
    const medianY = median + (MEDIANS_Y - MEDIANS_X);
    const dx = load<i32>(x + 4 * i) - px;
    px += dx;
    const coderX = block + xAt;
    putDifference(E, coderX, coderX + lead32K + isSingle * of32K, coderX + BEFORE_K + 2 * of32K, dx - load<i32>(median, 8));
    addToMedian(median, dx);
    const kx = lastK;
    const dy = load<i32>(y + 4 * i) - py;
    py += dy;
    const coderY = block + yAt;
    const kOfY = (<usize>min(kx, 20) & ~1) + isSingle;
    putDifference(E, coderY, coderY + lead32K + kOfY * of32K, coderY + BEFORE_K + 22 * of32K, dy - load<i32>(medianY, 8));
    addToMedian(medianY, dy);
    store<u8>(changes + i, next | (isOther << 2) | (changed & 0x38));
    store<u8>(contexts + i, (min((kx + lastK) >> 1, 18) & ~1) + <u32>isSingle);
    channel = next;
  }
}

@inline function startZ(channel: u32, value: i32): usize {
  const block = fresh(zModels, zBytes, channel);
  for (let i: usize = 0; i < 8; i++) store<i32>(block + 4 * i, value);
  return block;
}

function putHeights(count: u32): void {
  let value = load<i32>(z);
  let channel: u32 = load<u8>(changes) & 3;
  let block = startZ(channel, value);
  let started: u32 = 1 << channel;
  const lead = leadOfK(32);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      channel = change & 3;
      if (started & (1 << channel)) block = blockOf(zModels, zBytes, channel);
      else {
        block = startZ(channel, value);
        started |= 1 << channel;
      }
    }
    const level = block + 4 * <usize>load<u8>(LEVELS + load<u8>(returns + i));
    const coder = block + 48;
    value = load<i32>(z + 4 * i);
    const k = <usize>load<u8>(contexts + i);
    putDifference(E, coder, coder + lead + k * of32K, coder + BEFORE_K + 20 * of32K, value - load<i32>(level));
    store<i32>(level, value);
  }
}

const OF_CLASS: i32 = 0;
const OF_FLAGS: i32 = 1;
const OF_USER: i32 = 2;

/** Bytes, each by the model of the context that the one before gives. */
@inline function putBytes(kind: i32, from: usize, models: usize, bytes: usize, symbols: u32, count: u32): void {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(models, bytes, channel);
  let started: u32 = 1 << channel;
  let value: u32 = load<u8>(from);
  if (kind == OF_FLAGS) value = (value & 15) | ((value >> 2) & 0x30);
  const head: usize = 16 + modelLead(symbols);
  const step = modelBytes(symbols);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      store<u8>(block, value);
      channel = change & 3;
      if (started & (1 << channel)) {
        block = blockOf(models, bytes, channel);
        value = load<u8>(block);
      } else {
        block = fresh(models, bytes, channel);
        started |= 1 << channel;
      }
    }
    let context: u32 = value;
    if (kind == OF_CLASS) context = ((value & 31) << 1) | <u32>(load<u8>(ENDS + load<u8>(returns + i)) == 3);
    else if (kind == OF_USER) context = value >> 2;
    value = load<u8>(from + i);
    if (kind == OF_FLAGS) value = (value & 15) | ((value >> 2) & 0x30);
    putSymbol(E, block + head + <usize>context * step, value);
  }
}

/** Encodes the classes of a chunk as a layer at `at`, behind `changes` of it; gives its bytes, 0 where they do not change. */
export function encodeClasses(count: u32, at: usize): usize {
  if (!isVarying(classes, 1, 1, count, 0xff)) return 0;
  startEncoder(E, at);
  putBytes(OF_CLASS, classes, byteModels, byteBytes, 256, count);
  return endEncoder(E) - at;
}

@inline function wrapped(v: i32): i32 { return <i32><i16>v; }

@inline function startIntensity(channel: u32, value: u32): usize {
  const block = fresh(intensityModels, intensityBytes, channel);
  for (let i: usize = 0; i < 8; i++) store<u16>(block + 2 * i, value);
  return block;
}

function putIntensities(count: u32): void {
  let value: u32 = load<u16>(intensity);
  let channel: u32 = load<u8>(changes) & 3;
  let block = startIntensity(channel, value);
  let started: u32 = 1 << channel;
  const lead = leadOfK(16);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      store<u16>(block, value, 16);
      channel = change & 3;
      if (started & (1 << channel)) {
        block = blockOf(intensityModels, intensityBytes, channel);
        value = load<u16>(block, 16);
      } else {
        block = startIntensity(channel, value);
        started |= 1 << channel;
      }
    }
    const ends = <usize>load<u8>(ENDS + load<u8>(returns + i));
    const coder = block + 32;
    const last = block + 2 * ((ends << 1) | ((change >> 4) & 1));
    value = load<u16>(intensity + 2 * i);
    putDifference(E, coder, coder + lead + ends * of16K, coder + BEFORE_K + 4 * of16K, wrapped(<i32>value - <i32>load<u16>(last)));
    store<u16>(last, value);
  }
}

/** A column that is coded where `mark` of `changes` says that it changed. */
@inline function putMarked(models: usize, bytes: usize, coders: u32, mark: u32, from: usize, count: u32): void {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(models, bytes, channel);
  let started: u32 = 1 << channel;
  let value: u32 = load<u16>(from);
  const lead = leadOfK(16);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      store<u16>(block, value);
      channel = change & 3;
      if (started & (1 << channel)) {
        block = blockOf(models, bytes, channel);
        value = load<u16>(block);
      } else {
        block = fresh(models, bytes, channel);
        started |= 1 << channel;
      }
    }
    if (change & mark) {
      const context: usize = coders == 2 ? <usize>((change >> 4) & 1) : 0;
      const coder = block + 16;
      const next: u32 = load<u16>(from + 2 * i);
      const correctors = coder + BEFORE_K + <usize>coders * of16K;
      putDifference(E, coder, coder + lead + context * of16K, correctors, wrapped(<i32>next - <i32>value));
      value = next;
    }
  }
}

function putTimes(count: u32): void {
  let channel: u32 = load<u8>(changes) & 3;
  let value = load<u64>(time);
  let block = fresh(timeModels, timeBytes, channel);
  let started: u32 = 1 << channel;
  startTimes(block, value);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      store<u64>(block, value, TIME_VALUE);
      channel = change & 3;
      if (started & (1 << channel)) {
        block = blockOf(timeModels, timeBytes, channel);
        value = load<u64>(block, TIME_VALUE);
      } else {
        block = fresh(timeModels, timeBytes, channel);
        started |= 1 << channel;
        startTimes(block, value);
      }
    }
    if (change & 16) {
      value = load<u64>(time + 8 * i);
      putTime(E, block, value);
    }
  }
}

function isVarying(from: usize, width: usize, step: usize, count: u32, mask: u32): bool {
  const value: u32 = width == 1 ? load<u8>(from) & mask : load<u16>(from);
  for (let i: u32 = 1, p = from + step; i < count; i++, p += step)
    if ((width == 1 ? <u32>load<u8>(p) & mask : <u32>load<u16>(p)) != value) return true;
  return false;
}

/** Encodes `count` points, at least one, as a chunk of format 6, 7 or 8 at `out`; gives its bytes. */
export function encodeChunk(pdrf: u32, count: u32, out: usize): u32 {
  if (count == 0 || count > maxChunk) return 0;
  const colorAt: usize = 30;
  const nirAt: usize = 36;
  const extraAt: usize = pdrf == 6 ? 30 : pdrf == 7 ? 36 : 38;
  const countAt = extraAt + extraBytes;
  const layers: u32 = 9 + <u32>(pdrf >= 7) + <u32>(pdrf == 8) + extraBytes;
  store<i32>(out, load<i32>(x));
  store<i32>(out, load<i32>(y), 4);
  store<i32>(out, load<i32>(z), 8);
  store<u16>(out, load<u16>(intensity), 12);
  store<u8>(out, load<u8>(returns), 14);
  store<u8>(out, load<u8>(flags), 15);
  store<u8>(out, load<u8>(classes), 16);
  store<u8>(out, load<u8>(user), 17);
  store<u16>(out, load<u16>(angle), 18);
  store<u16>(out, load<u16>(source), 20);
  store<u64>(out, load<u64>(time), 22);
  if (pdrf >= 7) {
    store<u16>(out + colorAt, load<u16>(red));
    store<u16>(out + colorAt, load<u16>(green), 2);
    store<u16>(out + colorAt, load<u16>(blue), 4);
  }
  if (pdrf == 8) store<u16>(out + nirAt, load<u16>(nir));
  memory.copy(out + extraAt, extra, extraBytes);
  store<u32>(out + countAt, count);
  const sizes = out + countAt + 4;
  let at = sizes + 4 * layers;
  let changed: u32 = 0;
  for (let layer: u32 = 0; layer < layers; layer++) {
    startEncoder(E, at);
    let isUsed = true;
    // Colours come before infrared, extra bytes last.
    const kind: u32 = layer < 9 ? layer : layer == 9 && pdrf >= 7 ? 9 : layer == 10 && pdrf == 8 ? 10 : 11;
    switch (kind) {
      case 0:
        putPlaces(count);
        for (let i: u32 = 1; i < count; i++) changed |= load<u8>(changes + i);
        break;
      case 1: putHeights(count); break;
      case 2: if (isUsed = isVarying(classes, 1, 1, count, 0xff)) putBytes(OF_CLASS, classes, byteModels, byteBytes, 256, count); break;
      case 3: if (isUsed = isVarying(flags, 1, 1, count, 0xcf)) putBytes(OF_FLAGS, flags, flagModels, flagBytes, 64, count); break;
      case 4: if (isUsed = isVarying(intensity, 2, 2, count, 0)) putIntensities(count); break;
      case 5: if (isUsed = (changed & 8) != 0) putMarked(angleModels, angleBytes, 2, 8, angle, count); break;
      case 6: if (isUsed = isVarying(user, 1, 1, count, 0xff)) putBytes(OF_USER, user, byteModels, byteBytes, 256, count); break;
      case 7: if (isUsed = (changed & 32) != 0) putMarked(sourceModels, sourceBytes, 1, 32, source, count); break;
      case 8: if (isUsed = (changed & 16) != 0) putTimes(count); break;
      case 9:
        isUsed = isVarying(red, 2, 2, count, 0) || isVarying(green, 2, 2, count, 0) || isVarying(blue, 2, 2, count, 0);
        if (isUsed) encodeColors(E, count);
        break;
      case 10: if (isUsed = isVarying(nir, 2, 2, count, 0)) encodeNir(E, count); break;
      default: {
        const k = extraBytes - (layers - layer);
        if (isUsed = isVarying(extra + k, 1, extraBytes, count, 0xff)) encodeExtra(E, count, k);
      }
    }
    let size: usize = 0;
    if (isUsed) size = endEncoder(E) - at;
    store<u32>(sizes + 4 * layer, <u32>size);
    at += size;
  }
  return <u32>(at - out);
}
