/** The options of genomics/variants. */
import { flag, integer, number, text, type Values } from '../../core/params.ts';

export const params = {
  region: text('only here, several with commas between them; numbers count from 1', 'contig:from-to,...'),
  samples: text('only these, by the SM of their read groups', 'name,name,...'),
  ploidy: integer(2, 'chromosomes of a kind', { min: 1, max: 8 }),
  gvcf: flag(
    'what is like the reference, too, in blocks of about equal GQ (of several samples, of the least one)',
  ),
  'min-qual': number(10, 'calls less sure than this QUAL are not written', { min: 0, max: 5000 }),
  mapq: integer(5, 'the least mapping quality of a read that counts', { min: 0, max: 255 }),
  'exclude-flag': integer(3844, 'reads with any of these FLAG bits do not count', { min: 0, max: 65535 }),
  'max-depth': integer(400, 'reads that start in the same 64 bases; of more, some are taken by their names', {
    min: 1,
    max: 65535,
  }),
};
export type Params = Values<typeof params>;
