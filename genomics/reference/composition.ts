/** What windows of a sequence are made of, as rows of text. */
import { fixed } from '../formats/decimal.ts';
import { masked } from '../kernels/classes.ts';

export const windowsHeader = '#contig\tstart\tend\ta\tc\tg\tt\tn\tother\tmasked\tgc\n';

/** Half-open windows on a grid from base 0 on; those that begin in a part are its own. */
export type Windows = {
  /** Bases `[from, from + count)` of the sequence, in order. */
  add(classes: Uint8Array, at: number, from: number, count: number): void;
};

/** `emit` takes the row of each window of `[from, to)` once it has all of its bases. */
export function createWindows(
  name: string,
  length: number,
  size: number,
  emit: (row: string) => void,
): Windows {
  const counts = new Uint32Array(32);
  const both = (set: number): number => counts[set]! + counts[set | masked]!;
  const end = (start: number, stop: number): void => {
    const [a, c, g, t, n] = [both(1), both(2), both(4), both(8), both(15)];
    let small = 0;
    for (let set = masked; set < 32; set++) small += counts[set]!;
    const known = a + c + g + t;
    const gc = known === 0 ? 'nan' : fixed((g + c) / known, 6);
    const other = stop - start - known - n;
    emit(`${name}\t${start}\t${stop}\t${a}\t${c}\t${g}\t${t}\t${n}\t${other}\t${small}\t${gc}\n`);
    counts.fill(0);
  };
  return {
    add(classes, at, from, count) {
      for (let pos = from, stop = from; stop < from + count; pos = stop) {
        const border = Math.min((Math.floor(pos / size) + 1) * size, length);
        stop = Math.min(border, from + count);
        for (let i = at + pos - from; i < at + stop - from; i++) counts[classes[i]!]!++;
        if (stop === border) end(Math.floor(pos / size) * size, border);
      }
    },
  };
}
