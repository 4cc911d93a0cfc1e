/** Where the shared real data lie, for the tests that use them. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The folder of shared test data: SERVERMIX_SHARED, or `shared` beside this checkout or one of its parents; undefined where there is none. */
export function shared(): string | undefined {
  const named = process.env['SERVERMIX_SHARED'];
  if (named) return existsSync(named) ? resolve(named) : undefined;
  for (let at = process.cwd(); ; at = dirname(at)) {
    const path = join(at, 'shared', 'data');
    if (existsSync(path)) return dirname(path);
    if (at === dirname(at)) return undefined;
  }
}

/** `npm run test:long`: every shared file is compared with its peers, and damage has thousands of seeds. */
export const isLong = process.env['SERVERMIX_TESTS'] === 'long';

/** Every third of `files` from that of number `turn`, 0 to 2, so that tests take turns with files; all where there is time. */
export const third = <T>(files: readonly T[], turn: number): T[] =>
  files.filter((_, i) => isLong || i % 3 === turn);
