/** The record of a run in the store's folder: its event log, and the trace and summary folded from it. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { eventLog, parseEvents, type Event, type Happening } from '../core/events.ts';
import { summarize, type Summary } from '../core/summary.ts';
import { traceTsv } from '../core/trace.ts';
import { storeFolder } from './storage.ts';

const folderOf = (store: string): string => join(storeFolder(store) ?? '.servermix', 'runs');

/** Writes a run's events as they happen. */
export type Record = {
  readonly run: string;
  readonly folder: string;
  add(happening: Happening): void;
  /** Writes trace.tsv and summary.json beside the log. */
  close(): Promise<Summary>;
};

/** `heard` gets each event with its time; `lost` hears once that the record cannot be kept, which does not stop the run. */
export function record(store: string, heard: (event: Event) => void, lost: (why: string) => void): Record {
  const run = `${new Date().toISOString().replace(/[-:]|\.\d+Z/g, '')}-${randomBytes(3).toString('hex')}`;
  const folder = join(folderOf(store), run);
  let whole = true;
  const giveUp = (error: unknown): void => {
    if (whole) lost(`the record of this run in ${folder} is not kept: ${messageOf(error)}`);
    whole = false;
  };
  const log = eventLog(join(folder, 'events.jsonl'), giveUp);
  const events: Event[] = [];
  return {
    run,
    folder,
    add(happening) {
      const event = { at: Date.now(), ...happening } as Event;
      events.push(event);
      log.write(event);
      heard(event);
    },
    async close() {
      log.flush();
      const summary = summarize(events);
      try {
        await writeFile(join(folder, 'trace.tsv'), traceTsv(events));
        await writeFile(join(folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
      } catch (error) {
        giveUp(error);
      }
      return summary;
    },
  };
}

/** The runs that a store's folder holds, oldest first. */
export async function listRuns(store: string): Promise<string[]> {
  return (await readdir(folderOf(store)).catch((): string[] => [])).toSorted((a, b) => (a < b ? -1 : 1));
}

/** The events of a run. */
export async function readRun(store: string, run: string): Promise<Event[]> {
  return parseEvents(await readFile(join(folderOf(store), run, 'events.jsonl'), 'utf8'));
}
