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

/** Concurrency of a backend that says slow down: halved when throttled, one more after each round of successes (AIMD). */
export function aimd(most: number): { readonly limit: number; throttled(): void; succeeded(): void } {
  let limit = most;
  return {
    get limit() {
      return Math.max(1, Math.floor(limit));
    },
    throttled() {
      limit = Math.max(1, limit / 2);
    },
    succeeded() {
      limit = Math.min(most, limit + 1 / limit);
    },
  };
}
