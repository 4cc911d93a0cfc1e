/** samtools and bcftools beside ours: what they print, and texts compared line by line. */
import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';

/** What a program prints; undefined where it fails, or takes longer than `timeout` milliseconds. */
function printed(program: string, args: readonly string[], timeout = 20_000): string | undefined {
  try {
    return execFileSync(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 30,
      timeout,
    }).toString('latin1');
  } catch {
    return undefined;
  }
}
export const samtools = (args: readonly string[], timeout?: number): string | undefined =>
  printed('samtools', args, timeout);
export const bcftools = (...args: readonly string[]): string | undefined => printed('bcftools', args);

/** `samtools stats`, or `bcftools stats`, without the lines that name the program and its command line. */
export const bare = (stats: string): string =>
  stats.replace(/^(# (This file was produced|The command line)|ID\t).*\n/gm, '');

/** Long texts are compared first: a failure is to show the line, not the file. */
export function same(what: string, found: string, expected: string): void {
  if (found === expected) return;
  const [lines, wanted] = [found.split('\n'), expected.split('\n')];
  const line = lines.findIndex((value, i) => value !== wanted[i]);
  expect(`${what}:${line + 1}: ${lines[line]}`).toBe(`${what}:${line + 1}: ${wanted[line]}`);
  expect([what, lines.length]).toEqual([what, wanted.length]);
}
