/** What a run did, folded from its events. */
import type { Failure } from './errors.ts';
import { addBills, noBill } from './bill.ts';
import type { Event } from './events.ts';
import type { Bill } from './job.ts';

export type Summary = {
  readonly run: string;
  readonly status: 'running' | 'done' | 'failed' | 'interrupted';
  readonly job: string;
  readonly backend: string;
  readonly workers: number;
  /** Tasks planned, found finished, and finished in this run. */
  readonly tasks: number;
  readonly cached: number;
  readonly ran: number;
  readonly retries: { readonly [kind in Failure]?: number };
  readonly copies: number;
  /** Records counted in the first stage's result, what they are, and how many its inputs promised. */
  readonly records?: number;
  readonly counts?: string;
  readonly promised?: number;
  /** Seconds from first to last event, and seconds of work summed over workers. */
  readonly wall: number;
  readonly busy: number;
  readonly bytes: number;
  readonly reads: number;
  /** Largest resident size seen, bytes. */
  readonly rss: number;
  /** All that is paid for, failed attempts and the driver's own requests among it; absent where nothing is. */
  readonly bill?: Bill;
  /** What was expected of all stages together. */
  readonly estimate?: { readonly seconds: number; readonly bill: Bill };
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
};

/** A fold: `add` the events of a run one by one, `value` sums them up. */
export function summary(): { add(event: Event): void; value(): Summary } {
  const s = {
    run: '',
    status: 'running' as Summary['status'],
    job: '',
    backend: '',
    workers: 0,
    tasks: 0,
    cached: 0,
    ran: 0,
    retries: {} as { [kind in Failure]?: number },
    copies: 0,
    busy: 0,
    bytes: 0,
    reads: 0,
    rss: 0,
    files: [] as { path: string; bytes: number }[],
  };
  let bill: Bill | undefined;
  let expected: Summary['estimate'];
  const pay = (more: Bill | undefined): void => {
    if (more) bill = addBills(bill ?? noBill, more);
  };
  let counted: Pick<Summary, 'records' | 'counts' | 'promised'> | undefined;
  let [first, last] = [0, 0];
  const add = (e: Event): void => {
    first ||= e.at;
    last = e.at;
    switch (e.event) {
      case 'run':
        ({ run: s.run, job: s.job, backend: s.backend, workers: s.workers } = e);
        break;
      case 'plan':
        s.tasks += e.tasks;
        s.cached += e.cached;
        break;
      case 'start':
        if (e.copy) s.copies++;
        break;
      case 'done':
        s.ran++;
        s.busy += e.usage.busy / 1000;
        s.bytes += e.usage.bytes;
        s.reads += e.usage.reads;
        s.rss = Math.max(s.rss, e.usage.rss);
        pay(e.usage.bill);
        break;
      case 'retry':
        s.retries[e.kind] = (s.retries[e.kind] ?? 0) + 1;
        pay(e.bill);
        break;
      case 'failed':
      case 'bill':
        pay(e.bill);
        break;
      case 'estimate':
        expected = {
          seconds: (expected?.seconds ?? 0) + (e.seconds ?? 0),
          bill: addBills(expected?.bill ?? noBill, e.bill),
        };
        break;
      case 'note':
        break;
      case 'result':
        counted ??= {
          records: e.records,
          counts: e.counts,
          ...(e.promised === undefined ? {} : { promised: e.promised }),
        };
        break;
      case 'wrote':
        s.files.push({ path: e.path, bytes: e.bytes });
        break;
      case 'end':
        s.status = e.status;
        s.rss = Math.max(s.rss, e.rss);
        break;
    }
  };
  return {
    add,
    value: () => ({
      ...s,
      ...counted,
      ...(bill ? { bill } : {}),
      ...(expected ? { estimate: expected } : {}),
      wall: (last - first) / 1000,
    }),
  };
}
