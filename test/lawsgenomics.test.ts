/** The five laws for the other jobs of genomics. */
import { testLaws } from './thelaws.ts';

await testLaws((job) => /^genomics\/(?!qc$|pileup$)/.test(job));
