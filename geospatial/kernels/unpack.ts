/** Compressions of TIFF that need no tables: LZW and PackBits, and samples of any number of bits. Sources: TIFF 6.0, sections 9 and 13; Adobe Photoshop's half floats (Technical Note 3). */

/**
 * LZW with codes of 9 to 12 bits, most significant bit first; the old order of bits (libtiff's "compat") is known by its first bytes, 0 and 1. Exactly `length` bytes, or as many
 * as there are.
 */
export function decodeLzw(bytes: Uint8Array, length: number): Uint8Array {
  const isOld = bytes[0] === 0 && (bytes[1]! & 1) === 1;
  const out = new Uint8Array(length);
  // Of each code the one before it, its last byte, and how many bytes it stands for.
  const before = new Uint16Array(4097);
  const last = new Uint8Array(4097);
  const sizes = new Uint16Array(4097);
  for (let i = 0; i < 256; i++) [last[i], sizes[i]] = [i, 1];
  let [at, held, bits, width, next, previous, written] = [0, 0, 0, 9, 258, -1, 0];
  while (written < length) {
    while (bits < width && at < bytes.length) {
      held = isOld ? held | (bytes[at++]! << bits) : ((held << 8) | bytes[at++]!) & 0xffffff;
      bits += 8;
    }
    if (bits < width) break;
    bits -= width;
    const code = isOld ? held & ((1 << width) - 1) : (held >>> bits) & ((1 << width) - 1);
    if (isOld) held >>>= width;
    if (code === 257) break;
    if (code === 256) {
      [width, next, previous] = [9, 258, -1];
      continue;
    }
    if (previous < 0) {
      if (code > 255) break;
      out[written++] = code;
      previous = code;
      continue;
    }
    if (code > next || next > 4096) break;
    // The first byte of what this code stands for: of the code before, where the code is the one that is being made.
    let first = code === next ? previous : code;
    const size = code === next ? sizes[previous]! + 1 : sizes[code]!;
    let to = written + size - 1;
    if (code === next) to--;
    for (;;) {
      if (to < length) out[to] = last[first]!;
      to--;
      if (sizes[first] === 1) break;
      first = before[first]!;
    }
    if (code === next && written + size - 1 < length) out[written + size - 1] = last[first]!;
    if (next < 4096) {
      before[next] = previous;
      last[next] = last[first]!;
      sizes[next] = sizes[previous]! + 1;
      next++;
    }
    written += size;
    previous = code;
    if (next + (isOld ? 0 : 1) >= 1 << width && width < 12) width++;
  }
  return out.subarray(0, Math.min(length, written));
}

/** PackBits: up to `length` bytes. */
export function decodePackBits(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let written = 0;
  for (let at = 0; at < bytes.length && written < length;) {
    const n = (bytes[at++]! << 24) >> 24;
    if (n >= 0) {
      const run = bytes.subarray(at, Math.min(at + n + 1, at + length - written));
      out.set(run, written);
      written += run.length;
      at += n + 1;
    } else if (n !== -128 && at < bytes.length) {
      const end = Math.min(length, written + 1 - n);
      out.fill(bytes[at++]!, written, end);
      written = end;
    }
  }
  return out.subarray(0, written);
}

/** Samples of 1 to 31 bits, most significant bit first, rows of `line` samples that begin at whole bytes, into `out`; with their sign where `isSigned`. */
export function unpackBits(
  bytes: Uint8Array,
  bits: number,
  line: number,
  out: { [index: number]: number; readonly length: number },
  isSigned: boolean,
): void {
  const stride = Math.ceil((line * bits) / 8);
  for (let to = 0, row = 0; to < out.length; row++)
    for (let i = 0, bit = row * stride * 8; i < line && to < out.length; i++, bit += bits) {
      let value = 0;
      for (let k = 0; k < bits; k++)
        value = value * 2 + ((bytes[(bit + k) >>> 3]! >> (7 - ((bit + k) & 7))) & 1);
      out[to++] = isSigned && value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
    }
}

/** Little-endian floats of 16 or 24 bits as such of 32: sign, 5 or 7 bits of exponent, 10 or 16 of fraction. */
export function widenFloats(bytes: Uint8Array, bits: 16 | 24): Float32Array {
  const [size, fraction, bias] = bits === 16 ? [2, 10, 15] : [3, 16, 63];
  const out = new Float32Array(Math.floor(bytes.length / size));
  for (let i = 0; i < out.length; i++) {
    let value = bytes[i * size]! | (bytes[i * size + 1]! << 8);
    if (size === 3) value |= bytes[i * size + 2]! << 16;
    const sign = value >>> (bits - 1) ? -1 : 1;
    const exponent = (value >>> fraction) & (2 * bias + 1);
    const part = (value & (2 ** fraction - 1)) / 2 ** fraction;
    out[i] =
      sign *
      (exponent === 2 * bias + 1
        ? part > 0
          ? NaN
          : Infinity
        : exponent === 0
          ? part * 2 ** (1 - bias)
          : (1 + part) * 2 ** (exponent - bias));
  }
  return out;
}

/** Turns the bytes of each value of `size` bytes around, in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at + size <= bytes.length; at += size)
    for (let i = 0; 2 * i < size - 1; i++) {
      const held = bytes[at + i]!;
      bytes[at + i] = bytes[at + size - 1 - i]!;
      bytes[at + size - 1 - i] = held;
    }
}
