/** How likely haplotypes give reads: the pair-HMM kernel, fed with four reads at once. */
import { gapsOf } from './gaps.ts';

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly columns: WebAssembly.Global;
  readonly rows: WebAssembly.Global;
  readonly hapAt: WebAssembly.Global;
  readonly openAt: WebAssembly.Global;
  readonly basesAt: WebAssembly.Global;
  readonly errorsAt: WebAssembly.Global;
  readonly lengthsAt: WebAssembly.Global;
  readonly resultsAt: WebAssembly.Global;
  align(width: number, height: number, low: number, high: number, extend: number): void;
};

/** A read, or what of it lies in a window: codes of bases and qualities; `column` is where on a haplotype like the reference it begins. */
export type Fragment = {
  readonly bases: Uint8Array;
  readonly quals: Uint8Array;
  readonly column: number;
};

export type Aligner = {
  /** The longest haplotype and the longest fragment. */
  readonly columns: number;
  readonly rows: number;
  /**
   * Natural logarithms of the likelihoods, by fragment and haplotype: `[f * haplotypes.length + h]`. `shift`: how many columns a fragment may lie beside
   * where it would on the reference.
   */
  likelihoods(fragments: readonly Fragment[], haplotypes: readonly Uint8Array[], shift: number): Float64Array;
};

/** What one more base of a gap costs: Phred 10. */
const extend = 0.1;
const start = 120 * Math.LN2;
/** What no haplotype gives, in a float. */
const nothing = -200;

export const errorOf = Float32Array.from({ length: 256 }, (_, q) =>
  q < 1 ? 0.75 : Math.min(0.75, 10 ** (-q / 10)),
);

export function createAligner(module: WebAssembly.Module): Aligner {
  const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  const { buffer } = exports.memory;
  const number = (global: WebAssembly.Global): number => global.value as number;
  const [columns, rows] = [number(exports.columns), number(exports.rows)];
  const hap = new Int32Array(buffer, number(exports.hapAt), columns);
  const open = new Float32Array(buffer, number(exports.openAt), columns);
  const bases = new Int32Array(buffer, number(exports.basesAt), 4 * rows);
  const errors = new Float32Array(buffer, number(exports.errorsAt), 4 * rows);
  const lengths = new Int32Array(buffer, number(exports.lengthsAt), 4);
  const results = new Float32Array(buffer, number(exports.resultsAt), 4);
  return {
    columns,
    rows,
    likelihoods(fragments, haplotypes, shift) {
      const out = new Float64Array(fragments.length * haplotypes.length);
      const gaps = haplotypes.map((codes) => gapsOf(codes).open);
      // Lanes of like places share a band.
      const order = fragments
        .map((_, f) => f)
        .sort((a, b) => fragments[a]!.column - fragments[b]!.column || a - b);
      for (let first = 0; first < order.length; first += 4) {
        const lanes = order.slice(first, first + 4);
        let [height, low, high] = [0, Infinity, -Infinity];
        lengths.fill(0);
        for (const [lane, f] of lanes.entries()) {
          const { bases: codes, quals, column } = fragments[f]!;
          lengths[lane] = codes.length;
          height = Math.max(height, codes.length);
          low = Math.min(low, column - shift);
          high = Math.max(high, column + shift + 1);
          for (let i = 0; i < codes.length; i++) {
            bases[4 * i + lane] = codes[i]!;
            errors[4 * i + lane] = errorOf[quals[i]!]!;
          }
        }
        for (const [h, codes] of haplotypes.entries()) {
          hap.set(codes);
          open.set(gaps[h]!);
          exports.align(codes.length, height, low, high, extend);
          for (const [lane, f] of lanes.entries()) {
            const value = results[lane]!;
            out[f * haplotypes.length + h] = value > 0 ? Math.max(nothing, Math.log(value) - start) : nothing;
          }
        }
      }
      return out;
    },
  };
}
