/** Decodes a chunk at `input` to the columns that are aimed at; of formats 6 to 10 the wanted layers only. */
import { fill16, fill32, fill64, reverse } from './bytes.ts';
import {
  angle, blue, changes, classes, extra, extraBytes, extraState, flags, green, input, intensity, maxChunk, maxInput, nir,
  red, reversed, source, time, user, z,
} from './columns.ts';
import { decodeColors, decodeExtra, decodeNir } from './colors.ts';
import { startDecoder, unread } from './decoder.ts';
import {
  ANGLE, BAD_LAYERS, CLASS, COLOR, EXTRA, FLAGS, INTENSITY, LEFT_OVER, MOST_EXTRA, NIR, NO_HEADER, OTHER_COUNT, PAD,
  SOURCE, TIME, USER, Z,
} from './layout.ts';
import {
  decodeAngles, decodeClasses, decodeFlags, decodeIntensities, decodePlaces, decodePlacesZ, decodeSources, decodeTimes,
  decodeUsers,
} from './point14.ts';
import { decodePoints10 } from './point10.ts';

/** A decoder of 16 bytes for each layer, and the layers' bytes, 0 for one that is not wanted. Extra bytes come last. */
const DECODERS: usize = memory.data(16 * 4112, 16);
const SIZES: usize = memory.data(4 * 4112, 16);

/** A chunk of formats 0 to 5: a record, then one stream that fills it. Gives the number of points, or what is wrong. */
export function decodeSequential(bytes: u32, pdrf: u32, length: u32, count: u32): i32 {
  if (bytes > maxInput || bytes < length || count > maxChunk || count == 0) return NO_HEADER;
  const size = bytes - length;
  if (count > 1 && size < 4) return NO_HEADER;
  const low = reversed + PAD;
  memory.fill(reversed, 0, PAD);
  reverse(low, input + length, size);
  if (size >= 4) startDecoder(DECODERS, low, size);
  const found = decodePoints10(DECODERS, pdrf, count, input, extraState);
  // The last point reads the last byte.
  if (found > 0 && count > 1 && unread(DECODERS) != 0) return LEFT_OVER;
  return found;
}

@inline function sizeOf(layer: u32): u32 { return load<u32>(SIZES + 4 * layer); }
@inline function decoderOf(layer: u32): usize { return DECODERS + 16 * layer; }

/** A chunk of formats 6 to 10: a record, the number of points, the layers' sizes, the layers. Gives the number of points, or what is wrong. */
export function decodeLayered(bytes: u32, pdrf: u32, isV4: bool, count: u32, wanted: u32): i32 {
  const colorBytes: u32 = pdrf == 7 || pdrf == 8 || pdrf == 10 ? 6 : 0;
  const nirBytes: u32 = pdrf == 8 || pdrf == 10 ? 2 : 0;
  const waveBytes: u32 = pdrf >= 9 ? 29 : 0;
  const extraAt: u32 = 30 + colorBytes + nirBytes + waveBytes;
  const countAt: u32 = extraAt + extraBytes;
  const colorLayer: u32 = 9;
  const nirLayer: u32 = colorLayer + <u32>(colorBytes != 0);
  const extraLayer: u32 = nirLayer + <u32>(nirBytes != 0) + <u32>(waveBytes != 0);
  const layers: u32 = extraLayer + extraBytes;
  if (bytes > maxInput || bytes < countAt + 4 + 4 * layers) return NO_HEADER;
  const first = input;
  if (count == 0 || count > maxChunk || load<u32>(first + countAt) != count) return OTHER_COUNT;
  let from: usize = first + countAt + 4 + 4 * layers;
  const end: usize = first + bytes;
  let at = reversed;
  for (let i: u32 = 0; i < layers; i++) {
    const size: usize = load<u32>(first + countAt + 4 + 4 * i);
    if (size > end - from) return BAD_LAYERS;
    let isWanted = i == 0 || (i < 9 && (wanted >> (i - 1)) & 1);
    if (i >= extraLayer) isWanted = (wanted & EXTRA) != 0;
    else if (i >= 9) isWanted = i == colorLayer && colorBytes ? (wanted & COLOR) != 0 : i == nirLayer && nirBytes ? (wanted & NIR) != 0 : false;
    store<u32>(SIZES + 4 * i, isWanted ? <u32>size : 0);
    if (isWanted && size) {
      if (size < 4) return BAD_LAYERS;
      memory.fill(at, 0, PAD);
      at += PAD;
      reverse(at, from, size);
      startDecoder(decoderOf(i), at, size);
      at = (at + size + 15) & ~15;
    }
    from += size;
  }
  if (from != end) return BAD_LAYERS;
  if (sizeOf(0) == 0 && count > 1) return BAD_LAYERS;
  const hasZ = (wanted & Z) != 0 && sizeOf(1) != 0;
  let fault: i32 = hasZ ? decodePlacesZ(decoderOf(0), decoderOf(1), count, first) : decodePlaces(decoderOf(0), count, first);
  if (wanted & Z && !hasZ) fill32(z, load<u32>(first, 8), count);
  if (!fault && wanted & CLASS) {
    if (sizeOf(2)) fault = decodeClasses(decoderOf(2), count, first);
    else memory.fill(classes, load<u8>(first, 16), count);
  }
  if (!fault && wanted & FLAGS) {
    if (sizeOf(3)) fault = decodeFlags(decoderOf(3), count, first);
    else {
      const rest: u32 = load<u8>(first, 15) & 0xcf;
      for (let i: u32 = 0; i < count; i++) store<u8>(flags + i, rest | ((load<u8>(changes + i) & 3) << 4));
    }
  }
  if (!fault && wanted & INTENSITY) {
    if (sizeOf(4)) fault = decodeIntensities(decoderOf(4), count, first);
    else fill16(intensity, load<u16>(first, 12), count);
  }
  if (!fault && wanted & ANGLE) {
    if (sizeOf(5)) fault = decodeAngles(decoderOf(5), count, first);
    else fill16(angle, load<u16>(first, 18), count);
  }
  if (!fault && wanted & USER) {
    if (sizeOf(6)) fault = decodeUsers(decoderOf(6), count, first);
    else memory.fill(user, load<u8>(first, 17), count);
  }
  if (!fault && wanted & SOURCE) {
    if (sizeOf(7)) fault = decodeSources(decoderOf(7), count, first);
    else fill16(source, load<u16>(first, 20), count);
  }
  if (!fault && wanted & TIME) {
    if (sizeOf(8)) fault = decodeTimes(decoderOf(8), count, first);
    else fill64(time, load<u64>(first, 22), count);
  }
  if (!fault && wanted & COLOR && colorBytes) {
    const color = first + 30;
    if (sizeOf(colorLayer)) fault = decodeColors(decoderOf(colorLayer), count, color, isV4);
    else {
      fill16(red, load<u16>(color), count);
      fill16(green, load<u16>(color, 2), count);
      fill16(blue, load<u16>(color, 4), count);
    }
  }
  if (!fault && wanted & NIR && nirBytes) {
    if (sizeOf(nirLayer)) fault = decodeNir(decoderOf(nirLayer), count, first + 36, isV4);
    else fill16(nir, load<u16>(first, 36), count);
  }
  if (wanted & EXTRA)
    for (let k: u32 = 0; !fault && k < extraBytes; k++) {
      if (sizeOf(extraLayer + k)) fault = decodeExtra(decoderOf(extraLayer + k), count, first + extraAt, k, isV4);
      else {
        const value = load<u8>(first + extraAt + k);
        for (let i: u32 = 0, p = extra + k; i < count; i++, p += extraBytes) store<u8>(p, value);
      }
    }
  return fault ? fault : <i32>count;
}
