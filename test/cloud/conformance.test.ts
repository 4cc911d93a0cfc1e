/** The conformance suite on functions: Lambda calls that are waited for, that are not, and that carry several tasks; S3 and Lambda behind proxies that break them. */
import { afterAll, beforeAll, describe } from 'vitest';
import { conformance, type Fault, type Stand, type Traits } from '../conformance.ts';
import { type Asked, type Fault as Break, randomly } from './fault.ts';
import { cloud } from './site.ts';
import { type Stage, startStage } from './stage.ts';

const site = cloud();

/** What the calls meet on their way, and how often. */
const breaks: { readonly [F in Fault]?: readonly [rate: number, faults: readonly Break[]] } = {
  drop: [0.1, [{ kind: 'lose' }]],
  duplicate: [0.2, [{ kind: 'duplicate' }]],
  delay: [0.5, [{ kind: 'slow', delay: 20 }, { kind: 'slow', delay: 60 }]], // prettier-ignore
  throttle: [0.2, [{ kind: 'status', status: 429 }]],
  random: [0.1, [{ kind: 'status', status: 503 }]],
};
/** What requests to S3 meet, the driver's and the functions'. */
const storageBreaks: typeof breaks = {
  delay: [0.2, [{ kind: 'slow', delay: 20 }]],
  random: [0.1, [{ kind: 'status', status: 503 }, { kind: 'reset' }, { kind: 'lose' }]], // prettier-ignore
};
const never = (): undefined => undefined;

describe.skipIf(!site)('functions', () => {
  const environments = 4;
  let stage: Stage;
  let made = 0;
  beforeAll(
    async () =>
      void (stage = await startStage({ ricFolder: site!.ricFolder, environments: 2 * environments })),
  );
  afterAll(() => stage?.stop());

  const stand =
    (mode: { readonly late: boolean; readonly pack?: number }) =>
    async (fault: Fault): Promise<Stand> => {
      const { calls, storage } = stage;
      const { backend, store } = stage.backend({ ...mode, run: `${made++}-${fault}`, calls: environments });
      const choose = (from: typeof breaks) => {
        const [rate, faults] = from[fault] ?? [0, []];
        if (rate === 0) return never;
        const chance = randomly(made, rate, faults);
        let asked = 0;
        // One at least, however few the calls.
        return (one: Asked) => (asked++ === 4 ? faults[0] : chance(one));
      };
      calls.clear();
      calls.fault = choose(breaks);
      storage.fault = choose(storageBreaks);
      return {
        backend,
        store,
        met: () => calls.log.filter(({ fault: met }) => met !== undefined).length,
        settled: () => stage.service.settled(),
        async close() {
          await backend.close();
          calls.fault = storage.fault = never;
        },
      };
    };

  // SIGKILL looks to the caller as the end for want of memory does.
  const told: Traits = { ends: { kill: ['oom'], oom: ['oom'], timeout: ['timeout'] }, again: 'once' };
  // Nobody tells the driver, until it asks by a call that it waits for.
  const untold: Traits = {
    ends: { kill: ['timeout'], oom: ['timeout', 'oom'], timeout: ['timeout'] },
    limits: { kill: 7500, oom: 7500, timeout: 7500 },
    again: 'once',
  };
  const short: readonly Fault[] = ['drop', 'random', 'kill', 'oom', 'timeout', 'tail'];
  conformance('lambda', stand({ late: false }), { ...told, ...(site?.long ? {} : { only: short }) });
  if (!site?.long) return;
  conformance('lambda late', stand({ late: true }), untold);
  conformance('lambda packed', stand({ late: false, pack: 4 }), { ...told, pack: 4 });
});
