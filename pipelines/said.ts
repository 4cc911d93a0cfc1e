/** What is said of a run that is done. */
import type { Bill } from '../core/job.ts';
import type { Summary } from '../core/summary.ts';
import { dollarsOf, prices } from '../infra/aws/prices.ts';
import { bytes, count, dollars, seconds } from './quantity.ts';

/** What a run cost, and what for. */
function paid(bill: Bill | undefined): string {
  if (!bill) return '$0';
  const { invocations, gbSeconds, gets, puts } = bill;
  const calls = invocations ? `${count(invocations)} calls, ${gbSeconds.toFixed(1)} GB-s, ` : '';
  return `${dollars(dollarsOf(bill))} (${calls}${count(gets)} GET, ${count(puts)} PUT)`;
}

/** What was done, in two lines. */
export function describeSummary(s: Summary, folder: string | undefined): string {
  const retries = Object.values(s.retries).reduce((a, b) => a + b, 0);
  const records =
    s.records === undefined
      ? ''
      : `: ${count(s.records)}${s.promised === undefined ? '' : ` of ${count(s.promised)}`} ${s.counts}`;
  const tasks = [
    `${count(s.ran)} task${s.ran === 1 ? '' : 's'} run`,
    ...(s.cached ? [`${count(s.cached)} were done before`] : []),
    ...(retries ? [`${count(retries)} retried`] : []),
  ].join(', ');
  const cost = `${s.busy.toFixed(1)} core-s, ${paid(s.bill)}, ${bytes(s.bytes)} read, peak ${bytes(s.rss)} of memory`;
  const files = s.files.map(({ path }) => path).join(' ');
  const kept = folder === undefined ? '' : `trace in ${folder}`;
  const wrote = files && `wrote ${files}`;
  const expected =
    s.estimate && s.cached === 0
      ? `\nexpected ${seconds(s.estimate.seconds)} and ${paid(s.estimate.bill)} at prices of ${prices.region}, ${prices.date}`
      : '';
  const last = [wrote, kept].filter(Boolean).join('; ');
  return `done in ${seconds(s.wall)}${records}; ${tasks}; ${cost}${expected}${last && `\n${last}`}`;
}
