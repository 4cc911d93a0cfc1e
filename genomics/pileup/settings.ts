/** The options of genomics/pileup, with the defaults of `samtools mpileup -B`. */
import { choice, flag, integer, text, type Values } from '../../core/params.ts';
import type { PileRules } from '../kernels/pileup.ts';

export const params = {
  format: choice(
    ['text', 'parquet'],
    'rows as samtools mpileup prints them, or a table of counts by base and strand',
  ),
  region: text('only here; numbers count from 1', 'contig:from-to'),
  mapq: integer(0, 'the least mapping quality of a read that counts', { min: 0, max: 255 }),
  baseq: integer(13, 'the least quality of a base that counts', { min: 0, max: 255 }),
  'exclude-flag': integer(1796, 'reads with any of these FLAG bits do not count', { min: 0, max: 65535 }),
  'include-flag': integer(0, 'only reads with any of these FLAG bits count; 0: all', { min: 0, max: 65535 }),
  'max-depth': integer(8000, 'reads over a position after which no more are taken that start there; 0: all', {
    min: 0,
    max: 2 ** 31 - 1,
  }),
  orphans: flag('paired reads count that are no proper pair, too (mpileup -A)'),
  'keep-overlaps': flag('bases count twice where mates overlap (mpileup -x)'),
  all: flag('positions without reads, too, of contigs that have reads (mpileup -a)'),
  'output-mapq': flag('text: a column of mapping qualities (mpileup -s)'),
};
export type Params = Values<typeof params>;

export const rulesOf = (given: Params): PileRules => ({
  mapq: given.mapq,
  exclude: given['exclude-flag'],
  include: given['include-flag'],
  orphans: given.orphans,
  overlaps: !given['keep-overlaps'],
  maxDepth: given['max-depth'] || Infinity,
});
