/** Counts the words of k bases in a sequence. */

export const longestWord = 10;

/** Two bits a base, by class; -1 for what is not exactly one base. */
const bitsOf = new Int8Array(32).fill(-1);
[1, 2, 4, 8].forEach((code, bits) => (bitsOf[code] = bitsOf[code | 16] = bits));

/**
 * Adds the words that begin in `classes[from, to)`, as far as they end before `end`; words with a letter that is no base do not count. `canonical`: of a word and
 * its reverse complement the one counts that comes first in the alphabet. `counts` has 4^k numbers, the first base in the highest bits.
 */
export function countWords(
  counts: Uint32Array,
  k: number,
  canonical: boolean,
  classes: Uint8Array,
  from: number,
  to: number,
  end: number,
): void {
  const mask = 4 ** k - 1;
  const top = 2 * (k - 1);
  const stop = Math.min(end, to + k - 1);
  let [word, opposite, length] = [0, 0, 0];
  for (let i = from; i < stop; i++) {
    const bits = bitsOf[classes[i]!]!;
    if (bits < 0) {
      length = 0;
      continue;
    }
    word = ((word << 2) | bits) & mask;
    opposite = (opposite >>> 2) | ((3 - bits) << top);
    if (++length >= k) counts[canonical && opposite < word ? opposite : word]!++;
  }
}

/** The letters of a word. */
export function lettersOf(word: number, k: number): string {
  let text = '';
  for (let i = k - 1; i >= 0; i--) text += 'ACGT'[(word >>> (2 * i)) & 3];
  return text;
}
