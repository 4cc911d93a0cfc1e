/**
 * Models and state of every layer of formats 6 to 10. Each layer has a template and a copy for each of the four scanner channels (LASzip's
 * "contexts"); a copy starts when its channel first comes up. Built once.
 */
import { aligned, reach } from './bytes.ts';
import { bytesOfK, coderBytes, startCoder } from './integers.ts';
import { modelBytes, startModel } from './models.ts';

/** Bytes of models of 128, 16, 256 and 64 symbols, and of models of k for 32 and 16 bits. */
export let of128: usize = 0;
export let of16: usize = 0;
export let of256: usize = 0;
export let of64: usize = 0;
export let of4: usize = 0;
export let of32K: usize = 0;
export let of16K: usize = 0;

/** Templates of the layers, and the bytes of one. User data shares its place with the class, which has been dealt with by then. */
export let placeModels: usize = 0;
export let placeBytes: usize = 0;
export let zModels: usize = 0;
export let zBytes: usize = 0;
export let byteModels: usize = 0;
export let byteBytes: usize = 0;
export let flagModels: usize = 0;
export let flagBytes: usize = 0;
export let intensityModels: usize = 0;
export let intensityBytes: usize = 0;
export let angleModels: usize = 0;
export let angleBytes: usize = 0;
export let sourceModels: usize = 0;
export let sourceBytes: usize = 0;
export let timeModels: usize = 0;
export let timeBytes: usize = 0;
export let colorModels: usize = 0;
export let colorBytes: usize = 0;
export let nirModels: usize = 0;
export let nirBytes: usize = 0;
export let extraModels: usize = 0;
export let extraModelBytes: usize = 0;
/** First free byte behind. */
export let modelsEnd: usize = 0;

/** Place: x, y, returns, medians of x and y in twelve contexts of 32 bytes, then models. */
export const PLACE_X: usize = 0;
export const PLACE_Y: usize = 4;
export const PLACE_RETURNS: usize = 8;
export const MEDIANS_X: usize = 16;
export const MEDIANS_Y: usize = 16 + 12 * 32;
export const PLACE_MODELS: usize = 16 + 24 * 32;
/** Offsets in a block of place: models of the channel, of a return of the same pulse, of the number of returns, of a return number; coders of x and y. */
export let channelAt: usize = 0;
export let samePulseAt: usize = 0;
export let returnCountAt: usize = 0;
export let returnNumberAt: usize = 0;
export let xAt: usize = 0;
export let yAt: usize = 0;

/** Time: four times, four differences, four counters, last, next, the value at a switch, then models. */
export const TIME_DIFFERENCES: usize = 32;
export const TIME_COUNTERS: usize = 48;
export const TIME_LAST: usize = 64;
export const TIME_NEXT: usize = 68;
export const TIME_VALUE: usize = 72;
export const TIME_MODELS: usize = 80;

/** min(7, |number of returns - return number|), and first return << 1 | last return, by the byte of returns. */
export const LEVELS: usize = memory.data(256, 16);
export const ENDS: usize = memory.data(256, 16);
/** LASzip's context of a return, six of them: 16 return numbers for each number of returns. */
export const RETURN_CONTEXTS: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 3, 4, 4, 5, 5, 5, 5, 5, 5, 5, 1, 0, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
  2, 1, 2, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 4, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
  4, 3, 4, 4, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 3, 4, 4, 4, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
  3, 3, 4, 4, 4, 4, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 4, 4, 4, 4, 4, 5, 4, 4, 4, 4, 4, 4, 4, 4,
  4, 3, 4, 4, 4, 4, 4, 4, 5, 4, 4, 4, 4, 4, 4, 4, 5, 3, 4, 4, 4, 4, 4, 4, 4, 5, 4, 4, 4, 4, 4, 4,
  5, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 4, 4, 4, 4, 4, 5, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 4, 4, 4,
  5, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 4, 4, 5, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 4,
  5, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5,
], 16);

// Room for the templates and copies of all layers; checked below.
const ROOM: usize = 5 * 1024 * 1024;

/** Builds the templates. */
export function startLayers(): void {
  for (let i: i32 = 0; i < 256; i++) {
    const count = i >> 4;
    const number = i & 15;
    store<u8>(LEVELS + i, min(7, count > number ? count - number : number - count));
    store<u8>(ENDS + i, (number == 1 ? 2 : 0) | (number >= count ? 1 : 0));
  }
  of128 = modelBytes(128);
  of16 = modelBytes(16);
  of256 = modelBytes(256);
  of64 = modelBytes(64);
  of4 = modelBytes(4);
  of32K = bytesOfK(32);
  of16K = bytesOfK(16);
  reach(__heap_base + ROOM);
  let p = startPlace(aligned(__heap_base));
  // The last z of eight levels, then the coder.
  startCoder(p + 48, 32, 20);
  zModels = p;
  zBytes = aligned(48 + coderBytes(32, 20));
  p += 5 * zBytes;
  // Bytes: the last value, then a model for each of 64 contexts.
  byteModels = p;
  byteBytes = startModels(p, 64, 256);
  p += 5 * byteBytes;
  flagModels = p;
  flagBytes = startModels(p, 64, 64);
  p += 5 * flagBytes;
  startCoder(p + 32, 16, 4);
  intensityModels = p;
  intensityBytes = aligned(32 + coderBytes(16, 4));
  p += 5 * intensityBytes;
  startCoder(p + 16, 16, 2);
  angleModels = p;
  angleBytes = aligned(16 + coderBytes(16, 2));
  p += 5 * angleBytes;
  startCoder(p + 16, 16, 1);
  sourceModels = p;
  sourceBytes = aligned(16 + coderBytes(16, 1));
  p += 5 * sourceBytes;
  p = startTime(p);
  // Colour: the last one, which bytes changed, six differences. Infrared: two of these.
  startModel(p + 16, 128);
  for (let i: usize = 0; i < 6; i++) startModel(p + 16 + of128 + i * of256, 256);
  colorModels = p;
  colorBytes = aligned(16 + of128 + 6 * of256);
  p += 5 * colorBytes;
  startModel(p + 16, 4);
  for (let i: usize = 0; i < 2; i++) startModel(p + 16 + of4 + i * of256, 256);
  nirModels = p;
  nirBytes = aligned(16 + of4 + 2 * of256);
  p += 5 * nirBytes;
  extraModels = p;
  extraModelBytes = startModels(p, 1, 256);
  p += 5 * extraModelBytes;
  if (p - __heap_base > ROOM) unreachable();
  modelsEnd = p;
}

/** Sixteen bytes of state and `count` models of `symbols`; gives their bytes. */
function startModels(at: usize, count: usize, symbols: u32): usize {
  memory.fill(at, 0, 16);
  for (let i: usize = 0; i < count; i++) startModel(at + 16 + i * modelBytes(symbols), symbols);
  return aligned(16 + count * modelBytes(symbols));
}

function startPlace(at: usize): usize {
  memory.fill(at, 0, PLACE_MODELS);
  let p = at + PLACE_MODELS;
  for (let i = 0; i < 8; i++, p += of128) startModel(p, 128);
  channelAt = p - at;
  startModel(p, 3);
  p += modelBytes(3);
  samePulseAt = p - at;
  startModel(p, 13);
  p += modelBytes(13);
  returnCountAt = p - at;
  for (let i = 0; i < 16; i++, p += of16) startModel(p, 16);
  returnNumberAt = p - at;
  for (let i = 0; i < 16; i++, p += of16) startModel(p, 16);
  xAt = p - at;
  startCoder(p, 32, 2);
  p += coderBytes(32, 2);
  yAt = p - at;
  startCoder(p, 32, 22);
  p += coderBytes(32, 22);
  placeModels = at;
  placeBytes = aligned(p - at);
  return at + 5 * placeBytes;
}

function startTime(at: usize): usize {
  memory.fill(at, 0, TIME_MODELS);
  let p = at + TIME_MODELS;
  startModel(p, 515);
  p += modelBytes(515);
  startModel(p, 5);
  p += modelBytes(5);
  startCoder(p, 32, 9);
  timeModels = at;
  timeBytes = aligned(p + coderBytes(32, 9) - at);
  return at + 5 * timeBytes;
}

/** Starts the copy of a layer's models for a channel; gives its block. */
@inline export function fresh(models: usize, bytes: usize, channel: u32): usize {
  const block = models + (<usize>channel + 1) * bytes;
  memory.copy(block, models, bytes);
  return block;
}
/** The copy that was started. */
@inline export function blockOf(models: usize, bytes: usize, channel: u32): usize {
  return models + (<usize>channel + 1) * bytes;
}

/** Sliding median of five, LASzip's: which end drops next depends on where the last value fell. */
@inline export function addToMedian(a: usize, value: i32): void {
  // 0: the largest drops next, 4: the smallest.
  const drop = load<u32>(a, 20);
  const median = load<i32>(a, 8);
  const p = a + drop;
  const v0 = load<i32>(p);
  const v1 = load<i32>(p, 4);
  const v2 = load<i32>(p, 8);
  const v3 = load<i32>(p, 12);
  store<i32>(a, min(v0, value));
  store<i32>(a, max(v0, min(v1, value)), 4);
  store<i32>(a, max(v1, min(v2, value)), 8);
  store<i32>(a, max(v2, min(v3, value)), 12);
  store<i32>(a, max(v3, value), 16);
  store<u32>(a, (drop ? value > median : value >= median) ? 4 : 0, 20);
}
