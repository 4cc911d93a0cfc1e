/** Side-by-side timing: arms that do the same work, run in turn, their results compared before anything is timed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** One way to do the work. */
export type Arm = {
  readonly name: string;
  readonly command: readonly string[];
  /** Undoes what an earlier run left behind. */
  readonly before: () => void;
};
export type Timed = { readonly seconds: readonly number[]; readonly peak: number | undefined };

const time = '/usr/bin/time';

/** Runs a command once; gives seconds of wall time and, where GNU time is installed, peak resident bytes. */
export function once({ command, before }: Arm): {
  seconds: number;
  peak: number | undefined;
  stdout: string;
} {
  before();
  const measured = existsSync(time);
  const [file, ...args] = measured ? [time, '-f', 'peak %M', ...command] : command;
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(file!, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr.slice(-2000)}`);
  const peak = /peak (\d+)\s*$/.exec(stderr)?.[1];
  return { seconds, peak: peak === undefined ? undefined : Number(peak) * 1024, stdout };
}

/** `runs` rounds of all arms in turn, after one round that is not counted. */
export function alternate(arms: readonly Arm[], runs: number): Timed[] {
  const all = arms.map(() => ({ seconds: [] as number[], peak: undefined as number | undefined }));
  for (let round = 0; round <= runs; round++) {
    for (const [i, arm] of arms.entries()) {
      const { seconds, peak } = once(arm);
      if (round > 0) all[i]!.seconds.push(seconds);
      if (peak !== undefined) all[i]!.peak = Math.max(all[i]!.peak ?? 0, peak);
    }
  }
  return all;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Half the distance between the quartiles, as a share of the median: the noise of one arm. */
export function noise(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.round(q * (sorted.length - 1))]!;
  return (at(0.75) - at(0.25)) / 2 / median(values);
}

/** Host and versions, one line each. */
export function host(tools: readonly (readonly string[])[]): string[] {
  const cpu = cpus()[0]?.model ?? 'unknown processor';
  const versions = tools.map(([tool, ...args]) => {
    const { status, stdout, stderr } = spawnSync(tool!, args, { encoding: 'utf8' });
    return status === null ? `${tool}: not installed` : `${tool}: ${(stdout || stderr).split('\n')[0]}`;
  });
  return [
    `${cpus().length} cores (${cpu}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}`,
    ...versions,
  ];
}

export const isInstalled = (tool: string): boolean => spawnSync('which', [tool]).status === 0;
