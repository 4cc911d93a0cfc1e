/** Finds short patterns in a sequence on both strands, many at once: a bit of a word for each letter (Shift-And, Baeza-Yates and Gonnet 1992). */
import { complement } from './classes.ts';

export type Motif = {
  readonly name: string;
  /** A set of bases a letter: bits for A, C, G and T. */
  readonly sets: readonly number[];
};

/** A motif on a strand; `.` for one that is the same on both. */
export type Pattern = { readonly motif: Motif; readonly strand: '+' | '-' | '.' };

/** Bits of a word, one less than a number has, so that none is negative. */
const wordSize = 31;
export const longestMotif = wordSize;

const reversed = (sets: readonly number[]): number[] => sets.map((set) => complement[set]!).toReversed();

/** In the order in which hits at one place are given. */
export function patternsOf(motifs: readonly Motif[]): Pattern[] {
  return motifs.flatMap((motif): Pattern[] =>
    reversed(motif.sets).every((set, i) => set === motif.sets[i])
      ? [{ motif, strand: '.' }]
      : [
          { motif, strand: '+' },
          { motif, strand: '-' },
        ],
  );
}

export type Finder = {
  /** Gives `hit(pattern, start)` for each place in `classes[from, to)` where a pattern lies whole, by its end; `start` counts as they do. */
  find(classes: Uint8Array, from: number, to: number, hit: (pattern: number, start: number) => void): void;
};

/**
 * A letter of the sequence fits one of a pattern that stands for all the bases which it may be: N fits N alone, and what is no letter
 * fits none.
 */
export function createFinder(patterns: readonly Pattern[]): Finder {
  const words: { first: number; last: number; follows: Int32Array; ends: Map<number, number> }[] = [];
  let used = wordSize;
  patterns.forEach(({ motif, strand }, number) => {
    const sets = strand === '-' ? reversed(motif.sets) : motif.sets;
    if (used + sets.length > wordSize) {
      words.push({ first: 0, last: 0, follows: new Int32Array(32), ends: new Map() });
      used = 0;
    }
    const word = words.at(-1)!;
    word.first |= 1 << used;
    sets.forEach((set, i) => {
      for (let bases = 1; bases < 16; bases++)
        if ((bases & ~set) === 0) {
          word.follows[bases]! |= 1 << (used + i);
          word.follows[bases | 16]! |= 1 << (used + i);
        }
    });
    used += sets.length;
    word.last |= 1 << (used - 1);
    word.ends.set(used - 1, number);
  });
  return {
    find(classes, from, to, hit) {
      for (const { first, last, follows, ends } of words) {
        let state = 0;
        for (let i = from; i < to; i++) {
          state = ((state << 1) | first) & follows[classes[i]!]!;
          for (let found = state & last; found !== 0; found &= found - 1) {
            const number = ends.get(31 - Math.clz32(found & -found))!;
            hit(number, i + 1 - patterns[number]!.motif.sets.length);
          }
        }
      }
    },
  };
}
