/** Says what `npm run test:cloud` needs and does not find, and fails then: it must not pass by skipping. */
import { missing } from './site.ts';

for (const line of missing()) {
  console.error(line);
  process.exitCode = 1;
}
