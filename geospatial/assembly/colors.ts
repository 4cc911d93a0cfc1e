/**
 * Colours, near infrared and extra bytes of both families of formats. A colour says which of its bytes changed and how they differ from the last ones, green and
 * blue also from how red changed. Source: LASzip's RGB12, RGB14, RGBNIR14 and BYTE14 as laz-perf and laz-rs read them.
 */
import { blue, changes, extra, extraBytes, green, nir, red } from './columns.ts';
import { overrun, rareSymbol, symbol } from './decoder.ts';
import { putRareSymbol } from './encoder.ts';
import {
  blockOf, colorBytes, colorModels, extraModelBytes, extraModels, fresh, nirBytes, nirModels, of128, of256, of4,
} from './layers.ts';
import { CUT_OFF } from './layout.ts';
import { modelLead } from './models.ts';

@inline function clamp(v: i32): u32 { return <u32>max(0, min(255, v)); }

@inline function low(e: usize, m: usize, base: u32): u32 { return (rareSymbol(e, m) + base) & 0xff; }

/** Decodes a colour by the models behind `block` against the one at `last`, which becomes the new one: three u16. */
@inline export function nextColor(d: usize, block: usize, last: usize): void {
  const differences: usize = block + 16 + of128 + modelLead(256);
  const r0: u32 = load<u16>(last);
  const g0: u32 = load<u16>(last, 2);
  const b0: u32 = load<u16>(last, 4);
  const changed = symbol(d, block + 16 + modelLead(128));
  let r = r0;
  if (changed & 1) r = (r & 0xff00) | low(d, differences, r0);
  if (changed & 2) r = (r & 0xff) | (low(d, differences + of256, r0 >> 8) << 8);
  let g = r;
  let b = r;
  if (changed & 64) {
    g = g0;
    b = b0;
    let step = <i32>(r & 0xff) - <i32>(r0 & 0xff);
    if (changed & 4) g = (g & 0xff00) | low(d, differences + 2 * of256, clamp(step + <i32>(g0 & 0xff)));
    if (changed & 16) {
      step = (step + <i32>(g & 0xff) - <i32>(g0 & 0xff)) / 2;
      b = (b & 0xff00) | low(d, differences + 4 * of256, clamp(step + <i32>(b0 & 0xff)));
    }
    step = <i32>(r >> 8) - <i32>(r0 >> 8);
    if (changed & 8) g = (g & 0xff) | (low(d, differences + 3 * of256, clamp(step + <i32>(g0 >> 8))) << 8);
    if (changed & 32) {
      step = (step + <i32>(g >> 8) - <i32>(g0 >> 8)) / 2;
      b = (b & 0xff) | (low(d, differences + 5 * of256, clamp(step + <i32>(b0 >> 8))) << 8);
    }
  }
  store<u16>(last, r);
  store<u16>(last, g, 2);
  store<u16>(last, b, 4);
}

/** Encodes a colour. */
@inline function putColor(e: usize, block: usize, last: usize, r: u32, g: u32, b: u32): void {
  const differences: usize = block + 16 + of128 + modelLead(256);
  const r0: u32 = load<u16>(last);
  const g0: u32 = load<u16>(last, 2);
  const b0: u32 = load<u16>(last, 4);
  const changed = <u32>(((r ^ r0) & 0xff) != 0) | (<u32>((r ^ r0) >> 8 != 0) << 1)
    | (<u32>(((g ^ g0) & 0xff) != 0) << 2) | (<u32>((g ^ g0) >> 8 != 0) << 3)
    | (<u32>(((b ^ b0) & 0xff) != 0) << 4) | (<u32>((b ^ b0) >> 8 != 0) << 5) | (<u32>(r != g || r != b) << 6);
  putRareSymbol(e, block + 16 + modelLead(128), changed);
  if (changed & 1) putRareSymbol(e, differences, (r - r0) & 0xff);
  if (changed & 2) putRareSymbol(e, differences + of256, ((r >> 8) - (r0 >> 8)) & 0xff);
  if (changed & 64) {
    let step = <i32>(r & 0xff) - <i32>(r0 & 0xff);
    if (changed & 4) putRareSymbol(e, differences + 2 * of256, ((g & 0xff) - clamp(step + <i32>(g0 & 0xff))) & 0xff);
    if (changed & 16) {
      step = (step + <i32>(g & 0xff) - <i32>(g0 & 0xff)) / 2;
      putRareSymbol(e, differences + 4 * of256, ((b & 0xff) - clamp(step + <i32>(b0 & 0xff))) & 0xff);
    }
    step = <i32>(r >> 8) - <i32>(r0 >> 8);
    if (changed & 8) putRareSymbol(e, differences + 3 * of256, ((g >> 8) - clamp(step + <i32>(g0 >> 8))) & 0xff);
    if (changed & 32) {
      step = (step + <i32>(g >> 8) - <i32>(g0 >> 8)) / 2;
      putRareSymbol(e, differences + 5 * of256, ((b >> 8) - clamp(step + <i32>(b0 >> 8))) & 0xff);
    }
  }
  store<u16>(last, r);
  store<u16>(last, g, 2);
  store<u16>(last, b, 4);
}

@inline function nextNir(d: usize, block: usize, last: u32): u32 {
  const differences: usize = block + 16 + of4 + modelLead(256);
  const changed = symbol(d, block + 16 + modelLead(4));
  let value = last;
  if (changed & 1) value = (value & 0xff00) | low(d, differences, last);
  if (changed & 2) value = (value & 0xff) | (low(d, differences + of256, last >> 8) << 8);
  return value;
}

/**
 * Which channel's models a point uses. Version 3 has a quirk: the channel counts only at a point where it changes, and is 0 elsewhere; and at a switch the
 * last value stays that of the models before. Version 4 mends both.
 */
@inline function channelOf(change: u32, isV4: bool): u32 { return isV4 || change & 4 ? change & 3 : 0; }

export function decodeColors(d: usize, count: u32, first: usize, isV4: bool): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(colorModels, colorBytes, channel);
  let started: u32 = 1 << channel;
  memory.copy(block, first, 6);
  storeColor(0, block);
  for (let i: u32 = 1; i < count; i++) {
    const wanted = channelOf(load<u8>(changes + i), isV4);
    let last = block;
    if (wanted != channel) {
      channel = wanted;
      if (started & (1 << channel)) {
        block = blockOf(colorModels, colorBytes, channel);
        if (isV4) last = block;
      } else {
        block = fresh(colorModels, colorBytes, channel);
        started |= 1 << channel;
        memory.copy(block, last, 6);
        last = block;
      }
    }
    nextColor(d, block, last);
    storeColor(i, last);
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

@inline function storeColor(i: u32, from: usize): void {
  store<u16>(red + 2 * i, load<u16>(from));
  store<u16>(green + 2 * i, load<u16>(from, 2));
  store<u16>(blue + 2 * i, load<u16>(from, 4));
}

/** As version 3. */
export function encodeColors(e: usize, count: u32): void {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(colorModels, colorBytes, channel);
  let started: u32 = 1 << channel;
  store<u16>(block, load<u16>(red));
  store<u16>(block, load<u16>(green), 2);
  store<u16>(block, load<u16>(blue), 4);
  for (let i: u32 = 1; i < count; i++) {
    const wanted = channelOf(load<u8>(changes + i), false);
    let last = block;
    if (wanted != channel) {
      channel = wanted;
      if (started & (1 << channel)) block = blockOf(colorModels, colorBytes, channel);
      else {
        block = fresh(colorModels, colorBytes, channel);
        started |= 1 << channel;
        memory.copy(block, last, 6);
        last = block;
      }
    }
    putColor(e, block, last, load<u16>(red + 2 * i), load<u16>(green + 2 * i), load<u16>(blue + 2 * i));
  }
}

export function decodeNir(d: usize, count: u32, first: usize, isV4: bool): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(nirModels, nirBytes, channel);
  let started: u32 = 1 << channel;
  store<u16>(block, load<u16>(first));
  store<u16>(nir, load<u16>(first));
  for (let i: u32 = 1; i < count; i++) {
    const wanted = channelOf(load<u8>(changes + i), isV4);
    let last = block;
    if (wanted != channel) {
      channel = wanted;
      if (started & (1 << channel)) {
        block = blockOf(nirModels, nirBytes, channel);
        if (isV4) last = block;
      } else {
        block = fresh(nirModels, nirBytes, channel);
        started |= 1 << channel;
        store<u16>(block, load<u16>(last));
        last = block;
      }
    }
    const value = nextNir(d, block, load<u16>(last));
    store<u16>(last, value);
    store<u16>(nir + 2 * i, value);
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

export function encodeNir(e: usize, count: u32): void {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(nirModels, nirBytes, channel);
  let started: u32 = 1 << channel;
  store<u16>(block, load<u16>(nir));
  for (let i: u32 = 1; i < count; i++) {
    const wanted = channelOf(load<u8>(changes + i), false);
    let last = block;
    if (wanted != channel) {
      channel = wanted;
      if (started & (1 << channel)) block = blockOf(nirModels, nirBytes, channel);
      else {
        block = fresh(nirModels, nirBytes, channel);
        started |= 1 << channel;
        store<u16>(block, load<u16>(last));
        last = block;
      }
    }
    const before: u32 = load<u16>(last);
    const value: u32 = load<u16>(nir + 2 * i);
    const differences: usize = block + 16 + of4 + modelLead(256);
    const changed = <u32>(((value ^ before) & 0xff) != 0) | (<u32>((value ^ before) >> 8 != 0) << 1);
    putRareSymbol(e, block + 16 + modelLead(4), changed);
    if (changed & 1) putRareSymbol(e, differences, (value - before) & 0xff);
    if (changed & 2) putRareSymbol(e, differences + of256, ((value >> 8) - (before >> 8)) & 0xff);
    store<u16>(last, value);
  }
}

/** Extra byte `k` of every point; each has a layer of its own. */
export function decodeExtra(d: usize, count: u32, first: usize, k: u32, isV4: bool): i32 {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(extraModels, extraModelBytes, channel);
  let started: u32 = 1 << channel;
  store<u8>(block, load<u8>(first + k));
  let p = extra + k;
  store<u8>(p, load<u8>(first + k));
  for (let i: u32 = 1; i < count; i++) {
    p += extraBytes;
    const wanted = channelOf(load<u8>(changes + i), isV4);
    let last = block;
    if (wanted != channel) {
      channel = wanted;
      if (started & (1 << channel)) {
        block = blockOf(extraModels, extraModelBytes, channel);
        if (isV4) last = block;
      } else {
        block = fresh(extraModels, extraModelBytes, channel);
        started |= 1 << channel;
        store<u8>(block, load<u8>(last));
        last = block;
      }
    }
    const value = load<u8>(last) + symbol(d, block + 16 + modelLead(256));
    store<u8>(last, value);
    store<u8>(p, value);
    if (overrun(d)) return CUT_OFF;
  }
  return 0;
}

export function encodeExtra(e: usize, count: u32, k: u32): void {
  let channel: u32 = load<u8>(changes) & 3;
  let block = fresh(extraModels, extraModelBytes, channel);
  let started: u32 = 1 << channel;
  let p = extra + k;
  store<u8>(block, load<u8>(p));
  for (let i: u32 = 1; i < count; i++) {
    p += extraBytes;
    const wanted = channelOf(load<u8>(changes + i), false);
    let last = block;
    if (wanted != channel) {
      channel = wanted;
      if (started & (1 << channel)) block = blockOf(extraModels, extraModelBytes, channel);
      else {
        block = fresh(extraModels, extraModelBytes, channel);
        started |= 1 << channel;
        store<u8>(block, load<u8>(last));
        last = block;
      }
    }
    const value: u32 = load<u8>(p);
    putRareSymbol(e, block + 16 + modelLead(256), (value - load<u8>(last)) & 0xff);
    store<u8>(last, value);
  }
}
