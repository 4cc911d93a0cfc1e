/** The command line as a person calls it, in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { root } from './root.ts';

export type Outcome = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Starts `servermix args` in `cwd`, in this process's environment unless another is given. */
export function start(args: readonly string[], cwd: string, env = process.env): ChildProcess {
  return spawn(process.execPath, [join(root, 'dist/bin/main.js'), ...args], { cwd, env });
}

/** Waits for the end of a command. */
export function outcome(child: ChildProcess): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

export const servermix = (args: readonly string[], cwd: string, env = process.env): Promise<Outcome> =>
  outcome(start(args, cwd, env));
