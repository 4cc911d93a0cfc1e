/** Whether the tests on real servers run here, and how long. */
import { cephMissing } from './ceph.ts';
import { ensureRic } from './ric.ts';

export type Cloud = {
  /** `npm run test:cloud`: all of it; otherwise a short form. */
  readonly long: boolean;
  /** The folder of AWS's runtime interface client, for `startLambda`. */
  readonly ricFolder: string;
};

/** One line for each thing that is not installed. */
export function missing(): string[] {
  const ric = ensureRic();
  return [cephMissing(), typeof ric === 'string' ? undefined : ric.missing].filter(
    (line) => line !== undefined,
  );
}

/**
 * What the tests on real servers go by; undefined where something is not installed, and then a line says so. Such tests
 * start their servers themselves, before all, and stop them after.
 */
export function cloud(): Cloud | undefined {
  const lines = missing();
  for (const line of lines) console.warn(`skipped: ${line}`);
  const ricFolder = ensureRic();
  if (lines.length > 0 || typeof ricFolder !== 'string') return undefined;
  return { long: process.env['SERVERMIX_CLOUD'] === 'long', ricFolder };
}
