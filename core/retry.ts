/** When a failed task is worth another attempt, and after how long. */
import type { Failure } from './errors.ts';

/** Attempts after the first that each kind of failure may cost one task; each kind has its own account. */
export type Budgets = Readonly<Record<Failure, number>>;

export const defaultBudgets: Budgets = {
  oom: 2,
  timeout: 2,
  lost: 6,
  throttled: 20,
  user: 0,
  'bad-input': 0,
};

/** Milliseconds. Throttling waits for the far side to recover; the rest only steps out of lockstep with its neighbours. */
const bases: Readonly<Record<Failure, number>> = {
  oom: 5,
  timeout: 5,
  lost: 5,
  throttled: 100,
  user: 0,
  'bad-input': 0,
};
const longest = 20_000;

/**
 * Milliseconds to wait before attempt `failures + 1` of its kind (full jitter: uniform in [0, base * 2^(failures-1)], at
 * most 20 s), or undefined when the budget is used up.
 */
export function backoff(
  kind: Failure,
  failures: number,
  budgets: Budgets,
  random: () => number,
): number | undefined {
  if (failures > budgets[kind]) return undefined;
  return random() * Math.min(longest, bases[kind] * 2 ** (failures - 1));
}

/** Share of refusals among the last answers from which on a backend counts as full, and how fast that share follows them. */
const [full, memory] = [0.2, 1 / 32];
/** By how much a success lets a backend grow again that was full. */
const growth = 0.05;

/**
 * How much of a backend may be used that says slow down. Refusals now and then cost only their own tasks a wait; when more than a fifth of the last
 * answers are refusals, what runs is all that it takes, and from there on 20 successes make room for one more. (Halving at
 * each refusal, as TCP does, leaves 4 of 1,000 in flight where a tenth is refused at random.)
 */
export function capacity(): {
  readonly limit: number;
  /** `running`: tasks in flight beside the one refused. */
  throttled(running: number): void;
  succeeded(most: number): void;
} {
  let limit = Infinity;
  let refusals = 0;
  return {
    get limit() {
      return Math.max(1, Math.floor(limit));
    },
    throttled(running) {
      refusals += memory * (1 - refusals);
      // The first word of a small backend counts as well.
      if (refusals > full || running < 1 / memory) limit = Math.max(1, Math.min(limit, running));
    },
    succeeded(most) {
      refusals -= memory * refusals;
      if (limit < most) limit += Math.max(growth, 1 / limit);
      else limit = Infinity;
    },
  };
}
