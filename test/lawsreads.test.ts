/** The five laws for genomics/qc and genomics/pileup. */
import { testLaws } from './thelaws.ts';

await testLaws((job) => /^genomics\/(qc|pileup)$/.test(job));
