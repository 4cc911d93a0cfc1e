/** The five laws for scenes. */
import { testLaws } from './thelaws.ts';

await testLaws((job) => job.startsWith('satellite/'));
