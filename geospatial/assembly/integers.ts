/**
 * LASzip's integer compressor: an integer is its difference from a prediction, coded as its number of bits k and its place among those of k bits.
 * A coder is a block: the model of a bit (32 bytes), the models of k, one a context, then the correctors of k = 1 to `bits`.
 */
import { bit, bits, symbol } from './decoder.ts';
import { putBit, putBits, putSymbol } from './encoder.ts';
import { modelBytes, modelLead, startBit, startModel } from './models.ts';

/** Offsets of the correctors' heads behind the models of k; the same in every coder. */
const CORRECTORS: usize = memory.data(33 * 4, 16);

/** Bytes before a coder's first model of k. */
export const BEFORE_K: usize = 32;

/** Bytes of a model of k. */
export function bytesOfK(width: u32): usize { return modelBytes(width + 1); }
/** Bytes from a coder's start to the head of its first model of k. */
export function leadOfK(width: u32): usize { return BEFORE_K + modelLead(width + 1); }

/** Bytes of a coder. */
export function coderBytes(width: u32, contexts: u32): usize {
  let bytes: usize = BEFORE_K + <usize>contexts * bytesOfK(width);
  for (let k: u32 = 1; k <= width; k++) bytes += modelBytes(1 << min(k, 8));
  return bytes;
}

/** Lays a coder of integers of `width` bits at `base`. */
export function startCoder(base: usize, width: u32, contexts: u32): void {
  startBit(base);
  let p = base + BEFORE_K;
  for (let i: u32 = 0; i < contexts; i++) {
    startModel(p, width + 1);
    p += bytesOfK(width);
  }
  const first = p;
  for (let k: u32 = 1; k <= width; k++) {
    const symbols: u32 = 1 << min(k, 8);
    store<u32>(CORRECTORS + 4 * k, <u32>(startModel(p, symbols) - first));
    p += modelBytes(symbols);
  }
}

/** The k of the last integer. */
export let lastK: u32 = 0;

/** Decodes a difference: `coder`, the head of its model of k for this context, and where its correctors begin. */
@inline export function difference(d: usize, coder: usize, modelOfK: usize, correctors: usize): i32 {
  const k = symbol(d, modelOfK);
  lastK = k;
  if (k == 0) return <i32>bit(d, coder);
  if (k >= 32) return i32.MIN_VALUE;
  let c = symbol(d, correctors + load<u32>(CORRECTORS + 4 * k));
  if (k > 8) c = (c << (k - 8)) | bits(d, k - 8);
  // Upper half: c + 1, lower half: c - (2^k - 1).
  return <i32>c + (c >> (k - 1) ? 1 : 1 - (1 << k));
}

/** Encodes one. */
@inline export function putDifference(e: usize, coder: usize, modelOfK: usize, correctors: usize, value: i32): void {
  const k: u32 = 32 - <u32>clz(value <= 0 ? -value : value - 1);
  lastK = k;
  putSymbol(e, modelOfK, k);
  if (k == 0) {
    putBit(e, coder, value);
    return;
  }
  if (k >= 32) return;
  const c: u32 = value < 0 ? value + ((1 << k) - 1) : value - 1;
  const m = correctors + load<u32>(CORRECTORS + 4 * k);
  if (k <= 8) putSymbol(e, m, c);
  else {
    putSymbol(e, m, c >> (k - 8));
    putBits(e, k - 8, c & ((1 << (k - 8)) - 1));
  }
}
