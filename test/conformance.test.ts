/** The conformance suite on what runs on this machine: threads, processes, and the driver's own thread. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { processes } from '../core/backends/processes.ts';
import { threads, type PoolOptions } from '../core/backends/threads.ts';
import type { Backend } from '../core/job.ts';
import { folderStore } from '../core/stores/folder.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { conformance, type Fault, type Stand, type Traits } from './conformance.ts';
import { hostOf } from './laws.ts';
import { toyCatalog } from './toys.ts';
import { entry } from './toyworker.ts';
import { behind, type Mishap } from './transport.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-stands-'));
afterAll(() => rm(folder, { recursive: true }));
let made = 0;

const mishapOf: { readonly [F in Fault]?: Mishap } = {
  drop: 'lose',
  duplicate: 'double',
  delay: 'delay',
  throttle: 'refuse',
  random: 'fail',
};
const traits: Traits = {
  ends: { kill: ['lost'], oom: ['oom'], timeout: ['timeout'] },
  limits: { timeout: 1500 },
  again: 'always',
  hoard: 90,
};

function pooled(start: (options: PoolOptions) => Backend): (fault: Fault) => Promise<Stand> {
  return async (fault) => {
    const path = join(folder, `${made++}`);
    // Less heap than what `oom` takes, and twice as much is more.
    const pool = start({ entry, count: 3, store: path, heap: 64 });
    const { backend, met } = behind(pool, mishapOf[fault] ?? 'none', made);
    return { backend, met, store: folderStore(path), close: () => backend.close() };
  };
}

conformance('threads', pooled(threads), traits);
conformance('processes', pooled(processes), traits);
conformance(
  'inline',
  async (fault) => {
    const store = memoryStore();
    const { backend, met } = behind(hostOf(toyCatalog, store).backend, mishapOf[fault] ?? 'none', 7);
    return { backend, met, store, close: () => backend.close() };
  },
  traits,
);
