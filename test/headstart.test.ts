/** What is copied to files ahead of the writer changes when they are written, and nothing else. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { headStart } from '../core/headstart.ts';
import type { AnyJob, Context, Key, Stored, Target } from '../core/job.ts';
import { fileOutput } from '../core/output.ts';
import type { Plan } from '../core/plan.ts';
import { joining } from '../core/run.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { random } from '../datasets/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-headstart-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { signal } = new AbortController();
const keyOf = (name: string | number): Key => `test/job@1/${String(name).padStart(4, '0')}` as Key;
const codec = {
  encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
  decode: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
};

/** Parts that tell of blobs; `null` of one ends what is known. */
type Part = readonly string[] | null;

async function prepare(parts: readonly Part[], store = memoryStore()) {
  const stored = async (text: string): Promise<Stored> => {
    const blob = { key: keyOf(`b${text.slice(0, 40)}${text.length}`), size: text.length };
    await store.put(blob.key, Buffer.from(text));
    return blob;
  };
  const told: ({ stored: Stored }[] | null)[] = [];
  for (const part of parts) {
    const blobs: { stored: Stored }[] | null = part && [];
    for (const text of part ?? []) blobs?.push({ stored: await stored(text) });
    told.push(blobs);
  }
  const job = {
    name: 'test/job',
    result: codec,
    appends: (value: (typeof told)[number]) => value ?? undefined,
  } as unknown as AnyJob;
  const tasks = new Map(parts.map((_, i) => [keyOf(i), { op: 'kernel', key: keyOf(i), params: {} }]));
  const finish = (i: number): Promise<void> => store.put(keyOf(i), codec.encode(told[i]));
  return { store, stored, finish, plan: { job, tasks } as unknown as Plan };
}

type Act = { readonly append: string } | { readonly write: string };

async function written(
  parts: readonly Part[],
  order: readonly number[],
  acts: readonly Act[],
  expected = 0,
): Promise<{ text: string; copied: number }> {
  const { store, stored, finish, plan } = await prepare(parts);
  const path = join(folder, 'out');
  const files = fileOutput(path);
  let copied = 0;
  const counting: Target = {
    async file(suffix) {
      const sink = await files.file(suffix);
      return {
        ...sink,
        write(bytes) {
          copied += bytes.length;
          return sink.write(bytes);
        },
      };
    },
  };
  const head = headStart(counting, store, signal);
  head.planned(plan);
  for (const i of order) {
    await finish(i);
    head.done(keyOf(i));
  }
  // The copying goes on beside; it is given the time here.
  for (let i = 0; i < 200 || (i < 1e5 && copied < expected); i++) await new Promise(setImmediate);
  const before = copied;
  const get: Context['get'] = ({ key }, ...range) => store.get(key, ...range);
  const sink = joining(await head.target.file(''), { get, signal });
  for (const act of acts)
    if ('append' in act) await sink.append(await stored(act.append));
    else await sink.write(Buffer.from(act.write));
  await sink.settle();
  await head.settle();
  await files.commit();
  return { text: readFileSync(path, 'utf8'), copied: before };
}

const appends = (...texts: string[]): Act[] => texts.map((append) => ({ append }));

test('the first parts are copied, in their order, and not again', async () => {
  const parts = [['aa', 'bbb'], ['cccc'], [], ['dd']];
  const all = appends('aa', 'bbb', 'cccc', 'dd');
  const check = async (order: number[], copied: number): Promise<void> =>
    expect(await written(parts, order, all, copied)).toEqual({ text: 'aabbbccccdd', copied });
  await check([0, 1, 2, 3], 11);
  await check([3, 2, 1, 0], 11);
  await check([3, 1, 2], 0);
  await check([0, 2, 3], 5);
  const told = [['aa'], null, ['dd']];
  expect(await written(told, [0, 1, 2], appends('aa', 'dd'), 2)).toEqual({ text: 'aadd', copied: 2 });
});

test('a writer that goes another way has its way', async () => {
  const parts = [['aa', 'bbb'], ['cccc']];
  const check = async (acts: Act[], text: string): Promise<void> =>
    expect(await written(parts, [0, 1], acts, 9)).toEqual({ text, copied: 9 });
  await check([], '');
  await check(appends('aa'), 'aa');
  await check(appends('bbb', 'aa'), 'bbbaa');
  await check([{ write: 'head ' }, ...appends('aa', 'bbb', 'cccc')], 'head aabbbcccc');
  await check([...appends('aa'), { write: ' - ' }, ...appends('bbb', 'cccc')], 'aa - bbbcccc');
  await check([...appends('aa', 'bbb', 'cccc'), { write: ' end' }], 'aabbbcccc end');
});

test('any parts, order and writer: the bytes are those of a writer without a head start', async () => {
  const chance = random(5, 'headstart');
  for (let round = 0; round < 60; round++) {
    const count = 1 + chance.below(6);
    const parts = Array.from({ length: count }, (_, i): Part =>
      chance.chance(0.1)
        ? null
        : Array.from({ length: chance.below(4) }, (_x, k) => `${i}.${k}.`.repeat(1 + chance.below(100_000))),
    );
    const order = parts.map((_, i) => i).sort(() => (chance.next() % 3) - 1);
    const acts = parts.flatMap((part) =>
      (part ?? ['?']).flatMap((append): Act[] =>
        chance.chance(0.1) ? [{ write: 'x' }, { append }] : [{ append }],
      ),
    );
    const { text } = await written(parts, order.slice(0, 1 + chance.below(count)), acts);
    expect(text).toBe(acts.map((act) => ('append' in act ? act.append : act.write)).join(''));
  }
});

test('what cannot be copied is left to the writer; what is not finished leaves nothing', async () => {
  const { store, finish, plan } = await prepare([['aa'], ['bb']]);
  const failing = { ...store, get: async () => Promise.reject(new Error('no')) };
  const path = join(folder, 'none');
  const files = fileOutput(path);
  const head = headStart(files, failing as typeof store, signal);
  head.planned(plan);
  await finish(0);
  head.done(keyOf(0));
  const sink = await head.target.file('');
  await sink.write(Buffer.from('mine'));
  await head.settle();
  await files.abort();
  expect(readdirSync(folder)).toEqual(['out']);
});
