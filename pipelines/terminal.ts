/** Progress on standard error: one live line on a terminal, a plain line now and then otherwise, events with --json. */
import { progress } from '../core/progress.ts';
import type { Event } from '../core/events.ts';
import { redact } from '../core/redact.ts';
import { dollarsOf } from '../infra/aws/prices.ts';
import { count, dollars, seconds } from './quantity.ts';

/** Milliseconds between updates of the live line, and between plain lines. */
const live = 100;
const plain = 5000;

export type Display = {
  /** Takes an event. */
  show(event: Event): void;
  /** Says what goes on after the tasks, on the live line. */
  phase(text: string): void;
  /** Ends the live line, so that other text can follow. */
  clear(): void;
};

/** `label` stands before each line. */
export function display(
  { json, label = '' }: { json: boolean; label?: string },
  err: NodeJS.WriteStream = process.stderr,
): Display {
  if (json)
    return { show: (event) => void err.write(`${redact(JSON.stringify(event))}\n`), phase() {}, clear() {} };
  const state = progress();
  const tty = err.isTTY;
  let last = Date.now();
  let shown = false;
  const draw = (at: number): void => {
    last = at;
    const { job, tasks, done, rate, eta, busy, bill, retries } = state.now(at);
    const parts = [
      `${label}${job}  ${count(done)}/${count(tasks)} tasks`,
      `${Math.floor((100 * done) / Math.max(1, tasks))} %`,
      `${rate.toFixed(1)}/s`,
      eta === undefined ? 'ETA -' : `ETA ${seconds(eta)}`,
      `cost so far ${busy.toFixed(1)} core-s, ${dollars(dollarsOf(bill))}`,
      ...(retries ? [`${retries} retried`] : []),
    ];
    const text = parts.join('  ');
    if (tty) err.write(`\r${text.slice(0, Math.max(20, (err.columns || 80) - 1))}\u001b[K`);
    else err.write(`${text}\n`);
    shown = true;
  };
  return {
    show(event) {
      state.add(event);
      if (event.event === 'retry' || event.event === 'note') {
        this.clear();
        const what = event.event === 'note' ? 'note' : `retrying (${event.kind})`;
        err.write(`${label}${what}: ${redact(event.message)}\n`);
      }
      if (event.event !== 'start' && event.event !== 'done') return;
      if (event.at - last >= (tty ? live : plain)) draw(event.at);
    },
    phase(text) {
      if (!tty) return;
      err.write(`\r${text}\u001b[K`);
      shown = true;
    },
    clear() {
      if (tty && shown) err.write('\r\u001b[K');
      shown = false;
    },
  };
}

/** Takes the steps of a command that runs no tasks, a line each. */
export function steps(event: string, { json }: { json: boolean }): (line: string) => void {
  return (message) =>
    void process.stderr.write(json ? `${JSON.stringify({ event, message })}\n` : `${message}\n`);
}
