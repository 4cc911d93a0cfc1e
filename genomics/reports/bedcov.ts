/** The report of `samtools bedcov`: how many bases of reads lie in each region of a BED file. */
import type { Output } from '../../core/job.ts';
import type { Contig as Named } from '../formats/bam.ts';
import type { Bed, ContigRegions } from '../formats/bed.ts';
import { field, flag } from '../formats/record.ts';
import { type BaseFilter, counts, stopOf } from '../kernels/bases.ts';
import { isCovering, isReference, operations } from '../kernels/cigar.ts';
import type { Visitor } from './scan.ts';

/** Bases of reads between neighbouring edges of regions, from edge `first` of the contig on; additive. */
export type Stretches = {
  readonly contig: number;
  readonly first: number;
  readonly bases: Float64Array<ArrayBuffer>;
};
export type Bedcov = readonly Stretches[];

/** Starts and ends of a contig's regions, ascending, each once. */
function edgesOf({ start, end }: ContigRegions): Float64Array<ArrayBuffer> {
  const all = new Float64Array(2 * start.length);
  all.set(start);
  all.set(end, start.length);
  all.sort();
  let kept = 0;
  for (const edge of all) if (kept === 0 || all[kept - 1] !== edge) all[kept++] = edge;
  return all.slice(0, kept);
}

/** The last edge at or before a position; -1 for none. */
function edgeBefore(edges: Float64Array, pos: number): number {
  let low = 0;
  for (let high = edges.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! <= pos) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function createBedcov(
  filter: BaseFilter,
  bed: Bed,
  skipDeletions: boolean,
): Visitor & { build(): Bedcov } {
  const out: Stretches[] = [];
  let edges = new Float64Array(0);
  // Of stretch i, between edges i and i + 1: bases of reads that cover some of it, and changes of how many cover all of it.
  let partial = new Float64Array(0);
  let change = new Float64Array(0);
  let isTouched = false;
  let contig = -1;

  const add = (start: number, end: number): void => {
    const last = edges.length - 1;
    if (end <= edges[0]! || start >= edges[last]!) return;
    isTouched = true;
    const from = Math.max(start, edges[0]!);
    const to = Math.min(end, edges[last]!);
    const a = edgeBefore(edges, from);
    const b = edgeBefore(edges, to);
    if (a === b) {
      partial[a]! += to - from;
      return;
    }
    partial[a]! += edges[a + 1]! - from;
    change[a + 1]!++;
    change[b]!--;
    partial[b]! += to - edges[b]!;
  };
  return {
    begin({ id, name }) {
      contig = id;
      const regions = bed.contigs.get(name);
      edges = regions ? edgesOf(regions) : new Float64Array(0);
      partial = new Float64Array(edges.length);
      change = new Float64Array(edges.length);
      isTouched = false;
    },
    take({ view, start, end, contig: id }) {
      if (edges.length < 2 || id < 0) return;
      for (let at = start; at < end; at += 4 + view.getInt32(at, true)) {
        if (!counts(filter, view, at)) continue;
        if ((view.getUint16(at + field.flag, true) & flag.unmapped) !== 0) continue;
        const ops = operations(view, at);
        let pos = view.getInt32(at + field.pos, true);
        if (!skipDeletions) {
          add(pos, stopOf(view, at, ops));
          continue;
        }
        for (let i = 0; i < ops.count; i++) {
          const op = view.getUint32(ops.at + 4 * i, true);
          if (!isReference(op)) continue;
          if (isCovering(op)) add(pos, pos + (op >>> 4));
          pos += op >>> 4;
        }
      }
    },
    end() {
      if (!isTouched) return;
      let [first, last, covers] = [-1, -1, 0];
      for (let i = 0; i < edges.length; i++) {
        covers += change[i]!;
        if (covers > 0) partial[i]! += covers * (edges[i + 1]! - edges[i]!);
        if (partial[i] === 0) continue;
        if (first < 0) first = i;
        last = i;
      }
      if (first >= 0) out.push({ contig, first, bases: partial.slice(first, last + 1) });
    },
    build: () => out,
  };
}

/** Adds neighbours of one contig. */
export function joinBedcov(all: readonly Bedcov[]): Bedcov {
  const out: Stretches[] = [];
  for (const next of all.flat()) {
    const last = out.at(-1);
    if (last?.contig !== next.contig) {
      out.push(next);
      continue;
    }
    const first = Math.min(last.first, next.first);
    const end = Math.max(last.first + last.bases.length, next.first + next.bases.length);
    const bases = new Float64Array(end - first);
    for (const piece of [last, next])
      piece.bases.forEach((value, i) => (bases[piece.first - first + i]! += value));
    out[out.length - 1] = { contig: next.contig, first, bases };
  }
  return out;
}

/** Characters that are collected before a write. */
const batch = 1 << 18;

/** Each line of the BED file whose contig is known, and the bases behind it. */
export async function writeBedcov(
  bedcov: Bedcov,
  contigs: readonly Named[],
  bed: Bed,
  output: Output,
): Promise<void> {
  const sums = new Map<string, { edges: Float64Array; before: Float64Array }>();
  const found = new Map(bedcov.map((stretches) => [stretches.contig, stretches]));
  contigs.forEach(({ name }, id) => {
    const regions = bed.contigs.get(name);
    if (!regions) return;
    const edges = edgesOf(regions);
    const before = new Float64Array(edges.length + 1);
    const stretches = found.get(id);
    for (let i = 0; i < edges.length; i++)
      before[i + 1] = before[i]! + (stretches?.bases[i - stretches.first] ?? 0);
    sums.set(name, { edges, before });
  });
  const sink = await output.file('.bedcov');
  let text = '';
  for (const line of linesOf(bed.text)) {
    const match = /^(\S+)\s+(\d+)\s+(\d+)/.exec(line);
    const sum = match && sums.get(Buffer.from(match[1]!, 'latin1').toString());
    if (!sum) continue;
    const [start, end] = [edgeBefore(sum.edges, Number(match[2])), edgeBefore(sum.edges, Number(match[3]))];
    text += `${line}\t${sum.before[end]! - sum.before[start]!}\n`;
    if (text.length < batch) continue;
    await sink.write(Buffer.from(text, 'latin1'));
    text = '';
  }
  await sink.write(Buffer.from(text, 'latin1'));
}

/** Lines that hold a region, bytes as characters. */
function* linesOf(text: Uint8Array): Generator<string> {
  for (let at = 0; at < text.length;) {
    let end = text.indexOf(10, at);
    if (end < 0) end = text.length;
    const line = Buffer.from(text.buffer, text.byteOffset + at, end - at)
      .toString('latin1')
      .replace(/\r$/, '');
    at = end + 1;
    if (line !== '' && !/^(#|track |browser )/.test(line)) yield line;
  }
}
