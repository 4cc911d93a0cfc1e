/** LASzip's arithmetic decoder and its integer compressor. Source: LASzip's format as laz-perf, laz-rs and loaders.gl read it; Said 2004, "FastAC". */

/** A block of arithmetic code ended before its last symbol. */
export class CodeEnded extends Error {
  override readonly name = 'CodeEnded';
}

/** Adaptive frequencies of `counts.length` symbols. */
type Model = {
  readonly counts: Uint32Array;
  /** Cumulative, scaled to 2^15. */
  readonly distribution: Uint32Array;
  total: number;
  cycle: number;
  left: number;
};
/** Adaptive frequency of a 0. */
type BitModel = { probability: number; zeros: number; total: number; cycle: number; left: number };

/** Reads symbols from `bytes`; its methods throw CodeEnded where the bytes run out. */
export type Decoder = {
  symbol(model: Model): number;
  bit(model: BitModel): number;
  bits(count: number): number;
};

const shortest = 2 ** 24;

/**
 * Starts on `bytes`, at least 4 of them.
 * @throws CodeEnded for fewer
 */
export function startDecoder(bytes: Uint8Array): Decoder {
  if (bytes.length < 4) throw new CodeEnded();
  let value = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  let length = 0xffffffff;
  let at = 4;
  const normalise = (): void => {
    while (length < shortest) {
      if (at === bytes.length) throw new CodeEnded();
      value = ((value << 8) | bytes[at++]!) >>> 0;
      length = (length << 8) >>> 0;
    }
  };
  const bits = (count: number): number => {
    // A range of 32 bits has no more than 19 to give at once.
    if (count > 19) {
      const low = bits(16);
      return low + bits(count - 16) * 65536;
    }
    length >>>= count;
    const out = Math.floor(value / length);
    value -= out * length;
    normalise();
    return out;
  };
  return {
    bits,
    symbol(model) {
      const { distribution, counts } = model;
      const unit = length >>> 15;
      const scaled = Math.floor(value / unit);
      let s = counts.length - 1;
      while (distribution[s]! > scaled) s--;
      const low = distribution[s]! * unit;
      const high = s === counts.length - 1 ? length : distribution[s + 1]! * unit;
      value -= low;
      length = high - low;
      normalise();
      counts[s]!++;
      if (--model.left === 0) refresh(model);
      return s;
    },
    bit(model) {
      const split = model.probability * (length >>> 13);
      const one = value >= split;
      if (one) {
        value -= split;
        length -= split;
      } else {
        length = split;
        model.zeros++;
      }
      normalise();
      if (--model.left === 0) refreshBit(model);
      return one ? 1 : 0;
    },
  };
}

function startModel(symbols: number): Model {
  const model = {
    counts: new Uint32Array(symbols).fill(1),
    distribution: new Uint32Array(symbols),
    total: 0,
    cycle: symbols,
    left: 0,
  };
  refresh(model);
  model.left = model.cycle = (symbols + 6) >> 1;
  return model;
}

function refresh(model: Model): void {
  const { counts, distribution } = model;
  model.total += model.cycle;
  if (model.total > 2 ** 15) {
    model.total = 0;
    for (const [i, n] of counts.entries()) model.total += counts[i] = (n + 1) >> 1;
  }
  const scale = Math.floor(2 ** 31 / model.total);
  let sum = 0;
  for (const [i, n] of counts.entries()) {
    distribution[i] = Math.floor((scale * sum) / 65536);
    sum += n;
  }
  model.left = model.cycle = Math.min((5 * model.cycle) >> 2, (counts.length + 6) << 3);
}

const startBit = (): BitModel => ({ probability: 4096, zeros: 1, total: 2, cycle: 4, left: 4 });

function refreshBit(model: BitModel): void {
  model.total += model.cycle;
  if (model.total > 2 ** 13) {
    model.total = (model.total + 1) >> 1;
    model.zeros = (model.zeros + 1) >> 1;
    if (model.zeros === model.total) model.total++;
  }
  const scale = Math.floor(2 ** 31 / model.total);
  model.probability = Math.floor((model.zeros * scale) / 2 ** 18);
  model.left = model.cycle = Math.min((5 * model.cycle) >> 2, 64);
}

/** LASzip's `IntegerCompressor` for 32 bits: gives the integer (i32) that was coded in `context` against its prediction. */
export function startIntegers(
  decoder: Decoder,
  contexts: number,
): (context: number, predicted: number) => number {
  const widths = Array.from({ length: contexts }, () => startModel(33));
  const zero = startBit();
  // Corrections of up to 8 bits have a symbol each; longer ones code their 8 highest bits so.
  const correctors = Array.from({ length: 32 }, (_, k) => startModel(1 << Math.min(Math.max(k, 1), 8)));
  return (context, predicted) => {
    const k = decoder.symbol(widths[context]!);
    let corrector: number;
    if (k === 0) corrector = decoder.bit(zero);
    else if (k === 32) corrector = -(2 ** 31);
    else {
      corrector = decoder.symbol(correctors[k]!);
      if (k > 8) corrector = corrector * 2 ** (k - 8) + decoder.bits(k - 8);
      corrector = corrector >= 2 ** (k - 1) ? corrector + 1 : corrector - (2 ** k - 1);
    }
    return (predicted + corrector) | 0;
  };
}
