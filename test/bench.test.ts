/** The benchmark in its short form: the arms agree, and every case is measured or says why not. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { outcome } from './command.ts';
import { root } from './root.ts';

test('npm run bench -- --short', async () => {
  const child = spawn(process.execPath, [join(root, 'dist/test/bench/main.js'), '--short'], { cwd: root });
  const { code, stdout, stderr } = await outcome(child);
  expect(code, stderr).toBe(0);
  for (const name of ['coverage --fast', 'coverage with per-base', 'flagstat', 'variants', 'dsm'])
    expect(stdout).toMatch(new RegExp(`^${name}.*(ratio \\d|skipped, )`, 'm'));
  expect(stdout).toMatch(/^1000 tasks: /m);
});
