/** Put-if-absent on servers without If-None-Match: writers of one object take turns. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Persisting } from './faults.ts';
import { isThere, listPages, type Place, removeObject, writeObject } from './object.ts';

export type Turns = Persisting & {
  /** Milliseconds between looks at the queue, 50 unless given; and after which a mark that stays is a dead writer's, 30,000. */
  readonly poll?: number;
  readonly lease?: number;
};

const one = new Uint8Array([1]);

/**
 * Lamport's bakery (A New Solution of Dijkstra's Concurrent Programming Problem, 1974) with small objects as its registers, which needs no more than
 * reads after writes and listings that hold what was there before they began: a writer says that it chooses, takes the number after the highest, and writes
 * when nobody chooses and nobody before it is left; whoever finds the object there leaves it. A mark that a waiting writer has seen for `lease` is a dead one's, and passed over.
 * @throws as `ask`
 */
export async function putInTurn(
  at: Place,
  bytes: Uint8Array,
  { poll = 50, lease = 30_000, ...how }: Turns = {},
): Promise<void> {
  if (await isThere(at, how)) return;
  const { Bucket } = at;
  const [choosers, numbers] = [`${at.Key}.turn/choosing/`, `${at.Key}.turn/number/`];
  const me = crypto.randomUUID();
  const mark = (Key: string): Promise<void> => writeObject({ Bucket, Key }, one, how);
  const marks = async (Prefix: string): Promise<string[]> => {
    const out: string[] = [];
    for await (const { keys } of listPages({ Bucket, Prefix }, {}, how)) out.push(...keys);
    return out.filter((name) => !name.endsWith(me));
  };
  const choosing = choosers + me;
  let mine: string | undefined;
  try {
    await mark(choosing);
    const highest = (await marks(numbers)).reduce(
      (most, name) => Math.max(most, Number(name.slice(numbers.length, numbers.length + 10)) || 0),
      0,
    );
    mine = `${numbers}${String(highest + 1).padStart(10, '0')}-${me}`;
    await mark(mine);
    await removeObject({ Bucket, Key: choosing });
    const seen = new Map<string, number>();
    for (;;) {
      if (await isThere(at, how)) return;
      // In this order: who is no chooser any more has its number by now, and who is none yet will take one after mine.
      const others = [...(await marks(choosers)), ...(await marks(numbers))];
      const now = performance.now();
      const before = others.filter((name) => {
        seen.set(name, seen.get(name) ?? now);
        return (name.startsWith(choosers) || name < mine!) && now - seen.get(name)! < lease;
      });
      if (before.length === 0) break;
      await sleep(poll, undefined, how.signal ? { signal: how.signal } : {});
    }
    if (!(await isThere(at, how))) await writeObject(at, bytes, how);
  } finally {
    await removeObject({ Bucket, Key: choosing });
    if (mine !== undefined) await removeObject({ Bucket, Key: mine });
  }
}
