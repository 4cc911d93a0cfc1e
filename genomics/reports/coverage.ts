/** The table of `samtools coverage`: reads, covered bases, mean depth, base quality and mapq of each contig. */
import type { Contig } from '../coverage/contigs.ts';
import type { Contig as Named } from '../formats/bam.ts';
import { general } from '../formats/decimal.ts';
import type { Locus } from '../formats/locus.ts';
import { field, flag } from '../formats/record.ts';
import { type BaseFilter, counts, qualitiesAt } from '../kernels/bases.ts';
import { isCovering, isReference, operations } from '../kernels/cigar.ts';
import type { Visitor } from './scan.ts';
import type { Listener } from './spread.ts';

/** Sums of contigs that have reads that count, ascending. */
export type ContigSums = {
  readonly contig: Int32Array<ArrayBuffer>;
  readonly reads: Float64Array<ArrayBuffer>;
  /** Of the reads' mapq. */
  readonly mapq: Float64Array<ArrayBuffer>;
  /** Bases of reads on the contig, and the sum of their qualities. */
  readonly bases: Float64Array<ArrayBuffer>;
  readonly quality: Float64Array<ArrayBuffer>;
  /** Bases of the contig with a base of a read. */
  readonly covered: Float64Array<ArrayBuffer>;
  /** 1: a mapped read lies on the contig, which then stands before those without. */
  readonly mapped: Float64Array<ArrayBuffer>;
};

const names = ['reads', 'mapq', 'bases', 'quality', 'covered', 'mapped'] as const;
type Row = { -readonly [name in (typeof names)[number]]: number };
const emptyRow = (): Row => ({ reads: 0, mapq: 0, bases: 0, quality: 0, covered: 0, mapped: 0 });

const columnsOf = (found: ReadonlyMap<number, Row>): ContigSums => {
  const rows = [...found].filter(([, row]) => row.reads > 0 || row.covered > 0).sort(([a], [b]) => a - b);
  const column = (name: keyof Row): Float64Array<ArrayBuffer> =>
    Float64Array.from(rows, ([, row]) => row[name]);
  return {
    contig: Int32Array.from(rows, ([contig]) => contig),
    reads: column('reads'),
    mapq: column('mapq'),
    bases: column('bases'),
    quality: column('quality'),
    covered: column('covered'),
    mapped: column('mapped'),
  };
};

/** Takes reads as a visitor, and their spread as a listener. Of bases those in `locus` count, where it is given. */
export function createCoverage(
  filter: BaseFilter,
  locus: Locus | undefined,
): Visitor & { readonly listener: Listener; build(): ContigSums } {
  const found = new Map<number, Row>();
  let row = emptyRow();
  // Of the contig, `[low, high)` counts.
  let [low, high] = [0, 0];

  const addBases = (view: DataView, bytes: Uint8Array, at: number): void => {
    const ops = operations(view, at);
    const qualities = qualitiesAt(view, at);
    const size = view.getInt32(at + field.seqLength, true);
    // A read without bases has what follows instead, as far as the record goes: so it is in samtools.
    const end = at + 4 + view.getInt32(at, true);
    let pos = view.getInt32(at + field.pos, true);
    let query = 0;
    let [bases, sum] = [0, 0];
    for (let i = 0; i < ops.count; i++) {
      const op = view.getUint32(ops.at + 4 * i, true);
      const steps = op >>> 4;
      if (isCovering(op)) {
        const first = qualities + query + Math.min(steps, Math.max(0, low - pos));
        const stop = Math.max(first, qualities + query + Math.min(steps, Math.max(0, high - pos)));
        if (filter.quality === 0 && stop <= end) {
          for (let byte = first; byte < stop; byte++) sum += bytes[byte]!;
          bases += stop - first;
        } else
          for (let byte = first; byte < stop; byte++) {
            const value = byte < end ? bytes[byte]! : 0;
            if (value < filter.quality && byte - qualities < size) continue;
            bases++;
            sum += value;
          }
        query += steps;
        pos += steps;
      } else if (isReference(op)) pos += steps;
      else if ((op & 15) === 1 || (op & 15) === 4) query += steps;
    }
    row.bases += bases;
    row.quality += sum;
  };

  return {
    begin(contig: Contig) {
      row = emptyRow();
      found.set(contig.id, row);
      [low, high] = locus ? [locus.from, locus.to] : [0, contig.length];
    },
    take({ view, bytes, contig, start, end }) {
      if (contig < 0) return;
      for (let at = start; at < end; at += 4 + view.getInt32(at, true)) {
        if (!counts(filter, view, at)) continue;
        row.reads++;
        row.mapq += view.getUint8(at + field.mapq);
        if ((view.getUint16(at + field.flag, true) & flag.unmapped) !== 0) continue;
        if (view.getInt32(at + field.pos, true) < 0) continue;
        row.mapped = 1;
        addBases(view, bytes, at);
      }
    },
    listener: {
      runs({ at, depth, count, end }) {
        for (let i = 0; i < count && at[i]! < high; i++) {
          if (depth[i] === 0) continue;
          const [from, to] = [Math.max(low, at[i]!), Math.min(high, i + 1 < count ? at[i + 1]! : end)];
          row.covered += Math.max(0, to - from);
        }
      },
    },
    build: () => columnsOf(found),
  };
}

export function sumCoverage(all: readonly ContigSums[]): ContigSums {
  const found = new Map<number, Row>();
  for (const sums of all)
    sums.contig.forEach((contig, i) => {
      const row = found.get(contig) ?? emptyRow();
      for (const name of names) row[name] += sums[name][i]!;
      found.set(contig, row);
    });
  return columnsOf(found);
}

/** A row of the table: bases `[start, end]` of a contig, counted from 1. Shares are of its length, which may be 0. */
export type CoverageRow = {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly length: number;
  readonly reads: number;
  readonly covered: number;
  readonly percent: number;
  readonly depth: number;
  readonly baseq: number;
  readonly mapq: number;
};

/** The row of `locus`, where it is given; otherwise contigs with mapped reads first, both kinds in the order of the header. */
export function coverageRows(
  sums: ContigSums,
  contigs: readonly Named[],
  locus: Locus | undefined,
): CoverageRow[] {
  const place = new Map([...sums.contig].map((contig, i) => [contig, i]));
  const rows = contigs.map(({ name, length: whole }, id) => {
    const [from, to] = locus ? [locus.from, locus.to] : [0, whole];
    const length = to - from;
    const i = place.get(id);
    const { reads, mapq, bases, quality, covered, mapped } =
      i === undefined ? emptyRow() : (Object.fromEntries(names.map((n) => [n, sums[n][i]!])) as Row);
    return {
      isFirst: mapped > 0,
      row: {
        name,
        start: from + 1,
        end: to,
        length,
        reads,
        covered,
        percent: (100 * covered) / length,
        depth: bases / length,
        baseq: bases > 0 ? quality / bases : 0,
        mapq: reads > 0 ? mapq / reads : 0,
      },
    };
  });
  if (locus) return [rows[locus.id]!.row];
  const of = (isFirst: boolean): CoverageRow[] =>
    rows.filter((row) => row.isFirst === isFirst).map(({ row }) => row);
  return [...of(true), ...of(false)];
}

const header = '#rname\tstartpos\tendpos\tnumreads\tcovbases\tcoverage\tmeandepth\tmeanbaseq\tmeanmapq\n';

export const coverageText = (rows: readonly CoverageRow[]): string =>
  header +
  rows
    .map(
      ({ name, start, end, reads, covered, percent, depth, baseq, mapq }) =>
        `${name}\t${start}\t${end}\t${reads}\t${covered}\t${general(percent)}\t${general(depth)}\t${general(baseq, 3)}\t${general(mapq, 3)}\n`,
    )
    .join('');
