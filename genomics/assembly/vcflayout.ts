/** Where the kernel of variants keeps what: constants, so that its loops know them. What comes behind `HEAP` is the host's. */

/** Of a fault, then of the genotypes of the line: sample, bounds of what is wrong; how many are homozygous reference, heterozygous, other. */
export const FOUND: usize = 1024;
/** Samples of a line by the kind of their genotype. */
export const KINDS: usize = 1088;
/** Genotypes by depth: below 0, 0 to 500, above. */
export const DEPTHS: usize = 2048;
/** Indels from -60 to 60 bases: heterozygous genotypes with reads of both alleles, then three limbs of their sum of fractions. */
export const FRACTIONS: usize = 4608;
export const LIMBS: usize = 5632;
export const GROWTHS: usize = 121;
/** Alleles of the line: kind and growth; base, or -1; how often it was called. */
export const PACKED: usize = 12288;
export const BASES: usize = PACKED + 4 * 65536;
export const COUNTS: usize = BASES + 65536;
/** Lines: where the first nine columns begin, then what is behind them; where the line ends; its tabs. */
export const TABLE: usize = COUNTS + 4 * 65536;
export const ROW: usize = 48;
export const HEAP: usize = TABLE + 8192 * 48;
export const ROWS: i32 = 8192;

if (memory.grow(16) < 0) unreachable();
