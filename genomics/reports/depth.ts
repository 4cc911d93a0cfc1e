/** The depth of each position as `samtools depth -a` prints it, made in the parts: the writer only joins their texts. */
import type { Context, Output, Stored } from '../../core/job.ts';
import type { Contig } from '../coverage/contigs.ts';
import type { Contig as Named } from '../formats/bam.ts';
import type { Runs } from '../kernels/depth.ts';
import { increment, writeNumber } from '../kernels/digits.ts';
import { clipped, type Listener } from './spread.ts';
import type { Wanted } from './wanted.ts';

/** Bytes of text that a kernel holds before they go to the store, and that the writer makes at once. */
const pieceSize = 4 << 20;

/** Bases without reads of which the writer makes the rows. */
const longGap = 1 << 20;

/** Bases `[from, to)` of a contig on which no read of the part counts: they have rows if one counts in any part. */
export type Silence = { readonly contig: number; readonly from: number; readonly to: number };

export type Depth = {
  /** Rows and silences in order. */
  readonly pieces: readonly (Stored | Silence)[];
  /** Contigs that have rows. */
  readonly seen: Int32Array<ArrayBuffer>;
};

/** Bytes of a row besides the name: two numbers, two tabs, a line feed. */
const rowSize = 24;

type Text = { bytes: Uint8Array; fill: number };

/** Writes the rows of positions `[from, to)`, all of one depth, while there is room; gives the first one that is left. */
function writeRows(text: Text, prefix: Prefix, from: number, to: number, depth: number): number {
  const { bytes } = text;
  const { row } = prefix;
  let { fill } = text;
  const limit = bytes.length - prefix.length - rowSize;
  // The row at hand is kept as text, and only its position counts up.
  let end = writeNumber(row, prefix.length, from + 1);
  let size = writeTail(row, end, depth);
  let pos = from;
  while (pos < to && fill <= limit) {
    for (let i = 0; i < size; i++) bytes[fill + i] = row[i]!;
    fill += size;
    pos++;
    if (increment(row, prefix.length, end)) continue;
    end = writeNumber(row, prefix.length, pos + 1);
    size = writeTail(row, end, depth);
  }
  text.fill = fill;
  return pos;
}

function writeTail(row: Uint8Array, at: number, depth: number): number {
  row[at] = 9;
  const end = writeNumber(row, at + 1, depth);
  row[end] = 10;
  return end + 1;
}

/** A row that starts with the contig's name and a tab, `length` bytes. */
type Prefix = { readonly row: Uint8Array; readonly length: number };

function prefixOf(name: string): Prefix {
  const head = new TextEncoder().encode(`${name}\t`);
  const row = new Uint8Array(head.length + rowSize);
  row.set(head);
  return { row, length: head.length };
}

/**
 * Listens to a spread, and puts the text into the store. Of what is wanted all positions have rows (`samtools depth -aa`); without it those of contigs with reads.
 */
export function createDepth(
  context: Pick<Context, 'put'>,
  wanted: Wanted | undefined,
): Listener & { build(): Promise<Depth> } {
  const pieces: Promise<Stored | Silence>[] = [];
  const seen: number[] = [];
  const text: Text = { bytes: new Uint8Array(0), fill: 0 };
  let contig: Contig = { id: -1, name: '', length: 0 };
  let prefix = prefixOf('');
  let [from, to] = [0, 0];
  // What lies behind the contig's end, where the last read says how many rows there are.
  let overhang: { start: number; end: number; depth: number }[] = [];

  const flush = async (): Promise<void> => {
    if (text.fill === 0) return;
    const waiting = context.put(text.bytes.subarray(0, text.fill));
    pieces.push(waiting);
    // The bytes may have moved away.
    text.bytes = new Uint8Array(0);
    text.fill = 0;
    await waiting;
  };
  const add = (start: number, end: number, depth: number): Promise<void> | undefined => {
    let wait: Promise<void> | undefined;
    for (let pos = start; pos < end;) {
      if (text.bytes.length === 0) text.bytes = new Uint8Array(pieceSize + 2 * (prefix.length + rowSize));
      pos = writeRows(text, prefix, pos, end, depth);
      if (pos < end) wait = flush();
    }
    return wait;
  };
  const listener: Listener = {
    begin(next, start, end) {
      contig = next;
      [from, to] = [start, end];
      prefix = prefixOf(next.name);
      overhang = [];
    },
    runs({ at, depth, count, end }: Runs) {
      let wait: Promise<void> | undefined;
      for (let i = 0; i < count; i++) {
        const start = at[i]!;
        const stop = i + 1 < count ? at[i + 1]! : end;
        const inside = Math.min(stop, contig.length);
        if (depth[i] === 0 && inside - start > longGap) {
          // Rows by the hundred million are made as they are written.
          wait = flush();
          pieces.push(Promise.resolve({ contig: contig.id, from: start, to: inside }));
        } else if (start < inside) wait = add(start, inside, depth[i]!) ?? wait;
        if (stop > contig.length)
          overhang.push({ start: Math.max(start, contig.length), end: stop, depth: depth[i]! });
      }
      return wait;
    },
    end(stop) {
      if (stop < 0) {
        // A whole contig has no other part in which a read might count.
        if (from === 0 && to === contig.length) return undefined;
        const wait = flush();
        pieces.push(Promise.resolve({ contig: contig.id, from, to }));
        return wait;
      }
      seen.push(contig.id);
      let wait: Promise<void> | undefined;
      for (const run of overhang) wait = add(run.start, Math.min(run.end, stop), run.depth) ?? wait;
      return wait;
    },
  };
  /** Rows of wanted positions, which no read of the part lies on. */
  const silent = (): Promise<void> | undefined => {
    const stretches = wanted!.regionsOf(contig.id).within(from, to);
    if (stretches.length === 0) return undefined;
    seen.push(contig.id);
    const wait = flush();
    for (const [start, end] of stretches)
      pieces.push(Promise.resolve({ contig: contig.id, from: start, to: end }));
    return wait;
  };
  const restricted: Listener | undefined = wanted && {
    ...listener,
    runs: (runs) => {
      let wait: void | Promise<void> = undefined;
      for (const [start, end] of wanted
        .regionsOf(contig.id)
        .within(runs.at[0]!, Math.min(runs.end, contig.length)))
        wait = listener.runs(clipped(runs, start, end)) ?? wait;
      return wait;
    },
    end: (stop) => (stop < 0 ? silent() : listener.end!(stop)),
  };
  return {
    ...(restricted ?? listener),
    async build() {
      await flush();
      return { pieces: await Promise.all(pieces), seen: Int32Array.from(seen) };
    },
  };
}

export const joinDepth = (all: readonly Depth[]): Depth => ({
  pieces: all.flatMap(({ pieces }) => pieces),
  seen: Int32Array.from(new Set(all.flatMap(({ seen }) => [...seen]))),
});

export async function writeDepth(depth: Depth, contigs: readonly Named[], output: Output): Promise<void> {
  const sink = await output.file('.depth');
  const seen = new Set(depth.seen);
  for (const piece of depth.pieces) {
    if ('key' in piece) {
      await sink.append(piece);
      continue;
    }
    if (!seen.has(piece.contig)) continue;
    const prefix = prefixOf(contigs[piece.contig]!.name);
    for (let pos = piece.from; pos < piece.to;) {
      const zeros: Text = { bytes: new Uint8Array(pieceSize), fill: 0 };
      pos = writeRows(zeros, prefix, pos, piece.to, 0);
      await sink.write(zeros.bytes.subarray(0, zeros.fill));
    }
  }
}
