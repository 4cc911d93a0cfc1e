/** Secrets in text: signed addresses, passwords and the environment's keys are left out; all else stays. */
import { randomBytes } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { isSigned, redact } from '../core/redact.ts';

const marker = randomBytes(15).toString('base64url');
afterEach(() => void vi.unstubAllEnvs());

test.each([
  [
    'AWS',
    `https://b.s3.amazonaws.com/k?X-Amz-Algorithm=A&X-Amz-Credential=${marker}&X-Amz-Signature=${marker}`,
  ],
  ['AWS, version 2', `https://b.s3.amazonaws.com/k?AWSAccessKeyId=x&Signature=${marker}&Expires=1`],
  ['Azure', `https://a.blob.core.windows.net/c/k?sv=2023&se=2026&sr=b&sig=${marker}%3D`],
  ['Google', `https://storage.googleapis.com/b/k?X-Goog-Algorithm=A&X-Goog-Signature=${marker}`],
  ['CloudFront', `https://d.cloudfront.net/k?Policy=${marker}&Signature=${marker}&Key-Pair-Id=K`],
  ['a token', `HTTP://host:8080/k.bam?x=1&access_token=${marker}`],
])('the query of an address signed for %s', (_, url) => {
  const text = `open ${url}, "${url}" and <${url}>\n${JSON.stringify({ url })}`;
  expect(redact(text)).not.toContain(marker);
  expect(redact(text)).toContain(url.slice(0, url.indexOf('?')));
  expect(isSigned(url)).toBe(true);
});

test('users and passwords', () => {
  expect(redact(`https://user:${marker}@host/path`)).toBe('https://host/path');
  expect(redact(`see https://user:p@${marker}@host:80/path?x=a@b.`)).toBe('see https://host:80/path?x=a@b.');
  expect(redact(`ftp://user:a/${marker}@host/x`)).toBe('ftp://host/x');
  expect(redact(`an argument X-Amz-Signature=${marker}&x`)).toBe('an argument X-Amz-Signature=<...>&x');
  expect(redact('https://host')).toBe('https://host');
});

test('the secrets of the environment, also inside JSON', () => {
  const secret = `${marker}/+"\\=`;
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
  vi.stubEnv('AWS_SESSION_TOKEN', `token ${marker}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AK');
  const text = `${secret} token ${marker} ${JSON.stringify({ secret })} AKA`;
  expect(redact(text)).not.toContain(marker);
  expect(redact(text)).toContain('<AWS_SECRET_ACCESS_KEY> <AWS_SESSION_TOKEN>');
  expect(redact(text)).toContain('AKA');
});

test.each([
  'https://host/path/file.bam?versionId=3&design=4#signature',
  'http://host/a@b/c?mail=x@y.org',
  's3://bucket/token=x/sig=y?password=z',
  'http://host:8080/a@b',
  's3://bucket/a@b',
  'found chr1:1-100 at C:\\data\\x.bam; expected `--token=x`, see https://host/doc.',
  'genomics/coverage@1/0123456789abcdef',
])('%s stays', (text) => {
  expect(redact(text)).toBe(text);
  expect(isSigned(text)).toBe(false);
});
