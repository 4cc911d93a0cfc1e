/** The runtime interface client is installed once, and what keeps it from that is said in one line. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureRic } from './ric.ts';

test('without npm, what is missing is said, and nothing is left', () => {
  const cache = mkdtempSync(join(tmpdir(), 'servermix-cache-'));
  const before = { ...process.env };
  process.env['XDG_CACHE_HOME'] = cache;
  process.env['PATH'] = '';
  try {
    expect(ensureRic()).toEqual({
      missing: expect.stringMatching(/^aws-lambda-ric: npm cannot install version \S+: [^\n]*npm ENOENT$/),
    });
    expect(readdirSync(join(cache, 'servermix'))).toEqual([]);
  } finally {
    process.env['PATH'] = before['PATH'];
    if (before['XDG_CACHE_HOME'] === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before['XDG_CACHE_HOME'];
    rmSync(cache, { recursive: true });
  }
});
