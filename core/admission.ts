/** Admission by planned memory: a task starts only when its share is free. */
import { BadUsage } from './errors.ts';

export type Admission = {
  /** Resolves when `bytes` are free and takes them; first come, first served. Give back exactly as many. */
  acquire(bytes: number): Promise<void>;
  release(bytes: number): void;
};

export function admission(limit: number): Admission {
  let used = 0;
  const waiting: { bytes: number; go: () => void }[] = [];
  return {
    async acquire(bytes) {
      if (waiting.length === 0 && used + bytes <= limit) {
        used += bytes;
        return;
      }
      await new Promise<void>((go) => waiting.push({ bytes, go }));
    },
    release(bytes) {
      used -= bytes;
      while (waiting.length > 0 && used + waiting[0]!.bytes <= limit) {
        const next = waiting.shift()!;
        used += next.bytes;
        next.go();
      }
    },
  };
}

/**
 * Refuses a plan of which some task can never be admitted.
 * @throws BadUsage naming the need, the limit and what to change
 */
export function checkFits(need: number, limit: number, job: string): void {
  if (need <= limit) return;
  const mib = (n: number): string => `${Math.ceil(n / 2 ** 20)} MiB`;
  throw new BadUsage(
    `${job}: a part needs ${mib(need)} of memory, ${mib(limit)} are allowed; make parts smaller with --split or raise --memory`,
  );
}
