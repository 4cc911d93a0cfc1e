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

/** Writes `header` and lines to the file of that suffix, and its index beside it: TBI, or CSI where a contig is longer than that reaches; none for lines in no order. */
export async function writeLines(
  { texts, contig, from, to, size }: VcfLines,
  output: Output,
  suffix: string,
  header: string,
  contigs: readonly Contig[],
  context: Pick<Context, 'get'>,
): Promise<void> {
  const out = bgzip(await output.file(suffix), 6);
  await out.write(Buffer.from(header));
  const longest = contigs.reduce((most, { length }) => Math.max(most, length), 0);
  let depth = 5;
  while (2 ** (14 + 3 * depth) < longest) depth++;
  const index = createIndex({ minShift: 14, depth });
  const hasOrder = isOrdered(contig, from);
  let line = 0;
  for (const stored of texts) {
    const bytes = await context.get(stored);
    for (let at = 0; at < bytes.length; line++) {
      const place = out.tell();
      const wait = out.write(bytes.subarray(at, at + size[line]!));
      if (wait) await wait;
      if (hasOrder) index.add(contig[line]!, from[line]!, to[line]!, place, out.tell(), true);
      at += size[line]!;
    }
  }
  await out.finish();
  // Records in no order have no index.
  if (!hasOrder) return;
  const names = contigs.map(({ name }) => name);
  const isLong = longest > reach;
  const sink = await output.file(`${suffix}${isLong ? '.csi' : '.tbi'}`);
  await sink.write(isLong ? index.toCsi(names, vcfLayout) : index.toTbi(names, vcfLayout));
}

const isOrdered = (contig: Int32Array, from: Int32Array): boolean =>
  contig.every(
    (id, i) => i === 0 || id > contig[i - 1]! || (id === contig[i - 1] && from[i]! >= from[i - 1]!),
  );
