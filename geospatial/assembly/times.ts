/**
 * GPS times as both families of formats code them: four sequences, each with its last time (the bits of the f64) and difference; a time is a multiple of the
 * difference and what is left, or a switch to another sequence, or a time in full. Source: LASzip's GPSTIME11 version 2 and POINT14 version 3.
 */
import { bits, rareSymbol } from './decoder.ts';
import { putBits, putRareSymbol } from './encoder.ts';
import { BEFORE_K, difference, leadOfK, putDifference } from './integers.ts';
import { of32K, TIME_COUNTERS, TIME_DIFFERENCES, TIME_LAST, TIME_MODELS, TIME_NEXT, TIME_VALUE } from './layers.ts';
import { modelBytes, modelLead } from './models.ts';

/** Sets the first time of a block. */
export function startTimes(block: usize, value: u64): void {
  store<u64>(block, value);
  store<u64>(block, value, TIME_VALUE);
}

@inline function integer(d: usize, coder: usize, context: usize, predicted: i32): i32 {
  return predicted + difference(d, coder, coder + leadOfK(32) + context * of32K, coder + BEFORE_K + 9 * of32K);
}

@inline function count(block: usize, last: usize, value: i32): void {
  const counter = block + TIME_COUNTERS + 4 * last;
  const extremes = load<u32>(counter) + 1;
  if (extremes > 3) {
    store<u32>(counter, 0);
    store<i32>(block + TIME_DIFFERENCES + 4 * last, value);
  } else store<u32>(counter, extremes);
}

/**
 * The next time. `symbols` is 515 (POINT14, which tells an unchanged time elsewhere) or 516 (GPSTIME11, where that is a symbol of its own): the size of the
 * model of multiples, before that of the five or six answers where the difference is 0.
 */
@inline export function nextTime(d: usize, block: usize, symbols: u32): u64 {
  const shift: i32 = symbols - 515;
  const multiples = block + TIME_MODELS + modelLead(symbols);
  const small = block + TIME_MODELS + modelBytes(symbols);
  const answers = small + modelLead(5 + shift);
  const coder = small + modelBytes(5 + shift);
  let last: usize = load<u32>(block, TIME_LAST);
  // Damaged streams could switch for ever.
  for (let turns = 0; turns < 8; turns++) {
    const at = block + 8 * last;
    const differenceAt = block + TIME_DIFFERENCES + 4 * last;
    const before = load<i32>(differenceAt);
    let isFull = false;
    if (before == 0) {
      const s = <i32>rareSymbol(d, answers) - shift;
      if (s < 0) break;
      if (s == 0) {
        const value = integer(d, coder, 0, 0);
        store<i32>(differenceAt, value);
        store<i64>(at, load<i64>(at) + value);
        store<u32>(block + TIME_COUNTERS + 4 * last, 0);
        break;
      }
      if (s == 1) isFull = true;
      else {
        last = (last + s - 1) & 3;
        continue;
      }
    } else {
      const s = <i32>rareSymbol(d, multiples);
      if (s == 1) {
        store<i64>(at, load<i64>(at) + integer(d, coder, 1, before));
        store<u32>(block + TIME_COUNTERS + 4 * last, 0);
        break;
      }
      if (s < 511) {
        let value: i32;
        if (s == 0) value = integer(d, coder, 7, 0);
        else if (s < 500) value = integer(d, coder, s < 10 ? 2 : 3, s * before);
        else if (s == 500) value = integer(d, coder, 4, 500 * before);
        else if (s < 510) value = integer(d, coder, 5, (500 - s) * before);
        else value = integer(d, coder, 6, -10 * before);
        if (s == 0 || s == 500 || s == 510) count(block, last, value);
        store<i64>(at, load<i64>(at) + value);
        break;
      }
      if (s - shift < 511) break;
      if (s - shift == 511) isFull = true;
      else {
        last = (last + s - shift - 511) & 3;
        continue;
      }
    }
    if (isFull) {
      const high = integer(d, coder, 8, load<i32>(at, 4));
      const low = bits(d, 32);
      last = (load<u32>(block, TIME_NEXT) + 1) & 3;
      store<u32>(block, <u32>last, TIME_NEXT);
      store<u64>(block + 8 * last, (<u64><u32>high << 32) | <u64>low);
      store<i32>(block + TIME_DIFFERENCES + 4 * last, 0);
      store<u32>(block + TIME_COUNTERS + 4 * last, 0);
      break;
    }
  }
  store<u32>(block, <u32>last, TIME_LAST);
  const value = load<u64>(block + 8 * last);
  store<u64>(block, value, TIME_VALUE);
  return value;
}

@inline function putInteger(e: usize, coder: usize, context: usize, value: i32): void {
  putDifference(e, coder, coder + leadOfK(32) + context * of32K, coder + BEFORE_K + 9 * of32K, value);
}

/** Encodes a time that differs from the last one, as POINT14 does. */
export function putTime(e: usize, block: usize, value: i64): void {
  const multiples = block + TIME_MODELS + modelLead(515);
  const small = block + TIME_MODELS + modelBytes(515);
  const answers = small + modelLead(5);
  const coder = small + modelBytes(5);
  let last: usize = load<u32>(block, TIME_LAST);
  for (let turns = 0; turns < 2; turns++) {
    const at = block + 8 * last;
    const before = load<i32>(block + TIME_DIFFERENCES + 4 * last);
    const wide = value - load<i64>(at);
    const d = <i32>wide;
    if (wide == <i64>d) {
      if (before == 0) {
        putRareSymbol(e, answers, 0);
        putInteger(e, coder, 0, d);
        store<i32>(block + TIME_DIFFERENCES + 4 * last, d);
        store<u32>(block + TIME_COUNTERS + 4 * last, 0);
      } else putMultiple(e, block, last, multiples, coder, before, d);
      store<i64>(at, value);
      break;
    }
    // Another of the four sequences that is within 32 bits?
    let step: usize = 0;
    for (let other: usize = 1; other < 4 && !step; other++) {
      const far = value - load<i64>(block + 8 * ((last + other) & 3));
      if (far == <i64><i32>far) step = other;
    }
    if (step) {
      if (before == 0) putRareSymbol(e, answers, <u32>step + 1);
      else putRareSymbol(e, multiples, 511 + <u32>step);
      last = (last + step) & 3;
      continue;
    }
    if (before == 0) putRareSymbol(e, answers, 1);
    else putRareSymbol(e, multiples, 511);
    putInteger(e, coder, 8, <i32>(value >> 32) - load<i32>(at, 4));
    putBits(e, 32, <u32>value);
    last = (load<u32>(block, TIME_NEXT) + 1) & 3;
    store<u32>(block, <u32>last, TIME_NEXT);
    store<i64>(block + 8 * last, value);
    store<i32>(block + TIME_DIFFERENCES + 4 * last, 0);
    store<u32>(block + TIME_COUNTERS + 4 * last, 0);
    break;
  }
  store<u32>(block, <u32>last, TIME_LAST);
}

function putMultiple(e: usize, block: usize, last: usize, multiples: usize, coder: usize, before: i32, d: i32): void {
  const ratio = max(-1000.0, min(1000.0, <f64>d / <f64>before));
  const k = <i32>(ratio >= 0 ? ratio + 0.5 : ratio - 0.5);
  if (k == 1) {
    putRareSymbol(e, multiples, 1);
    putInteger(e, coder, 1, d - before);
    store<u32>(block + TIME_COUNTERS + 4 * last, 0);
  } else if (k > 0 && k < 500) {
    putRareSymbol(e, multiples, k);
    putInteger(e, coder, k < 10 ? 2 : 3, d - k * before);
  } else if (k < 0 && k > -10) {
    putRareSymbol(e, multiples, 500 - k);
    putInteger(e, coder, 5, d - k * before);
  } else {
    if (k == 0) {
      putRareSymbol(e, multiples, 0);
      putInteger(e, coder, 7, d);
    } else if (k >= 500) {
      putRareSymbol(e, multiples, 500);
      putInteger(e, coder, 4, d - 500 * before);
    } else {
      putRareSymbol(e, multiples, 510);
      putInteger(e, coder, 6, d + 10 * before);
    }
    count(block, last, d);
  }
}
