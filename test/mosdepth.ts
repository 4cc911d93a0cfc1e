/** genomics/coverage, and mosdepth beside it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { coverage } from '../genomics/jobs/coverage.ts';
import { same as sameText } from './peer.ts';
import { dataset, type Ran, runJob, type Tree } from './stage.ts';

export type Options = { readonly [name: string]: Json };
type How = { split?: number; arity?: Tree };

export async function cover(reads: string, options: Options = {}, by?: string, how: How = {}): Promise<Ran> {
  const inputs: { [name: string]: Dataset[] } = { reads: [await dataset(reads)] };
  if (by) inputs['by'] = [await dataset(by, 'bed')];
  return runJob(coverage, inputs, options, how);
}

/** A file's text. */
export const textOf = (bytes: Uint8Array, name: string): string =>
  (name.endsWith('.gz') ? gunzipSync(bytes) : Buffer.from(bytes)).toString('latin1');

/** Every file of `found` but the indexes has the text that `folder` has under `prefix`, and no file is missing. */
export function same(found: Ran, at: string, prefix: string): void {
  const names = readdirSync(at).filter((name) => name.startsWith(`${prefix}.`));
  expect([...found.files.keys()].sort()).toEqual(names.map((name) => name.slice(prefix.length)).sort());
  for (const [suffix, bytes] of found.files) {
    if (suffix.endsWith('.csi')) continue;
    const name = prefix + suffix;
    sameText(name, textOf(bytes, name), textOf(readFileSync(join(at, name)), name));
  }
  if (found.promised !== undefined) expect(found.records).toBe(found.promised);
}

/** As mosdepth's command line. */
function flagsOf(options: Options, by?: string): string[] {
  const flags: { [name: string]: (value: Json) => string[] } = {
    by: (value) => ['-b', `${value as string | number}`],
    thresholds: (value) => ['-T', (value as number[]).join()],
    quantize: (value) => ['-q', `${value as string | number}`],
    fast: () => ['-x'],
    'no-per-base': () => ['-n'],
    median: () => ['-m'],
    mapq: (value) => ['-Q', `${value as string | number}`],
    'exclude-flag': (value) => ['-F', `${value as string | number}`],
    'include-flag': (value) => ['-i', `${value as string | number}`],
    chrom: (value) => ['-c', `${value as string | number}`],
  };
  return [
    ...(by ? ['-b', by] : []),
    ...Object.entries(options).flatMap(([name, value]) => flags[name]!(value)),
  ];
}

/** Runs mosdepth; false where it fails, as it does on some files. */
export function mosdepth(reads: string, options: Options, by: string | undefined, at: string): boolean {
  try {
    execFileSync('mosdepth', [...flagsOf(options, by), join(at, 'peer'), reads], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
