/** Prints samples of a line one behind the other, by steps that the kernel of variants follows. */
import type { TextBuffer } from '../formats/textbuffer.ts';
import { globalOf, type VcfTable } from './vcftable.ts';

/** Bytes as they are; the field of that number; or what each sample has of its own. */
export type Step =
  | { readonly bytes: Uint8Array }
  | { readonly field: number }
  | { readonly texts: readonly Uint8Array[] };

/**
 * Prints the samples at hand that `mask` has, all unless told; `tableOf`: where the kernel has the bounds of a field, 0 where a point stands for it. What no
 * room is enough for is left to `one`.
 */
export type SamplePrinter = (
  mask: Uint8Array | undefined,
  tableOf: (field: number) => number,
  out: TextBuffer,
  one: (sample: number) => void,
) => void;

/** Bytes that are printed at once. */
const room = 1 << 18;

/** `order`: numbers of the samples, of `samples` in all, as they are printed. */
export function createSamplePrinter(
  table: VcfTable,
  steps: readonly Step[],
  order: readonly number[],
  samples: number,
): SamplePrinter {
  const { exports } = table;
  const { memory } = exports;
  const words = (values: readonly number[]): number => {
    const at = table.reserve(4 * values.length);
    new Uint32Array(memory.buffer, at, values.length).set(values);
    return at;
  };
  const placed = (bytes: Uint8Array): readonly [at: number, length: number] => {
    const at = table.reserve(bytes.length + 16);
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
    return [at, bytes.length];
  };
  const textsOf = (texts: readonly Uint8Array[]): number => {
    const [at] = placed(Buffer.concat(texts));
    let end = at;
    return words(texts.flatMap(({ length }) => [(end += length) - length, length]));
  };
  const stepsAt = words(
    steps.flatMap((step) =>
      'bytes' in step
        ? [0, ...placed(step.bytes)]
        : 'field' in step
          ? [1, 0, 0]
          : [2, textsOf(step.texts), 0],
    ),
  );
  const orderAt = words(order);
  const maskAt = table.reserve(samples);
  const outAt = table.reserve(room);
  return (mask, tableOf, out, one) => {
    const program = new Uint32Array(memory.buffer, stepsAt, 3 * steps.length);
    for (const [i, step] of steps.entries()) if ('field' in step) program[3 * i + 1] = tableOf(step.field);
    const bytes = new Uint8Array(memory.buffer);
    if (mask) bytes.set(mask, maskAt);
    for (let next = 0; next < order.length;) {
      const stop = exports.print(
        stepsAt,
        steps.length,
        orderAt,
        next,
        order.length,
        mask ? maskAt : 0,
        table.text(),
        outAt,
        outAt + room,
      );
      const end = globalOf(exports.printed);
      out.copy(bytes, outAt, end);
      next = stop;
      if (end === outAt && next < order.length) one(order[next++]!);
    }
  };
}
