/** What is measured against what, on generated input. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { root } from '../root.ts';
import { isInstalled, once, type Arm } from './arms.ts';

export type Case = {
  readonly name: string;
  /** First ours, then the other one. */
  readonly arms: readonly [Arm, Arm];
  /** The ratio of the medians (ours / other) that is aimed at, at most. */
  readonly target: number;
  /** Throws unless both arms gave the same. */
  readonly check: () => void;
  /** Why it cannot be measured here. */
  readonly skip?: string;
};
export type Data = { readonly bam: string; readonly las: string; readonly folder: string };

const main = join(root, 'dist/bin/main.js');

export function cases({ bam, las, folder }: Data): Case[] {
  const store = join(folder, 'store');
  const clean = (): void => rmSync(store, { recursive: true, force: true });
  const ours = (name: string, ...args: string[]): Arm => ({
    name,
    command: [process.execPath, main, 'run', ...args, '--store', store],
    before: clean,
  });
  const peer = (...command: string[]): Arm => ({ name: command.join(' '), command, before: () => {} });
  const reference = join(folder, 'reference.fa');
  const at = (name: string): string => join(folder, name);
  const needs = (tool: string): { skip?: string } =>
    isInstalled(tool) ? {} : { skip: `${tool} is not installed` };
  const depth = (name: string, mine: string[], theirs: string[], target: number): Case => ({
    name,
    target,
    arms: [
      ours('servermix', 'genomics/coverage', '--reads', bam, ...mine, '--out', at(`${target}-ours`)),
      peer('mosdepth', '-t', '2', ...theirs, at(`${target}-peer`), bam),
    ],
    check: () => sameFiles(folder, `${target}-ours`, `${target}-peer`),
    ...needs('mosdepth'),
  });
  const flagstat: [Arm, Arm] = [
    ours('servermix', 'genomics/flagstat', '--reads', bam),
    peer('samtools', 'flagstat', '-@2', bam),
  ];
  const surface = (workers: number): Arm => {
    const out = at(`dsm${workers}.tif`);
    const args = ['--points', las, '--cell', '1', '--workers', `${workers}`, '--out', out];
    return ours(`servermix --workers ${workers}`, 'lidar/raster', ...args);
  };
  return [
    depth('coverage --fast --no-per-base', ['--fast', '--no-per-base'], ['-n', '-x'], 1.25),
    depth('coverage with per-base', [], [], 0.8),
    {
      name: 'flagstat',
      target: 1.15,
      arms: flagstat,
      check: () => same(once(flagstat[0]).stdout, once(flagstat[1]).stdout, 'flagstat'),
      ...needs('samtools'),
    },
    {
      name: 'variants',
      target: 0.4,
      arms: [
        ours(
          'servermix',
          'genomics/variants',
          '--reads',
          bam,
          '--reference',
          reference,
          '--out',
          at('ours.vcf.gz'),
        ),
        peer(
          'sh',
          '-c',
          `bcftools mpileup -f ${reference} ${bam} 2>/dev/null | bcftools call -mv -o ${at('peer.vcf')} 2>/dev/null`,
        ),
      ],
      check: () => alike(text(at('ours.vcf.gz')), text(at('peer.vcf'))),
      ...needs('bcftools'),
    },
    {
      name: 'dsm, two workers against one',
      target: 1 / 1.7,
      arms: [surface(2), surface(1)],
      check() {
        once(surface(2));
        once(surface(1));
        same(readFileSync(at('dsm2.tif'), 'latin1'), readFileSync(at('dsm1.tif'), 'latin1'), 'dsm');
      },
    },
  ];
}

/** Of the substitutions that either calls surely, nearly all must be in both, with one genotype. */
function alike(a: string, b: string): void {
  const [mine, theirs] = [a, b].map((vcf) => {
    const rows = vcf
      .split('\n')
      .filter((line) => /^[^#]/.test(line))
      .map((line) => line.split('\t'));
    const sure = rows.filter((row) => row[3]!.length === 1 && row[4]!.length === 1 && Number(row[5]) >= 30);
    return new Set(sure.map((row) => [row[0], row[1], row[3], row[4], row[9]!.slice(0, 3)].join()));
  }) as [Set<string>, Set<string>];
  const both = [...mine].filter((key) => theirs.has(key)).length;
  if (both === 0 || both < 0.95 * Math.max(mine.size, theirs.size))
    throw new Error(`variants: of ${mine.size} and ${theirs.size} only ${both} agree`);
}

function same(a: string, b: string, what: string): void {
  if (a === '' || a !== b) throw new Error(`${what}: the arms do not agree`);
}

/** Runs of both arms must have left equal files, after decompression; indexes aside. */
function sameFiles(folder: string, mine: string, theirs: string): void {
  const names = readdirSync(folder).filter((n) => n.startsWith(`${theirs}.`) && !n.endsWith('.csi'));
  if (names.length === 0) throw new Error(`${theirs}: no files to compare`);
  for (const name of names) {
    const other = join(folder, name.replace(theirs, mine));
    if (!existsSync(other)) throw new Error(`${other} is missing`);
    same(text(other), text(join(folder, name)), name);
  }
}

function text(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
}
