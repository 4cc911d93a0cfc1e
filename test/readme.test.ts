/** The README's table is the catalog's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { version } from '../core/version.ts';
import { loadNamed, names } from '../pipelines/catalog.ts';
import { markdown } from '../pipelines/commands/list.ts';
import { root } from './root.ts';

test("the version is package.json's", () => {
  const made = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(version).toBe(made.version);
});
test('the table of jobs is what servermix list --markdown prints', async () => {
  const jobs = await Promise.all(names.map(loadNamed));
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(markdown(jobs));
});
