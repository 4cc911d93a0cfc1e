/** The five laws for the jobs of point clouds and terrain. */
import { testLaws } from './thelaws.ts';

await testLaws((job) => !/^(genomics|satellite)\//.test(job));
