/** The kernel of variants: blocks of BGZF, lines of VCF and their columns, and counts of genotypes. Nothing is split or copied; who calls it lays text, slots and counters behind `heap`. */
import { inflateRaw } from '../../core/assembly/inflate.ts';
import { count, genotyped, layout, start } from './vcfcount.ts';
import { fields, print, printed } from './vcffields.ts';
import { BASES, BLOCK, BLOCK_ROOM, COUNTS, DEPTHS, FOUND, FRACTIONS, HEAP, KINDS, LIMBS, PACKED, ROWS, TABLE } from './vcflayout.ts';
import { kinds } from './vcfkinds.ts';
import { lines, next } from './vcflines.ts';

// What is exported straight from a file that is named with its ending is not found by the compiler.
export { count, fields, genotyped, inflateRaw, kinds, layout, lines, next, print, printed, start };

export const foundAt: usize = FOUND;
export const kindsAt: usize = KINDS;
export const depthsAt: usize = DEPTHS;
export const fractionsAt: usize = FRACTIONS;
export const limbsAt: usize = LIMBS;
export const packedAt: usize = PACKED;
export const basesAt: usize = BASES;
export const countsAt: usize = COUNTS;
export const tableAt: usize = TABLE;
export const tableRows: i32 = ROWS;
export const blockAt: usize = BLOCK;
export const blockRoom: usize = BLOCK_ROOM;
export const heap: usize = HEAP;
