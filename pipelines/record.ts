/** The record of a run in the store's folder: its event log, and the trace and summary folded from it. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { eventLog, parseEvents, type Event, type Happening } from '../core/events.ts';
import { summary, type Summary } from '../core/summary.ts';
import { traceTsv } from '../core/trace.ts';
import { storeFolder } from './storage.ts';

/** Undefined where nothing is to be kept; runs over a store elsewhere are recorded where runs usually are. */
function folderOf(store: string): string | undefined {
  if (store === 'memory:') return undefined;
  return join(storeFolder(store) ?? '.servermix', 'runs');
}

/** A name for a run that begins now: to the millisecond, so that the order of names is that of time. */
export const newRun = (): string =>
  `${new Date().toISOString().replace(/[-:.Z]/g, '')}-${randomBytes(3).toString('hex')}`;

/** Writes a run's events as they happen. */
export type Record = {
  readonly run: string;
  /** Where log, trace and summary lie, unless nothing is kept. */
  readonly folder: string | undefined;
  add(happening: Happening): void;
  /** Writes trace.tsv and summary.json beside the log. */
  close(): Promise<Summary>;
};

/** `heard` gets each event with its time; `lost` hears once that the record cannot be kept, which does not stop the run. */
export function record(
  run: string,
  store: string,
  heard: (event: Event) => void,
  lost: (why: string) => void,
): Record {
  const runs = folderOf(store);
  const folder = runs === undefined ? undefined : join(runs, run);
  let whole = true;
  const giveUp = (error: unknown): void => {
    if (whole) lost(`the record of this run in ${folder} is not kept: ${messageOf(error)}`);
    whole = false;
  };
  const log = folder === undefined ? undefined : eventLog(join(folder, 'events.jsonl'), giveUp);
  const sum = summary();
  return {
    run,
    folder,
    add(happening) {
      const event = { at: Date.now(), ...happening } as Event;
      sum.add(event);
      log?.write(event);
      heard(event);
    },
    async close() {
      log?.flush();
      const value = sum.value();
      if (folder === undefined || !whole) return value;
      try {
        await writeFile(join(folder, 'trace.tsv'), traceTsv(await readRun(store, run)));
        await writeFile(join(folder, 'summary.json'), `${JSON.stringify(value, null, 2)}\n`);
      } catch (error) {
        giveUp(error);
      }
      return value;
    },
  };
}

/** The runs that a store's folder holds, oldest first. */
export async function listRuns(store: string): Promise<string[]> {
  const names = await readdir(folderOf(store) ?? '').catch((): string[] => []);
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}

/** The events of a run; none of one that was killed before it wrote any. */
export async function readRun(store: string, run: string): Promise<Event[]> {
  const text = await readFile(join(folderOf(store)!, run, 'events.jsonl'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    },
  );
  return parseEvents(text);
}
