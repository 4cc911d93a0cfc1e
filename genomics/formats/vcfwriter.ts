/** Lines of VCF that parts leave in the store, joined, and written as one bgzipped file with its index. */
import type { Context, Output, Stored } from '../../core/job.ts';
import { vcfLayout } from '../index/preset.ts';
import type { Contig } from './bam.ts';
import { createIndex } from './binning.ts';
import { bgzip } from './bgzip.ts';

/** The longest contig whose positions TBI reaches. */
const reach = 2 ** 29;

export type VcfLines = {
  readonly texts: readonly Stored[];
  /** By line: contig, `[from, to)` on it, bytes. */
  readonly contig: Int32Array<ArrayBuffer>;
  readonly from: Int32Array<ArrayBuffer>;
  readonly to: Int32Array<ArrayBuffer>;
  readonly size: Int32Array<ArrayBuffer>;
};

/** Collects lines; `store` leaves their text in the store. */
export type LineCollector = {
  /** `line` has its line feed; as text no letters beyond latin1. Bytes are copied. */
  add(contig: number, from: number, to: number, line: string | Uint8Array): void;
  store(context: Pick<Context, 'put'>): Promise<VcfLines>;
};

export function collectLines(): LineCollector {
  const lines: Uint8Array[] = [];
  const columns: readonly number[][] = [[], [], [], []];
  return {
    add(contig, from, to, line) {
      lines.push(typeof line === 'string' ? Buffer.from(line, 'latin1') : line.slice());
      [contig, from, to, line.length].forEach((value, k) => columns[k]!.push(value));
    },
    async store(context) {
      const text = Buffer.concat(lines);
      const [contig, from, to, size] = columns.map((values) => Int32Array.from(values));
      return {
        texts: text.length > 0 ? [await context.put(text)] : [],
        contig: contig!,
        from: from!,
        to: to!,
        size: size!,
      };
    },
  };
}

export function joinLines(all: readonly VcfLines[]): VcfLines {
  const column = (key: 'contig' | 'from' | 'to' | 'size'): Int32Array<ArrayBuffer> => {
    const out = new Int32Array(all.reduce((sum, one) => sum + one[key].length, 0));
    let at = 0;
    for (const one of all) {
      out.set(one[key], at);
      at += one[key].length;
    }
    return out;
  };
  return {
    texts: all.flatMap(({ texts }) => texts),
    contig: column('contig'),
    from: column('from'),
    to: column('to'),
    size: column('size'),
  };
}

export type Arrangement = {
  /** Neighbours may have changed places, and are put in order, those of one place as they came. */
  readonly isMoved?: boolean;
  /** What becomes of several lines of one place, without their line feeds. */
  readonly join?: ((lines: readonly string[]) => readonly string[]) | undefined;
};

/**
 * Writes `header` and lines to the file of that suffix, and its index beside it: TBI, or CSI where a contig is longer than that reaches; none for lines in no
 * order.
 */
export async function writeLines(
  lines: VcfLines,
  output: Output,
  suffix: string,
  header: string,
  contigs: readonly Contig[],
  context: Pick<Context, 'get'>,
  { isMoved = false, join }: Arrangement = {},
): Promise<void> {
  const { contig, from } = lines;
  const out = bgzip(await output.file(suffix), 6);
  await out.write(Buffer.from(header));
  const longest = contigs.reduce((most, { length }) => Math.max(most, length), 0);
  let depth = 5;
  while (2 ** (14 + 3 * depth) < longest) depth++;
  const index = createIndex({ minShift: 14, depth });
  const isOrdered = contig.every((_, i) => i === 0 || compare(lines, i - 1, i) <= 0);
  const order =
    isOrdered || !isMoved ? undefined : contig.map((_, i) => i).sort((a, b) => compare(lines, a, b) || a - b);
  const hasIndex = isOrdered || isMoved;
  const ordered = inOrder(lines, order, context);
  for await (const { line, to, bytes } of join ? joinedLines(ordered, lines, join) : ordered) {
    const place = out.tell();
    const wait = out.write(bytes);
    if (wait) await wait;
    if (hasIndex) index.add(contig[line]!, from[line]!, to, place, out.tell(), true);
  }
  await out.finish();
  if (!hasIndex) return;
  const names = contigs.map(({ name }) => name);
  const isLong = longest > reach;
  const sink = await output.file(`${suffix}${isLong ? '.csi' : '.tbi'}`);
  await sink.write(isLong ? index.toCsi(names, vcfLayout) : index.toTbi(names, vcfLayout));
}

const compare = ({ contig, from }: VcfLines, a: number, b: number): number =>
  contig[a]! - contig[b]! || from[a]! - from[b]!;

/** A line by its number, where it ends on its contig, and its bytes. */
type Placed = { readonly line: number; readonly to: number; readonly bytes: Uint8Array };

/** Lines of one place as those that are made of them. */
async function* joinedLines(
  ordered: AsyncIterable<Placed>,
  { contig, from }: VcfLines,
  join: NonNullable<Arrangement['join']>,
): AsyncGenerator<Placed> {
  let group: Placed[] = [];
  function* flush(): Generator<Placed> {
    if (group.length < 2) yield* group;
    else {
      const texts = group.map(({ bytes }) => Buffer.from(bytes.subarray(0, -1)).toString('latin1'));
      const to = Math.max(...group.map((one) => one.to));
      for (const text of join(texts))
        yield { line: group[0]!.line, to, bytes: Buffer.from(`${text}\n`, 'latin1') };
    }
    group = [];
  }
  for await (const one of ordered) {
    const last = group[0]?.line;
    if (last !== undefined && (contig[last] !== contig[one.line] || from[last] !== from[one.line]))
      yield* flush();
    // What comes next may take the place of these bytes.
    group.push({ ...one, bytes: one.bytes.slice() });
  }
  yield* flush();
}

/** Lines as they lie in the store unless told another order. */
async function* inOrder(
  { texts, size, to }: VcfLines,
  order: Int32Array | undefined,
  context: Pick<Context, 'get'>,
): AsyncGenerator<Placed> {
  if (!order) {
    let line = 0;
    for (const stored of texts) {
      const bytes = await context.get(stored);
      for (let at = 0; at < bytes.length; at += size[line++]!)
        yield { line, to: to[line]!, bytes: bytes.subarray(at, at + size[line]!) };
    }
    return;
  }
  // Where each line lies: in which text, and from which byte on.
  const [text, start] = [new Int32Array(size.length), new Float64Array(size.length)];
  for (let [line, t] = [0, 0]; t < texts.length; t++)
    for (let at = 0; at < texts[t]!.size; at += size[line++]!) {
      text[line] = t;
      start[line] = at;
    }
  // Lines move over the edges of neighbours, so few texts are needed at once.
  const held = new Map<number, Uint8Array>();
  for (const line of order) {
    const t = text[line]!;
    if (!held.has(t)) {
      if (held.size > 3) held.delete([...held.keys()][0]!);
      held.set(t, await context.get(texts[t]!));
    }
    const bytes = held.get(t)!.subarray(start[line]!, start[line]! + size[line]!);
    yield { line, to: to[line]!, bytes };
  }
}
