/** Base qualities as a sequencing-by-synthesis machine reports them, and the errors that they promise. */
import type { Random } from './random.ts';
import { BASES, complement } from './genome.ts';

/** Where a read comes from: `n` bases of `bases` from `from` on, read to their end and then into the adapter. */
export type Template = { readonly bases: Uint8Array; readonly from: number; readonly n: number };

/** Reads templates. Holds scratch memory: one for each stream of reads. */
export type Sequencer = {
  /**
   * Sequences a template into `bases` (codes) and `quals` (Phred), which are as long as the read, in the template's direction whichever
   * strand is read: a reverse read's first cycle is its last base. Every base is wrong with the probability that its quality says.
   * Gives how many of the last cycles are worthless: adapter, or the dead tail of quality 2.
   */
  sequence(
    template: Template,
    reverse: boolean,
    second: boolean,
    bases: Uint8Array,
    quals: Uint8Array,
  ): number;
};

const ADAPTER = Uint8Array.from(
  'AGATCGGAAGAGCACACGTCTGAACTCCAGTCA',
  (letter) => BASES['ACGT'.indexOf(letter)]!,
);
/** Quality of a dead tail, which says nothing of a base (Illumina's read segment quality control indicator). */
const DEAD = 2;
const HIGHEST = 41;

/** Chance of an error, in 1/65536, by quality. */
const errors = new Uint16Array(HIGHEST + 1);
for (let q = 0, p = 65535; q <= HIGHEST; q++, p *= 0.7943282347242815) errors[q] = Math.round(p);

const full = Uint8Array.from({ length: HIGHEST + 1 }, (_, q) => q);

/** The machine's eight bins, by full quality. */
const binned = Uint8Array.from({ length: HIGHEST + 1 }, (_, q) =>
  q < 3 ? 2 : q < 10 ? 7 : q < 20 ? 15 : q < 25 ? 22 : q < 30 ? 27 : q < 35 ? 33 : q < 40 ? 37 : 40,
);

/** How far below its cycle's best a quality falls: 256 equally likely values, most of them 0. */
const drops = Uint8Array.from({ length: 256 }, (_, i) => {
  const [some, much] = [Math.max(0, i - 140) / 116, Math.max(0, i - 226) / 30];
  return Math.floor(6 * some * some + 22 * much);
});

/** `full`: all qualities from 2 to 41; `binned`: eight of them. */
export function createSequencer(length: number, scale: 'full' | 'binned', rng: Random): Sequencer {
  const noise = new Uint32Array(length);
  const shownAs = scale === 'full' ? full : binned;
  const best = [bests(length, 4), bests(length, 8)];
  return {
    sequence({ bases: from, from: start, n }, reverse, second, bases, quals) {
      rng.fill(noise, length);
      const whole = rng.next();
      // Few reads are bad as a whole, and fewer die before their end.
      const offset =
        (whole & 255) < 190 ? 0 : (whole & 255) < 245 ? (whole >>> 8) & 3 : 4 + ((whole >>> 8) & 7);
      const dead =
        (whole >>> 16) % 100 < 2 ? Math.floor((length * (30 + ((whole >>> 24) % 70))) / 100) : length;
      bases.set(from.subarray(start, start + n), reverse ? length - n : 0);
      for (let cycle = n; cycle < length; cycle++) {
        const beyond = ADAPTER[(cycle - n) % ADAPTER.length]!;
        bases[reverse ? length - 1 - cycle : cycle] = reverse ? complement[beyond]! : beyond;
      }
      const means = best[second ? 1 : 0]!;
      let q = means[0]! - offset;
      for (let cycle = 0, k = reverse ? length - 1 : 0; cycle < length; cycle++, k += reverse ? -1 : 1) {
        const r = noise[cycle]!;
        const mean = means[cycle]! - offset;
        if (cycle >= dead) q = DEAD;
        // Neighbours are alike, half of them the same; a dip is over at once.
        else if ((r & 0xff) >= 128 || q < mean - 8) q = Math.max(3, mean - drops[(r >>> 8) & 0xff]!);
        const shown = shownAs[q]!;
        quals[k] = shown;
        if (r >>> 16 < errors[shown]!) bases[k] = wrong(bases[k]!, r >>> 16);
      }
      return Math.max(length - n, length - dead);
    },
  };
}

/** One of the three other bases. */
function wrong(base: number, r: number): number {
  const others = r % 3;
  for (let i = 0, k = 0; i < 4; i++) if (BASES[i] !== base && k++ === others) return BASES[i]!;
  return base;
}

/** The best quality of each cycle: a short rise, a plateau, and a fall by `fall` towards the end. */
function bests(length: number, fall: number): Uint8Array {
  return Uint8Array.from({ length }, (_, cycle) => {
    const late = cycle / Math.max(1, length - 1);
    const rise = Math.max(0, 10 - 2 * cycle);
    return Math.min(HIGHEST, 41 - rise - Math.floor(fall * late * late * late));
  });
}
