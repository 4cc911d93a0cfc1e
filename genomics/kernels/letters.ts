/** Letters of bases, and the codes of BAM for them: a bit each for A, C, G and T (SAM spec 4.2.3). */

export const letters = '=ACMGRSVTWYHKDBN';

/** Codes by letter, lower case as upper case; what is none of them, U too, is N (htslib). */
export const codeOf = new Uint8Array(256).fill(15);
for (let code = 0; code < 16; code++)
  for (const letter of [letters[code]!, letters[code]!.toLowerCase()]) codeOf[letter.charCodeAt(0)] = code;
