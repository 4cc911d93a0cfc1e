/** Memory, processor and /tmp of one execution environment, held to what its function is given. */
import { readFileSync, readdirSync, rmdirSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type Limits = {
  /** The command line that runs `command` within the limits, with `folders` to be seen even if they lie in /tmp. */
  wrap(command: readonly string[], folders: readonly string[]): readonly string[];
  /** To be called with the number of the process that runs. */
  watch(pid: number): void;
  /** The most memory that was in use, in MiB. */
  peak(): number;
  /** Whether more memory was asked for than there is, and the process was ended for it. */
  exceeded(): boolean;
  /** To be called when the process has ended. */
  remove(): Promise<void>;
};

export type Share = {
  /** MiB. */
  readonly memory: number;
  /** Processors. */
  readonly cpu?: number | undefined;
  /** MiB of a /tmp of its own. */
  readonly tmp?: number | undefined;
  /** False: as if there were no control groups. */
  readonly groups?: boolean;
};

const MiB = 1 << 20;
const root = '/sys/fs/cgroup';
const prefix = 'servermix-lambda-';
let made = 0;

/** The kernel's control groups (version 1) where they may be written, which end a process at once as Lambda does; elsewhere a look every 20 ms. */
export function limit({ memory, cpu, tmp, groups: allowed = true }: Share): Limits {
  const group =
    allowed && makeGroup('memory', { 'memory.limit_in_bytes': memory * MiB, 'memory.swappiness': 0 });
  const period = 100_000;
  const processor =
    allowed &&
    cpu &&
    makeGroup('cpu', {
      'cpu.cfs_period_us': period,
      'cpu.cfs_quota_us': Math.max(1000, Math.round(cpu * period)),
    });
  const groups = [group, processor].filter((one) => typeof one === 'string');
  const meter = group ? groupMeter(group) : pollingMeter(memory);
  return {
    ...meter,
    wrap(command, folders) {
      const joins = groups.map((path) => `echo $$ > '${path}/cgroup.procs'`);
      if (joins.length === 0 && tmp === undefined) return command;
      const mounts = tmp === undefined ? [] : privateTmp(tmp, folders);
      const script = [...joins, ...mounts, 'exec "$@"'].join(' && ');
      return [...(tmp === undefined ? [] : ['unshare', '-m', '--']), 'sh', '-c', script, 'sh', ...command];
    },
    async remove() {
      meter.remove();
      for (const path of groups) await removeGroup(path);
    },
  };
}

type Meter = Pick<Limits, 'watch' | 'peak' | 'exceeded'> & { remove(): void };

function groupMeter(group: string): Meter {
  const read = (name: string) => readFileSync(join(group, name), 'utf8');
  let watched = 0;
  return {
    watch: (pid) => void (watched = pid),
    // The group is not charged for programs and libraries that other processes have in memory already; on Lambda there are none.
    peak: () =>
      Math.ceil(Math.max(Number(read('memory.max_usage_in_bytes')) / MiB, memoryOf(watched, 'VmHWM'))),
    exceeded: () => Number(/oom_kill (\d+)/.exec(read('memory.oom_control'))?.[1] ?? 0) > 0,
    remove: () => undefined,
  };
}

function pollingMeter(memory: number): Meter {
  let [most, exceeded] = [0, false];
  let timer: NodeJS.Timeout | undefined;
  return {
    watch(pid) {
      timer = setInterval(() => {
        most = Math.max(most, memoryOf(pid, 'VmRSS'));
        if (most <= memory || exceeded) return;
        exceeded = true;
        process.kill(pid, 'SIGKILL');
      }, 20);
    },
    peak: () => Math.ceil(most),
    exceeded: () => exceeded,
    remove: () => clearInterval(timer),
  };
}

/** MiB of memory that a process has in use, or had at most; 0 once it has ended. */
function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readOr('', `/proc/${pid}/status`));
  return Number(found?.[1] ?? 0) / 1024;
}

/** The folders are bound to themselves from a second place, since the new /tmp hides what lies in the old one. */
function privateTmp(size: number, folders: readonly string[]): string[] {
  const hidden = folders.filter((folder) => folder.startsWith('/tmp/'));
  return [
    'mount --make-rprivate /',
    'mount -t tmpfs -o size=1m tmpfs /mnt',
    ...hidden.flatMap((folder, i) => [`mkdir /mnt/${i}`, `mount --bind '${folder}' /mnt/${i}`]),
    `mount -t tmpfs -o size=${size}m,mode=1777 tmpfs /tmp`,
    ...hidden.flatMap((folder, i) => [`mkdir -p '${folder}'`, `mount --bind /mnt/${i} '${folder}'`]),
    // The working folder is still the one below the old /tmp.
    'cd "$PWD"',
  ];
}

/** Makes a control group of this process's own group, or else of the outermost; undefined where that is not allowed. */
function makeGroup(controller: string, settings: { readonly [file: string]: number }): string | undefined {
  const own = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm').exec(
    readOr('', '/proc/self/cgroup'),
  )?.[1];
  for (const parent of own === undefined ? [] : [join(root, controller, own), join(root, controller)]) {
    const path = join(parent, `${prefix}${process.pid}-${made++}`);
    try {
      sweep(parent);
      mkdirSync(path);
      for (const [file, value] of Object.entries(settings)) writeFileSync(join(path, file), String(value));
      return path;
    } catch {
      try {
        rmdirSync(path);
      } catch {
        // It was never made.
      }
    }
  }
  return undefined;
}

/** Removes the groups of test runs that were killed before they could. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : undefined;
    if (pid === undefined) continue;
    try {
      process.kill(pid, 0);
    } catch {
      void removeGroup(join(parent, name), 1);
    }
  }
}

async function removeGroup(path: string, attempts = 100): Promise<void> {
  // The kernel lets go of a process a little after it has ended.
  for (let tries = 0; tries < attempts; tries++)
    try {
      return rmdirSync(path);
    } catch {
      await sleep(10);
    }
}

function readOr(otherwise: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

/** How memory is limited here, for a test's title. */
export function means(): string {
  const limits = limit({ memory: 128 });
  const grouped = limits.wrap([], []).length > 0;
  void limits.remove();
  return grouped ? 'control groups' : 'a look every 20 ms';
}
