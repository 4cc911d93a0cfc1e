/** Sums of what is paid for. */
import type { Bill } from './job.ts';

export const noBill: Bill = { invocations: 0, gbSeconds: 0, gets: 0, puts: 0 };

export const addBills = (a: Bill, b: Bill): Bill => ({
  invocations: a.invocations + b.invocations,
  gbSeconds: a.gbSeconds + b.gbSeconds,
  gets: a.gets + b.gets,
  puts: a.puts + b.puts,
});
