/** How far a run is, folded event by event. */
import { addBills, noBill } from './bill.ts';
import type { Event } from './events.ts';
import type { Bill } from './job.ts';

export type Progress = {
  /** Tasks of the stage that runs: planned, done (cached ones among them), in flight. */
  readonly job: string;
  readonly tasks: number;
  readonly done: number;
  readonly running: number;
  readonly retries: number;
  /** Seconds since the run began. */
  readonly elapsed: number;
  /** Tasks a second, over what this run did itself. */
  readonly rate: number;
  /** Seconds to go in this stage at that rate; undefined before the first task is done. */
  readonly eta?: number;
  /** Seconds of work so far, summed over workers. */
  readonly busy: number;
  /** What is paid for so far. */
  readonly bill: Bill;
};

/** A fold: `add` an event, `now(at)` gives the state at a time in milliseconds since 1970. */
export function progress(): { add(event: Event): void; now(at: number): Progress } {
  let [began, planned] = [0, 0];
  let job = '';
  let [tasks, cached, ran, retries, busy] = [0, 0, 0, 0, 0];
  let running = new Set<string>();
  let bill = noBill;
  return {
    add(e) {
      began ||= e.at;
      if (e.event === 'plan') {
        ({ job, tasks, cached } = e);
        [ran, planned, running] = [0, e.at, new Set()];
      } else if (e.event === 'start') running.add(e.key);
      else if (e.event === 'done') {
        ran++;
        busy += e.usage.busy / 1000;
        if (e.usage.bill) bill = addBills(bill, e.usage.bill);
        running.delete(e.key);
      } else if (e.event === 'retry') {
        retries++;
        if (e.bill) bill = addBills(bill, e.bill);
        running.delete(e.key);
      }
    },
    now(at) {
      const rate = ran / Math.max(0.001, (at - planned) / 1000);
      const done = cached + ran;
      return {
        job,
        tasks,
        done,
        running: running.size,
        retries,
        elapsed: began ? (at - began) / 1000 : 0,
        rate,
        ...(ran > 0 ? { eta: (tasks - done) / rate } : {}),
        busy,
        bill,
      };
    },
  };
}
