/** Reads single lines of what parts left in the store, most of them in order. */
import type { Context, Stored } from '../../core/job.ts';
import { blockLimit, inflateBlock } from './block.ts';
import { blockSize } from './bgzip.ts';
import { beginsBlock, type VcfLines } from './vcflines.ts';

/** The first line of each text, and behind them how many there are. Of each line its text, how many bytes of that are before it, and of one that begins a block how many blocks. */
export type LinePlaces = {
  readonly firstLine: Int32Array;
  readonly textOf: Int32Array;
  readonly start: Float64Array;
  readonly block: Int32Array;
};

export function placesOfLines({ texts, from, to, size }: VcfLines): LinePlaces {
  const [firstLine, textOf] = [new Int32Array(texts.length + 1), new Int32Array(size.length)];
  const [start, block] = [new Float64Array(size.length), new Int32Array(size.length)];
  let line = 0;
  for (const [text, { lines, head }] of texts.entries()) {
    firstLine[text] = line;
    let [at, fill, blocks] = [0, 0, 0];
    for (const end = line + lines; line < end; line++) {
      textOf[line] = text;
      start[line] = at;
      at += size[line]!;
      if (at <= head) continue;
      if (fill > 0 && beginsBlock(from[line]!, to[line]!, size[line]!)) [fill, blocks] = [0, blocks + 1];
      block[line] = blocks;
      fill += size[line]!;
      blocks += Math.floor(fill / blockSize);
      fill %= blockSize;
    }
  }
  firstLine[texts.length] = line;
  return { firstLine, textOf, start, block };
}

/** The pieces of a text, each read when it is needed first. */
type Held = { ends?: Promise<Uint8Array>; middle?: Promise<Uint8Array> };

export type LineReader = {
  /** The bytes of a line. */
  line(line: number): Promise<Uint8Array>;
  /** What is behind the blocks of a text. */
  tail(text: number): Promise<Uint8Array>;
};

/** Texts that are held at once, and those that are asked for ahead of their turn. */
const [atOnce, ahead] = [24, 16];

export function createLineReader(
  lines: VcfLines,
  { firstLine, textOf, start }: LinePlaces,
  context: Pick<Context, 'get'>,
): LineReader {
  const { texts, size } = lines;
  const held = new Map<number, Held>();
  const get = async (stored: Stored | null): Promise<Uint8Array> =>
    stored ? context.get(stored) : new Uint8Array(0);
  const hold = (text: number): Held => {
    let found = held.get(text);
    if (!found) {
      held.set(text, (found = {}));
      // Who goes on through the texts lets go of the first ones.
      if (held.size > atOnce) held.delete(held.keys().next().value!);
    }
    return found;
  };
  const endsOf = (text: number): Promise<Uint8Array> => {
    for (let next = text; next < Math.min(texts.length, text + ahead); next++) {
      const one = hold(next);
      if (one.ends) continue;
      one.ends = get(texts[next]!.ends);
      one.ends.catch(() => {});
    }
    return hold(text).ends!;
  };
  const middleOf = (text: number): Promise<Uint8Array> => (hold(text).middle ??= inflated(text));
  const inflated = async (text: number): Promise<Uint8Array> => {
    const { blocks, deflated } = texts[text]!;
    const bytes = await get(blocks);
    const out = new Uint8Array(deflated.length * blockSize + blockLimit + 1);
    let [at, fill] = [0, 0];
    for (const length of deflated) {
      fill += inflateBlock(bytes.subarray(at, at + length), out, fill, blocks!.key, at);
      at += length;
    }
    return out.subarray(0, fill);
  };
  return {
    async line(line) {
      const text = textOf[line]!;
      const { head } = texts[text]!;
      const [from, to] = [start[line]!, start[line]! + size[line]!];
      const ends = await endsOf(text);
      if (to <= head) return ends.subarray(from, to);
      const last = firstLine[text + 1]! - 1;
      const length = start[last]! + size[last]! - ends.length;
      const behind = head + length;
      if (from >= behind) return ends.subarray(from - length, to - length);
      const middle = (await middleOf(text)).subarray(from - head, to - head);
      return to <= behind ? middle : Buffer.concat([middle, ends.subarray(head, to - length)]);
    },
    async tail(text) {
      return (await endsOf(text)).subarray(texts[text]!.head);
    },
  };
}
