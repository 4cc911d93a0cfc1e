/** Nothing secret is written down: credentials of the environment and of addresses, planted, are looked for in all that a command leaves. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { servermix, type Outcome } from './command.ts';
import { startSite, type Site } from './site.ts';
import { generate } from './generate.ts';

// Made now: nothing that looks like a key stands in a file.
const marker = (): string => `${randomBytes(12).toString('base64')}/+${randomBytes(6).toString('hex')}`;
const planted = { secret: marker(), session: marker(), signature: marker(), password: marker() };

describe('planted secrets', () => {
  let [site, folder, origin, query]: [Site, string, string, string] = [undefined!, '', '', ''];
  const env = {
    AWS_ACCESS_KEY_ID: 'AK',
    AWS_SECRET_ACCESS_KEY: planted.secret,
    AWS_SESSION_TOKEN: planted.session,
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };

  beforeAll(async () => {
    site = await startSite();
    site.etag = '"1"';
    origin = new URL(site.address).origin;
    query = `?X-Amz-Expires=60&X-Amz-Credential=AK&X-Amz-Signature=${encodeURIComponent(planted.signature)}`;
    folder = await mkdtemp(join(tmpdir(), 'servermix-secrets-'));
    mkdirSync(join(folder, 'data'));
    await generate('synthetic/reads', join(folder, 'data'), { mb: 0.3, depth: 4, seed: 2 });
    for (const name of ['reads.bam', 'reads.bam.bai']) {
      const bytes = readFileSync(join(folder, 'data', name));
      site.files.set(`/${name}${query}`, bytes);
      // Companions are looked for beside an address, without its query.
      site.files.set(`/${name}`, bytes);
    }
    site.files.set(`/broken.bam${query}`, Buffer.alloc(1000, 'no BAM'));
    writeFileSync(join(folder, 'note.txt'), 'text');
  });
  afterAll(async () => {
    await site.close();
    await rm(folder, { recursive: true });
  });
  afterEach(() => {
    site.faults = [];
  });

  const run = (...args: string[]): Promise<Outcome> => servermix(args, folder, env);
  /** All that lies in the folder of the command, but what was put there. */
  const left = (): string =>
    (readdirSync(folder, { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'latin1')}`)
      .join('\n');
  const check = (what: string, ...texts: string[]): void => {
    for (const text of texts)
      for (const [name, value] of Object.entries(planted))
        for (const form of [
          value,
          encodeURIComponent(value),
          JSON.stringify(value).slice(1, -1),
          value.slice(0, 16),
        ])
          expect(text.includes(form), `${name} in ${what}:\n${text.slice(0, 2000)}`).toBe(false);
  };

  test('the check sees what is planted', () => {
    for (const value of Object.values(planted))
      expect(() => check('a text', `before ${encodeURIComponent(value)} after`)).toThrow();
  });

  const flagstat = ['run', 'genomics/flagstat', '--reads'];
  test.each([[[]], [['--json', '--debug', '--on', 'processes']]])(
    'a run that succeeds, with %j',
    async (flags) => {
      const { code, stdout, stderr } = await run(...flagstat, `${origin}/reads.bam${query}`, ...flags);
      expect(code, stderr).toBe(0);
      check('its output', stdout, stderr);
      for (const what of [
        ['explain', 'last'],
        ['plan', ...flagstat.slice(1), `${origin}/reads.bam${query}`, ...flags],
      ]) {
        const told = await run(...what);
        expect(told.code, told.stderr).toBe(0);
        check(what[0]!, told.stdout, told.stderr);
      }
      const info = await run('info', `${origin}/reads.bam${query}`);
      check('info', info.stdout, info.stderr);
      check('the files', left());
    },
  );

  const credentialed = (): string =>
    origin.replace('://', `://user:${encodeURIComponent(planted.password)}@`);
  const cases: [string, () => string[], number][] = [
    ['an absent address', () => [...flagstat, `${origin}/none.bam${query}`], 3],
    ['bad input', () => [...flagstat, `${origin}/broken.bam${query}`], 3],
    ['a password in the address', () => [...flagstat, `${credentialed()}/reads.bam`], 3],
    ['a scheme that is none', () => [...flagstat, `gopher://host/reads.bam${query}`], 2],
    ['an address given twice', () => [...flagstat, `${origin}/a.bam${query}`, `${origin}/a.bam${query}`], 2],
    [
      'an output that is an address',
      () => [...flagstat, 'data/reads.bam', '--out', `${origin}/out${query}`],
      2,
    ],
    [
      'an output that cannot be',
      () => [...flagstat, `${origin}/reads.bam${query}`, '--out', 'note.txt/x'],
      2,
    ],
    [
      'a store that is an address',
      () => [...flagstat, 'data/reads.bam', '--store', `${origin}/store${query}`],
      2,
    ],
    [
      'an endpoint that is none',
      () => [...flagstat, 's3://bucket/x.bam', '--endpoint', `gopher://user:${planted.password}@host`],
      2,
    ],
    [
      'functions',
      () => [
        ...flagstat,
        `${origin}/reads.bam${query}`,
        '--on',
        'lambda',
        '--store',
        's3://bucket/x',
        '--endpoint',
        origin,
      ],
      2,
    ],
    ['an unknown option', () => [...flagstat, `${origin}/reads.bam${query}`, `--key=${query}`], 2],
    ['a refusal of S3', () => [...flagstat, 's3://bucket/none.bam', '--endpoint', origin], 3],
  ];
  test.each(cases)('%s', async (what, args, code) => {
    for (const flags of [cases.findIndex(([name]) => name === what) % 2 ? [] : ['--json'], ['--debug']]) {
      const ended = await run(...args(), ...flags);
      check(`the output with ${flags.join()}`, ended.stdout, ended.stderr);
      expect(ended.code, ended.stderr).toBe(code);
    }
    check('the files', left());
  });
});
