/** Where the kernel of variants keeps what: constants, so that its loops know them. What comes behind `HEAP` is the host's. */
import { TABLES_END } from '../../core/assembly/inflatelayout.ts';

/** Of a fault, then of the genotypes of the line: sample, bounds of what is wrong; how many are homozygous reference, heterozygous, other. */
export const FOUND: usize = TABLES_END;
/** Samples of a line by the kind of their genotype. */
export const KINDS: usize = FOUND + 64;
/** Genotypes by depth: below 0, 0 to 500, above. */
export const DEPTHS: usize = FOUND + 1024;
/** Indels from -60 to 60 bases: heterozygous genotypes with reads of both alleles, then three limbs of their sum of fractions. */
export const FRACTIONS: usize = DEPTHS + 2560;
export const LIMBS: usize = FRACTIONS + 1024;
export const GROWTHS: usize = 121;
/** Alleles of the line: kind and growth; base, or -1; how often it was called. */
export const PACKED: usize = FOUND + 11264;
export const BASES: usize = PACKED + 4 * 65536;
export const COUNTS: usize = BASES + 65536;
/** Lines: where the first nine columns begin, then what is behind them; where the line ends; its tabs. */
export const TABLE: usize = COUNTS + 4 * 65536;
export const ROW: usize = 48;
export const ROWS: i32 = 8192;
/** A block of BGZF, and room for loads that look ahead. */
export const BLOCK: usize = TABLE + 8192 * ROW;
export const BLOCK_ROOM: usize = 65536 + 64;
export const HEAP: usize = BLOCK + BLOCK_ROOM;

if (memory.grow(<i32>((HEAP + 65535) >> 16)) < 0) unreachable();
