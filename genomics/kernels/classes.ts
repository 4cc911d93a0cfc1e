/** Classes of letters in a reference: the bases that they may stand for, and whether they are soft-masked. */
import { letters } from './letters.ts';

/** Set where a letter is in lower case. */
export const masked = 16;
/** Of what is no letter of IUPAC. */
export const unknown = 0;

/** For each byte: bits for A, C, G and T, and `masked`. */
export const classOf = new Uint8Array(256).fill(unknown);
for (let code = 1; code < 16; code++) {
  classOf[letters.charCodeAt(code)] = code;
  classOf[letters.toLowerCase().charCodeAt(code)] = code | masked;
}
[classOf[0x55], classOf[0x75]] = [8, 8 | masked];

/** The letters that stand for the complement of a set of bases: bits in reverse. */
export const complement = Uint8Array.from(
  { length: 16 },
  (_, code) => ((code & 1) << 3) | ((code & 2) << 1) | ((code & 4) >> 1) | ((code & 8) >> 3),
);
