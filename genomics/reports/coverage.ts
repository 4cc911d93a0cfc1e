/** The table of `samtools coverage`: reads, covered bases, mean depth, base quality and mapq of each contig. */
import type { Contig } from '../coverage/contigs.ts';
import type { Contig as Named } from '../formats/bam.ts';
import { general } from '../formats/decimal.ts';
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

/** Takes reads as a visitor, and their spread as a listener. */
export function createCoverage(
  filter: BaseFilter,
): Visitor & { readonly listener: Listener; build(): ContigSums } {
  const found = new Map<number, Row>();
  let row = emptyRow();
  let length = 0;

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
        const first = qualities + query;
        const stop = first + Math.min(steps, Math.max(0, length - pos));
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
      length = contig.length;
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
        for (let i = 0; i < count && at[i]! < length; i++) {
          if (depth[i] === 0) continue;
          row.covered += Math.min(length, i + 1 < count ? at[i + 1]! : end) - at[i]!;
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

/** A row of the table. Shares are of the contig's length, which may be 0. */
export type CoverageRow = {
  readonly name: string;
  readonly length: number;
  readonly reads: number;
  readonly covered: number;
  readonly percent: number;
  readonly depth: number;
  readonly baseq: number;
  readonly mapq: number;
};

/** Contigs with mapped reads first, both kinds in the order of the header. */
export function coverageRows(sums: ContigSums, contigs: readonly Named[]): CoverageRow[] {
  const place = new Map([...sums.contig].map((contig, i) => [contig, i]));
  const rows = contigs.map(({ name, length }, id) => {
    const i = place.get(id);
    const { reads, mapq, bases, quality, covered, mapped } =
      i === undefined ? emptyRow() : (Object.fromEntries(names.map((n) => [n, sums[n][i]!])) as Row);
    return {
      isFirst: mapped > 0,
      row: {
        name,
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
  const of = (isFirst: boolean): CoverageRow[] =>
    rows.filter((row) => row.isFirst === isFirst).map(({ row }) => row);
  return [...of(true), ...of(false)];
}

const header = '#rname\tstartpos\tendpos\tnumreads\tcovbases\tcoverage\tmeandepth\tmeanbaseq\tmeanmapq\n';

export const coverageText = (rows: readonly CoverageRow[]): string =>
  header +
  rows
    .map(
      ({ name, length, reads, covered, percent, depth, baseq, mapq }) =>
        `${name}\t1\t${length}\t${reads}\t${covered}\t${general(percent)}\t${general(depth)}\t${general(baseq, 3)}\t${general(mapq, 3)}\n`,
    )
    .join('');
