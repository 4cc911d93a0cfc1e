/** The report of `samtools idxstats`: records of each contig, mapped and unmapped, counted here and not taken from the index. */
import type { Contig as Named } from '../formats/bam.ts';
import { field, flag } from '../formats/record.ts';
import type { Visitor } from './scan.ts';

/** Contigs with records, ascending, -1 for those without a place. */
export type Idxstats = {
  readonly contig: Int32Array<ArrayBuffer>;
  readonly mapped: Float64Array<ArrayBuffer>;
  readonly unmapped: Float64Array<ArrayBuffer>;
};

export function createIdxstats(): Visitor & { build(): Idxstats } {
  const found = new Map<number, { mapped: number; unmapped: number }>();
  return {
    take({ view, contig, start, end }) {
      if (start === end) return;
      let unmapped = 0;
      let all = 0;
      for (let at = start; at < end; at += 4 + view.getInt32(at, true)) {
        all++;
        // Without a place a record counts as unmapped, whatever its FLAG.
        if (contig < 0 || (view.getUint16(at + field.flag, true) & flag.unmapped) !== 0) unmapped++;
      }
      add(found, contig, all - unmapped, unmapped);
    },
    build: () => columnsOf(found),
  };
}

type Found = Map<number, { mapped: number; unmapped: number }>;

function add(found: Found, contig: number, mapped: number, unmapped: number): void {
  const row = found.get(contig) ?? { mapped: 0, unmapped: 0 };
  row.mapped += mapped;
  row.unmapped += unmapped;
  found.set(contig, row);
}

function columnsOf(found: Found): Idxstats {
  const rows = [...found].sort(([a], [b]) => a - b);
  return {
    contig: Int32Array.from(rows, ([contig]) => contig),
    mapped: Float64Array.from(rows, ([, { mapped }]) => mapped),
    unmapped: Float64Array.from(rows, ([, { unmapped }]) => unmapped),
  };
}

export function sumIdxstats(all: readonly Idxstats[]): Idxstats {
  const found: Found = new Map();
  for (const { contig, mapped, unmapped } of all)
    contig.forEach((id, i) => add(found, id, mapped[i]!, unmapped[i]!));
  return columnsOf(found);
}

/** A row of the report. `name` is `*` for records without a place. */
export type IdxstatsRow = {
  readonly name: string;
  readonly length: number;
  readonly mapped: number;
  readonly unmapped: number;
};

/** Every contig of the header, then the records without a place. */
export function idxstatsRows(
  { contig, mapped, unmapped }: Idxstats,
  contigs: readonly Named[],
): IdxstatsRow[] {
  const place = new Map([...contig].map((id, i) => [id, i]));
  return [...contigs, { name: '*', length: 0 }].map(({ name, length }, id) => {
    const i = place.get(id === contigs.length ? -1 : id);
    return i === undefined
      ? { name, length, mapped: 0, unmapped: 0 }
      : { name, length, mapped: mapped[i]!, unmapped: unmapped[i]! };
  });
}

export const idxstatsText = (rows: readonly IdxstatsRow[]): string =>
  rows.map(({ name, length, mapped, unmapped }) => `${name}\t${length}\t${mapped}\t${unmapped}\n`).join('');
