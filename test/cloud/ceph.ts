/** A real S3 server for the tests: Ceph's radosgw before one monitor and one object store in memory, in a folder of its own. */
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './port.ts';

export type Ceph = {
  /** Where S3 answers, path style only: http://127.0.0.1:PORT. */
  readonly endpoint: string;
  readonly key: string;
  readonly secret: string;
  readonly region: string;
  /** Kills the server and removes what it held. */
  stop(): Promise<void>;
};

const run = promisify(execFile);
const programs = ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool'];
const prefix = 'servermix-ceph-';
const daemons = ['client.rgw.a', 'osd.0', 'mon.a'];

/** In one line what is not installed, and how to have it; undefined where nothing is missing. */
export function cephMissing(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const missing = programs.filter((name) => !folders.some((folder) => isProgram(join(folder, name))));
  if (missing.length === 0) return undefined;
  return `Ceph: no ${missing.join(', ')} in PATH; apt-get install radosgw ceph-mon ceph-osd ceph-common`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts the server, in about two seconds, empty, for the one user AK / SK. What it holds is in memory, 4 GiB at most.
 * @throws Error with the last lines of the logs, when it does not start
 */
export async function startCeph(): Promise<Ceph> {
  sweep();
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), prefix));
    try {
      return await startIn(folder);
    } catch (error) {
      const logs = lastLines(folder);
      await remove(folder);
      // A port may have been taken since it was found free.
      if (attempt === 3) throw new Error(`Ceph: did not start: ${String(error)}\n${logs}`, { cause: error });
    }
  }
}

async function startIn(folder: string): Promise<Ceph> {
  const [port, monitor] = [await freePort(), await freePort(2)];
  const [cluster, store] = [randomUUID(), randomUUID()];
  const address = `[v2:127.0.0.1:${monitor},v1:127.0.0.1:${monitor + 1}]`;
  const file = join(folder, 'ceph.conf');
  const map = join(folder, 'monmap');
  await writeFile(join(folder, 'owner'), String(process.pid));
  for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) await mkdir(join(folder, name));
  await writeFile(file, configuration({ folder, cluster, address, port }));

  const ceph = (...args: string[]) => run('ceph', ['-c', file, ...args]);
  await run('monmaptool', ['--create', '--clobber', '--fsid', cluster, '--addv', 'a', address, map]);
  await run('ceph-mon', ['-c', file, '--mkfs', '-i', 'a', '--monmap', map]);
  await run('ceph-mon', ['-c', file, '-i', 'a']);
  await ceph('osd', 'new', store);
  await run('ceph-osd', ['-c', file, '-i', '0', '--mkfs', '--osd-uuid', store]);
  await Promise.all([
    ceph('osd', 'crush', 'add', 'osd.0', '1.0', 'host=here', 'root=default'),
    run('ceph-osd', ['-c', file, '-i', '0']),
  ]);
  await createPools(file);
  await run('radosgw', ['-c', file, '-n', 'client.rgw.a']);
  const [key, secret] = ['AK', 'SK'];
  const user = ['user', 'create', '--uid=t', '--display-name=t', `--access-key=${key}`, `--secret=${secret}`];
  await Promise.all([run('radosgw-admin', ['-c', file, ...user]), answers(port, folder)]);
  // A gateway whose port another process took has ended by now; whoever answers there is not ours.
  if (!pidOf(folder, 'client.rgw.a')) throw new Error(`radosgw ended; is port ${port} in use?`);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    key,
    secret,
    region: 'us-east-1',
    stop: () => remove(folder),
  };
}

async function answers(port: number, folder: string): Promise<void> {
  for (const end = Date.now() + 20_000; ; await sleep(20)) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer) return void (await answer.arrayBuffer());
    if (Date.now() > end) throw new Error('radosgw does not answer');
    if (!pidOf(folder, 'client.rgw.a')) throw new Error('radosgw ended');
  }
}

/** All pools in one session: left to the gateway, each costs a second at the first request. */
function createPools(file: string): Promise<void> {
  const data = ['buckets.index', 'buckets.data', 'buckets.non-ec'];
  const names = ['log', 'control', 'meta', ...data].map((name) => `default.rgw.${name}`);
  const commands = ['.rgw.root', ...names].flatMap((name) => [
    `osd pool create ${name} 4 4`,
    `osd pool application enable ${name} rgw`,
  ]);
  return new Promise((resolve, reject) => {
    const session = spawn('ceph', ['-c', file], { stdio: ['pipe', 'ignore', 'ignore'] });
    session.on('error', reject);
    session.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`ceph: creating the pools: exit ${code}`)),
    );
    session.stdin.end(`${commands.join('\n')}\n`);
  });
}

type Site = {
  readonly folder: string;
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
};

/**
 * Without authentication the gateway must be told `ms mon client mode = crc`, or it waits for ever; without `tcp_nodelay`
 * each GET takes 45 ms; the monitor's intervals save nine seconds of the start.
 */
function configuration({ folder, cluster, address, port }: Site): string {
  return `[global]
fsid = ${cluster}
mon host = ${address}
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms bind ipv6 = false
run dir = ${folder}/run
crash dir = ${folder}/run
log file = ${folder}/log/$name.log
pid file = ${folder}/run/$name.pid
admin socket = ${folder}/run/$name.$pid.asok
osd pool default size = 1
osd pool default min size = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
[mon]
mon data = ${folder}/mon
mon initial members = a
mon data avail crit = 1
mon max pg per osd = 2000
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
[osd]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd class load list = *
osd class default list = *
osd op num shards = 2
osd op num threads per shard = 1
public addr = 127.0.0.1
cluster addr = 127.0.0.1
[client.rgw.a]
rgw data = ${folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw thread pool size = 64
rgw dns name = localhost
rgw dynamic resharding = false
rgw override bucket index max shards = 1
`;
}

/** The process of a daemon of this folder; undefined where it has ended, even if its number belongs to another one now. */
function pidOf(folder: string, daemon: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(folder, 'run', `${daemon}.pid`), 'utf8'));
    if (!(pid > 1)) return undefined;
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Ceph takes up to 15 s to end when asked, and has nothing worth saving. */
function kill(folder: string): void {
  for (const daemon of daemons) {
    const pid = pidOf(folder, daemon);
    if (pid) process.kill(pid, 'SIGKILL');
  }
}

async function remove(folder: string): Promise<void> {
  kill(folder);
  while (daemons.some((daemon) => pidOf(folder, daemon))) await sleep(5);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Ends what test runs left that were killed before they could. */
function sweep(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const folder = join(tmpdir(), name);
    try {
      process.kill(Number(readFileSync(join(folder, 'owner'), 'utf8')), 0);
    } catch (error) {
      // No owner yet: another run is just making the folder.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') continue;
      kill(folder);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

function lastLines(folder: string): string {
  const logs = readdirSync(join(folder, 'log'), { withFileTypes: true }).filter((entry) => entry.isFile());
  return logs
    .map(({ name }) =>
      readFileSync(join(folder, 'log', name), 'utf8')
        .trimEnd()
        .split('\n')
        .slice(-3),
    )
    .flat()
    .join('\n');
}
