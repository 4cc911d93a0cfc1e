/** AWS's own runtime interface client for Node, from npm into the user's cache: a dependency would compile its C++ everywhere. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const version = '3.3.0';

/** The folder of aws-lambda-ric, installed now if it never was; or, in one line, why it cannot be had. */
export function ensureRic(): string | { readonly missing: string } {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'servermix');
  const home = join(cache, `aws-lambda-ric-${version}`);
  const folder = join(home, 'node_modules', 'aws-lambda-ric');
  if (existsSync(folder)) return folder;
  let made: string | undefined;
  try {
    mkdirSync(cache, { recursive: true });
    made = mkdtempSync(join(cache, 'installing-'));
    const quick = ['--fetch-retries=0', '--no-audit', '--no-fund', '--loglevel=error'];
    const what = ['--ignore-scripts', '--no-save', '--prefix', made, `aws-lambda-ric@${version}`];
    execFileSync('npm', ['install', ...quick, ...what], { cwd: made, stdio: 'pipe', timeout: 120_000 });
    renameSync(made, home);
  } catch (error) {
    if (made) rmSync(made, { recursive: true, force: true });
    // Another process was faster.
    if (existsSync(folder)) return folder;
    const reason = String((error as { stderr?: Buffer }).stderr || (error as Error).message);
    return {
      missing: `aws-lambda-ric: npm cannot install version ${version}: ${reason.trim().split('\n')[0]}`,
    };
  }
  return folder;
}
