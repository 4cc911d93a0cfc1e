/** PNG images of 8 bits a sample, written. Source: PNG, W3C Recommendation, third edition (clauses in brackets). */
import { crc32 } from 'node:zlib';
import { deflateZlib } from '../../core/deflate.ts';

/** Samples of a pixel, and the number of the kind in the file (11.2.1). */
const kinds = {
  grey: { samples: 1, code: 0 },
  rgb: { samples: 3, code: 2 },
  palette: { samples: 1, code: 3 },
  'grey-alpha': { samples: 2, code: 4 },
  rgba: { samples: 4, code: 6 },
} as const;

/** An image row by row from the top, the samples of a pixel side by side; alpha is not multiplied into colours, 0 is transparent. */
export type Image = {
  readonly width: number;
  readonly height: number;
  readonly kind: keyof typeof kinds;
  readonly pixels: Uint8Array;
  /** Of the kind `palette`: 1 to 256 colours of four bytes each, red, green, blue, alpha; pixels are their numbers. */
  readonly palette?: Uint8Array;
};

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/**
 * The image as a file: IHDR, PLTE and tRNS where there is a palette, one IDAT, IEND. Rows of a palette's numbers are not filtered, others by whichever
 * of the five filters gives the least sum of absolute differences (12.7); deflated at level 6. The
 * same bytes for the same image everywhere. Memory: twice the image, and the file.
 * @throws RangeError for another number of pixels than width times height, or a palette that is missing, misplaced, of another size, or too small for a pixel
 */
export function encodePng(image: Image): Uint8Array {
  check(image);
  const { width, height, kind, pixels, palette } = image;
  const { samples, code } = kinds[kind];
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  // 8 bits a sample; the one compression, the one set of filters, no interlace.
  header.set([8, code, 0, 0, 0], 8);
  const rows = palette ? unfiltered(pixels, width) : filtered(pixels, width * samples, samples);
  const data = deflateZlib(rows, 6);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...(palette ? paletteChunks(palette) : []),
    chunk('IDAT', data),
    chunk('IEND', new Uint8Array()),
  ]);
}

/**
 * Pixels of red, green, blue and alpha as the leanest kind that holds them: `grey` or `grey-alpha` where nothing has a colour, `palette` where 256 colours do
 * (numbered as they come), `rgb` where all is opaque, `rgba` otherwise. Nothing is lost.
 */
export function leanest(width: number, height: number, rgba: Uint8Array): Image {
  const size = { width, height };
  let [hasColor, hasAlpha] = [false, false];
  for (let i = 0; i < rgba.length; i += 4) {
    hasColor ||= rgba[i] !== rgba[i + 1] || rgba[i] !== rgba[i + 2];
    hasAlpha ||= rgba[i + 3] !== 255;
  }
  if (!hasColor)
    return hasAlpha
      ? { ...size, kind: 'grey-alpha', pixels: rgba.filter((_, i) => i % 4 === 0 || i % 4 === 3) }
      : { ...size, kind: 'grey', pixels: rgba.filter((_, i) => i % 4 === 0) };
  const numbered = numberColors(rgba);
  if (numbered) return { ...size, kind: 'palette', ...numbered };
  return hasAlpha
    ? { ...size, kind: 'rgba', pixels: rgba }
    : { ...size, kind: 'rgb', pixels: rgba.filter((_, i) => i % 4 !== 3) };
}

/** The colours of an image and their numbers in its place; undefined where there are more than 256. */
function numberColors(rgba: Uint8Array): { pixels: Uint8Array; palette: Uint8Array } | undefined {
  const numbers = new Map<number, number>();
  const pixels = new Uint8Array(rgba.length / 4);
  const palette = new Uint8Array(4 * 256);
  let [last, number] = [-1, 0];
  for (let i = 0; i < pixels.length; i++) {
    const at = 4 * i;
    const color = ((rgba[at]! << 24) | (rgba[at + 1]! << 16) | (rgba[at + 2]! << 8) | rgba[at + 3]!) >>> 0;
    if (color !== last) {
      number = numbers.get(color) ?? numbers.size;
      if (number === 256) return undefined;
      if (number === numbers.size) {
        numbers.set(color, number);
        palette.set(rgba.subarray(at, at + 4), 4 * number);
      }
      last = color;
    }
    pixels[i] = number;
  }
  return { pixels, palette: palette.slice(0, 4 * numbers.size) };
}

// Lengths of chunks and sides have 31 bits (7.1, 11.2.1); deflate makes nothing longer by more than a thousandth.
const longest = 2 ** 31 - 1;

function check({ width, height, kind, pixels, palette }: Image): void {
  for (const side of [width, height])
    if (!Number.isInteger(side) || side < 1 || side > longest)
      throw new RangeError(`PNG of ${width} x ${height} pixels, expected 1 to ${longest} each way`);
  const expected = width * height * kinds[kind].samples;
  if (pixels.length !== expected || expected + height > longest * 0.99)
    throw new RangeError(
      `PNG of ${width} x ${height} pixels: found ${pixels.length} bytes, expected ${expected}, and less than 2 GiB`,
    );
  if ((kind === 'palette') !== (palette !== undefined))
    throw new RangeError(`PNG of kind ${kind} with${palette ? '' : 'out'} a palette`);
  if (!palette) return;
  const colors = palette.length / 4;
  if (!Number.isInteger(colors) || colors < 1 || colors > 256)
    throw new RangeError(`PNG: palette of ${palette.length} bytes, expected 4 each of 1 to 256 colours`);
  const beyond = pixels.find((number) => number >= colors);
  if (beyond !== undefined)
    throw new RangeError(`PNG: pixel of colour ${beyond}, expected 0 to ${colors - 1}`);
}

/** Length, type, data, and the CRC of type and data (5.3). */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

/** Colours, and their alphas up to the last one that is not opaque (11.3.1.1). */
function paletteChunks(palette: Uint8Array): Uint8Array[] {
  const colors = palette.filter((_, i) => i % 4 !== 3);
  const alphas = palette.filter((_, i) => i % 4 === 3);
  const transparent = alphas.subarray(0, alphas.findLastIndex((alpha) => alpha < 255) + 1);
  return [chunk('PLTE', colors), ...(transparent.length > 0 ? [chunk('tRNS', transparent)] : [])];
}

/** Rows of `width` bytes, each behind the number of the filter that does nothing. */
function unfiltered(pixels: Uint8Array, width: number): Uint8Array {
  const rows = pixels.length / width;
  const out = new Uint8Array(pixels.length + rows);
  for (let row = 0; row < rows; row++)
    out.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  return out;
}

/** Rows of `length` bytes, each behind the number of its filter (9.2); the first of the best where several are. `step` is the bytes of a pixel. */
function filtered(pixels: Uint8Array, length: number, step: number): Uint8Array {
  const rows = pixels.length / length;
  const out = new Uint8Array(pixels.length + rows);
  const [sub, up, average, paeth] = [0, 1, 2, 3].map(() => new Uint8Array(length)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  // Above the first row all bytes are 0, left of each row, too.
  let above: Uint8Array = new Uint8Array(length);
  for (let row = 0; row < rows; row++) {
    const line = pixels.subarray(row * length, (row + 1) * length);
    let [ofNone, ofSub, ofUp, ofAverage, ofPaeth] = [0, 0, 0, 0, 0];
    for (let i = 0; i < length; i++) {
      const value = line[i]!;
      const b = above[i]!;
      const a = i < step ? 0 : line[i - step]!;
      const c = i < step ? 0 : above[i - step]!;
      const nearA = Math.abs(b - c);
      const nearB = Math.abs(a - c);
      const nearC = Math.abs(a + b - 2 * c);
      const nearest = nearA <= nearB && nearA <= nearC ? a : nearB <= nearC ? b : c;
      ofNone += Math.abs((value << 24) >> 24);
      ofSub += Math.abs(((sub[i] = value - a) << 24) >> 24);
      ofUp += Math.abs(((up[i] = value - b) << 24) >> 24);
      ofAverage += Math.abs(((average[i] = value - ((a + b) >> 1)) << 24) >> 24);
      ofPaeth += Math.abs(((paeth[i] = value - nearest) << 24) >> 24);
    }
    const sums = [ofNone, ofSub, ofUp, ofAverage, ofPaeth];
    const filter = sums.indexOf(Math.min(...sums));
    const at = row * (length + 1);
    out[at] = filter;
    out.set([line, sub, up, average, paeth][filter]!, at + 1);
    above = line;
  }
  return out;
}
