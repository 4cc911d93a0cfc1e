/**
 * Decodes the layers of POINT14 (formats 6 to 10, item versions 3 and 4) to the columns that are aimed at. Each layer is a stream of its own: x, y and z are
 * decoded in one loop, as two chains that do not wait for each other overlap; the others follow in passes of their own, led by what the first one noted in
 * `changes`. Source: LASzip's format as laz-perf and laz-rs read it.
 */
import {
  angle, changes, classes, flags, intensity, returns, source, time, user, x, y, z,
} from './columns.ts';
import { likelySymbol, overrun, rareSymbol } from './decoder.ts';
import { BEFORE_K, difference, lastK, leadOfK } from './integers.ts';
import {
  addToMedian, angleBytes, angleModels, blockOf, byteBytes, byteModels, channelAt, ENDS, flagBytes, flagModels, fresh,
  intensityBytes, intensityModels, LEVELS, MEDIANS_X, MEDIANS_Y, of128, of16, of16K, of256, of32K, of64, PLACE_MODELS,
  PLACE_RETURNS, PLACE_X, PLACE_Y, placeBytes, placeModels, RETURN_CONTEXTS, returnCountAt, returnNumberAt,
  samePulseAt, sourceBytes, sourceModels, TIME_VALUE, timeBytes, timeModels, xAt, yAt, zBytes, zModels,
} from './layers.ts';
import { CUT_OFF } from './layout.ts';
import { modelLead } from './models.ts';
import { nextTime, startTimes } from './times.ts';

@inline function place(d: usize, dz: usize, count: u32, first: usize, isWithZ: bool): i32 {
  let channel: u32 = (load<u8>(first, 15) >> 4) & 3;
  let block = fresh(placeModels, placeBytes, channel);
  let started: u32 = 1 << channel;
  let px = load<i32>(first);
  let py = load<i32>(first, 4);
  let pz: i32 = 0;
  let ret: u32 = load<u8>(first, 14);
  let isLater: u32 = 0;
  store<i32>(x, px);
  store<i32>(y, py);
  store<u8>(returns, ret);
  store<u8>(changes, channel);
  const lead16 = modelLead(16);
  const lead32K = leadOfK(32);
  const changedModels = PLACE_MODELS + modelLead(128);
  const correctorsX = xAt + BEFORE_K + 2 * of32K;
  const correctorsY = yAt + BEFORE_K + 22 * of32K;
  let zBlock: usize = 0;
  if (isWithZ) {
    pz = load<i32>(first, 8);
    zBlock = startZ(channel, pz);
    store<i32>(z, pz);
  }
  for (let i: u32 = 1; i < count; i++) {
    const ends: u32 = load<u8>(ENDS + ret);
    const changed = likelySymbol(d, block + changedModels + <usize>((ends >> 1) | ((ends & 1) << 1) | (isLater << 2)) * of128);
    let isOther: u32 = 0;
    if (changed & 64) {
      const next = (channel + rareSymbol(d, block + channelAt + modelLead(3)) + 1) & 3;
      store<i32>(block, px, PLACE_X);
      store<i32>(block, py, PLACE_Y);
      store<u32>(block, ret, PLACE_RETURNS);
      if (started & (1 << next)) {
        block = blockOf(placeModels, placeBytes, next);
        px = load<i32>(block, PLACE_X);
        py = load<i32>(block, PLACE_Y);
        ret = load<u32>(block, PLACE_RETURNS);
        if (isWithZ) zBlock = blockOf(zModels, zBytes, next);
      } else {
        block = fresh(placeModels, placeBytes, next);
        started |= 1 << next;
        if (isWithZ) zBlock = startZ(next, pz);
      }
      channel = next;
      isOther = 4;
    }
    isLater = (changed >> 4) & 1;
    if (changed & 7) {
      let number = ret & 15;
      let total = ret >> 4;
      if (changed & 4) total = rareSymbol(d, block + returnCountAt + lead16 + <usize>total * of16);
      const how = changed & 3;
      if (how == 1) number = (number + 1) & 15;
      else if (how == 2) number = (number + 15) & 15;
      else if (how == 3) {
        if (isLater) number = rareSymbol(d, block + returnNumberAt + lead16 + <usize>number * of16);
        else number = (number + rareSymbol(d, block + samePulseAt + modelLead(13)) + 2) & 15;
      }
      ret = (total << 4) | number;
    }
    const isSingle = <usize>((ret >> 4) == 1);
    const median = block + MEDIANS_X + 32 * ((<usize>load<u8>(RETURN_CONTEXTS + ret) << 1) | isLater);
    const coderX = block + xAt;
    const dx = load<i32>(median, 8) + difference(d, coderX, coderX + lead32K + isSingle * of32K, block + correctorsX);
    px += dx;
    addToMedian(median, dx);
    const kx = lastK;
    const medianY = median + (MEDIANS_Y - MEDIANS_X);
    const coderY = block + yAt;
    const kOfY = (<usize>min(kx, 20) & ~1) + isSingle;
    const dy = load<i32>(medianY, 8) + difference(d, coderY, coderY + lead32K + kOfY * of32K, block + correctorsY);
    py += dy;
    addToMedian(medianY, dy);
    const kz = (kx + lastK) >> 1;
    store<i32>(x + 4 * i, px);
    store<i32>(y + 4 * i, py);
    store<u8>(returns + i, ret);
    store<u8>(changes + i, channel | isOther | (changed & 0x38));
    if (isWithZ) {
      const level = zBlock + 4 * <usize>load<u8>(LEVELS + ret);
      const coder = zBlock + 48;
      const k = (<usize>min(kz, 18) & ~1) + isSingle;
      pz = load<i32>(level) + difference(dz, coder, coder + lead32K + k * of32K, coder + BEFORE_K + 20 * of32K);
      store<i32>(level, pz);
      store<i32>(z + 4 * i, pz);
      if (overrun(dz)) return CUT_OFF;
    }
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

@inline function startZ(channel: u32, value: i32): usize {
  const block = fresh(zModels, zBytes, channel);
  for (let i: usize = 0; i < 8; i++) store<i32>(block + 4 * i, value);
  return block;
}

/** x, y, returns and channels; `first` is the chunk's first record. */
export function decodePlaces(d: usize, count: u32, first: usize): i32 { return place(d, 0, count, first, false); }
/** The same, and z, by decoder `dz`. */
export function decodePlacesZ(d: usize, dz: usize, count: u32, first: usize): i32 {
  return place(d, dz, count, first, true);
}

export function decodeClasses(d: usize, count: u32, first: usize): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(byteModels, byteBytes, channel);
  let started: u32 = 1 << channel;
  let value: u32 = load<u8>(first, 16);
  store<u8>(classes, value);
  const models: usize = 16 + modelLead(256);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      store<u8>(block, value);
      channel = change & 3;
      if (started & (1 << channel)) {
        block = blockOf(byteModels, byteBytes, channel);
        value = load<u8>(block);
      } else {
        block = fresh(byteModels, byteBytes, channel);
        started |= 1 << channel;
      }
    }
    const context = ((value & 31) << 1) | <u32>(load<u8>(ENDS + load<u8>(returns + i)) == 3);
    value = likelySymbol(d, block + models + <usize>context * of256);
    store<u8>(classes + i, value);
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

export function decodeFlags(d: usize, count: u32, first: usize): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(flagModels, flagBytes, channel);
  let started: u32 = 1 << channel;
  const byte: u32 = load<u8>(first, 15);
  let value: u32 = (byte & 15) | ((byte >> 2) & 0x30);
  store<u8>(flags, byte);
  const models: usize = 16 + modelLead(64);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      store<u8>(block, value);
      channel = change & 3;
      if (started & (1 << channel)) {
        block = blockOf(flagModels, flagBytes, channel);
        value = load<u8>(block);
      } else {
        block = fresh(flagModels, flagBytes, channel);
        started |= 1 << channel;
      }
    }
    value = likelySymbol(d, block + models + <usize>value * of64);
    store<u8>(flags + i, (value & 15) | ((value & 0x30) << 2) | (channel << 4));
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

export function decodeUsers(d: usize, count: u32, first: usize): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(byteModels, byteBytes, channel);
  let started: u32 = 1 << channel;
  let value: u32 = load<u8>(first, 17);
  store<u8>(user, value);
  const models: usize = 16 + modelLead(256);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
      store<u8>(block, value);
      channel = change & 3;
      if (started & (1 << channel)) {
        block = blockOf(byteModels, byteBytes, channel);
        value = load<u8>(block);
      } else {
        block = fresh(byteModels, byteBytes, channel);
        started |= 1 << channel;
      }
    }
    value = likelySymbol(d, block + models + <usize>(value >> 2) * of256);
    store<u8>(user + i, value);
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

@inline function startIntensity(channel: u32, value: u32): usize {
  const block = fresh(intensityModels, intensityBytes, channel);
  for (let i: usize = 0; i < 8; i++) store<u16>(block + 2 * i, value);
  return block;
}

export function decodeIntensities(d: usize, count: u32, first: usize): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let value: u32 = load<u16>(first, 12);
  let block = startIntensity(channel, value);
  let started: u32 = 1 << channel;
  store<u16>(intensity, value);
  const lead = leadOfK(16);
  const correctors: usize = BEFORE_K + 4 * of16K;
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
    const last = block + 2 * ((ends << 1) | ((change >> 4) & 1));
    const coder = block + 32;
    value = (load<u16>(last) + difference(d, coder, coder + lead + ends * of16K, coder + correctors)) & 0xffff;
    store<u16>(last, value);
    store<u16>(intensity + 2 * i, value);
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

/** A column that is coded where `mark` of `changes` says that it changed, in one or two contexts. */
@inline function decodeMarked(
  d: usize, models: usize, bytes: usize, contexts: u32, mark: u32, to: usize, firstValue: u32, count: u32,
): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(models, bytes, channel);
  let started: u32 = 1 << channel;
  let value = firstValue;
  store<u16>(to, value);
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
      const context: usize = contexts == 2 ? <usize>((change >> 4) & 1) : 0;
      const coder = block + 16;
      const correctors = coder + BEFORE_K + <usize>contexts * of16K;
      value = (value + difference(d, coder, coder + lead + context * of16K, correctors)) & 0xffff;
      if (overrun(d)) return CUT_OFF;
    }
    store<u16>(to + 2 * i, value);
  }
  return 0;
}
export function decodeAngles(d: usize, count: u32, first: usize): i32 {
  return decodeMarked(d, angleModels, angleBytes, 2, 8, angle, load<u16>(first, 18), count);
}
export function decodeSources(d: usize, count: u32, first: usize): i32 {
  return decodeMarked(d, sourceModels, sourceBytes, 1, 32, source, load<u16>(first, 20), count);
}

export function decodeTimes(d: usize, count: u32, first: usize): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let value = load<u64>(first, 22);
  let block = fresh(timeModels, timeBytes, channel);
  let started: u32 = 1 << channel;
  startTimes(block, value);
  store<u64>(time, value);
  for (let i: u32 = 1; i < count; i++) {
    const change: u32 = load<u8>(changes + i);
    if (change & 4) {
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
      value = nextTime(d, block, 515);
      if (overrun(d)) return CUT_OFF;
    }
    store<u64>(time + 8 * i, value);
  }
  return 0;
}
