/** Ctrl-C and its kin: the first one stops the run in order, a second one at once. */

/** Why a run was stopped from outside. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super('stopped; what is finished is kept: give the same command again to go on from there');
    this.exitCode = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal];
  }
}

/** A signal that aborts with `Interrupted`; `release` gives the keys back to the system. */
export function interrupts(): { readonly signal: AbortSignal; release(): void } {
  const stop = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const heard = (name: NodeJS.Signals): void => {
    const error = new Interrupted(name as (typeof signals)[number]);
    if (stop.signal.aborted) process.exit(error.exitCode);
    stop.abort(error);
  };
  for (const name of signals) process.on(name, heard);
  return {
    signal: stop.signal,
    release() {
      for (const name of signals) process.off(name, heard);
    },
  };
}
