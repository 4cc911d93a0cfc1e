/** Records of a part as rows of a table: Parquet's row groups, or text with tabs. Rows are grouped by places of the file, never by parts. */
import type { Context, Dataset, Stored } from '../../core/job.ts';
import { choice, flag, text, type Values } from '../../core/params.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { type Cell, encodeRowGroup, type RowGroup } from '../formats/rowgroups.ts';
import type { Range } from '../formats/textlines.ts';
import { eachRecord, type TakeLine } from '../formats/vcffile.ts';
import type { Region } from '../formats/vcfindex.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import type { Line } from '../kernels/vcfline.ts';
import { type VcfTable, withVcfTable } from '../kernels/vcftable.ts';
import type { Verdict } from './expression/value.ts';
import { createGenotypeCounter } from './genotypecounts.ts';
import { wantedRegions } from './regions.ts';
import { wantedSamples } from './samples.ts';
import { createSelector, selectionParams, type SelectorOptions } from './selection.ts';
import { type TableColumn, tableColumns, Unreadable } from './tablecolumns.ts';

export const params = {
  format: choice(['parquet', 'tsv'], 'columns with types, or text with tabs between, . for what is missing'),
  info: text('keys of INFO that become columns; all; none', 'all|none|DP,AF,...'),
  genotypes: text('keys of FORMAT that become columns; all; none: none unless told', 'all|none|GT,DP,...'),
  rows: choice(
    ['records', 'genotypes'],
    'a row for each record, with columns by sample, or a row for each genotype',
  ),
  counts: flag('columns hom_ref, het, hom_alt, missing, an, ac and af, counted over the samples'),
  samples: text(
    'only these samples, in this order: names with commas between',
    'a,b,...',
    /^([^,]+(,[^,]+)*)?$/,
  ),
  ...selectionParams,
  files: choice(
    ['one', 'many'],
    'parquet: all in one, or, for every 64 MiB of the input, one named <out>-00001.parquet',
  ),
};
export type Params = Values<typeof params>;
export type Inputs = { readonly variants: readonly [Dataset]; readonly regions?: readonly [Dataset] };
/** Cells of the file, one behind the other. */
export type Part = { readonly cells: readonly Range[] };
/** `at`: the byte of the file that the cell of a group begins at. */
export type StoredGroup = RowGroup & { readonly stored: Stored; readonly at: number };
export type Rows = {
  readonly records: number;
  readonly groups: readonly StoredGroup[];
  readonly texts: readonly Stored[];
};

/** Values that a row group holds, at most, and rows. */
const [maxValues, maxRows] = [4_000_000, 1 << 17];

export const columnsOf = (
  given: Params,
  header: VcfHeader,
  name: string,
  options: Pick<SelectorOptions, 'regions' | 'table'> = {},
): {
  readonly selector: ReturnType<typeof createSelector>;
  readonly columns: readonly TableColumn[];
  readonly wanted: ReturnType<typeof wantedSamples>;
} => {
  const selector = createSelector(given, header, { bySample: given.rows === 'genotypes', ...options });
  const wanted = wantedSamples(given.samples || 'all', header, name);
  const columns = tableColumns({ ...given, info: given.info || 'all' }, header, wanted, selector.view);
  return { selector, columns, wanted };
};

export async function tabulate(
  { cells }: Part,
  { variants: [file], regions: bed }: Inputs,
  given: Params,
  context: Context,
): Promise<Rows> {
  const heading = await vcfHeadingOf(file, context);
  const source = await context.open(file);
  const regions = await wantedRegions(given, bed, context, heading.header);
  const groups: StoredGroup[] = [];
  const texts: Stored[] = [];
  let records = 0;
  await withVcfTable(context, async (table) => {
    const { columns, take, drain } = createCollector(given, heading.header, file.uri, table, regions);
    for (const cell of cells) {
      await eachRecord(source, file.uri, cell, heading, table, context.signal, (line) => {
        records++;
        return take(line);
      });
      for (const values of drain()) {
        if (given.format === 'tsv') texts.push(await context.put(textOfRows(values)));
        else {
          const { bytes, ...group } = await encodeRowGroup(columns, values);
          groups.push({ ...group, stored: await context.put(bytes), at: cell.from });
        }
      }
    }
  });
  return { records, groups, texts };
}

/** Values by column. */
type Group = readonly (readonly Cell[])[];
type Collector = {
  readonly columns: readonly TableColumn[];
  readonly take: TakeLine;
  /** The rows since it was asked last, in groups, each column by column. */
  readonly drain: () => readonly Group[];
};

function createCollector(
  given: Params,
  header: VcfHeader,
  name: string,
  table: VcfTable,
  regions: readonly Region[] | undefined,
): Collector {
  const { selector, columns, wanted } = columnsOf(given, header, name, { regions, table });
  const places = wanted.names.map((sample) => header.samples.indexOf(sample));
  const count = given.counts ? createGenotypeCounter(table, wanted.slots) : undefined;
  const limit = Math.max(1, Math.min(maxRows, Math.floor(maxValues / columns.length)));
  const empty = (): Cell[][] => columns.map(() => []);
  const groups: Cell[][][] = [];
  let values = empty();
  const { view } = selector;
  const addRows = (line: Line, verdict: Verdict): ReturnType<TakeLine> => {
    if (values[0]!.length >= limit) {
      groups.push(values);
      values = empty();
    }
    const counts = count?.(line);
    if (counts && 'field' in counts) return counts;
    const rows = given.rows === 'records' ? [-1] : places.filter((sample) => verdict.samples?.[sample] !== 0);
    for (let k = 0; k < columns.length; k++) {
      const { read, bySample } = columns[k]!;
      const column = values[k]!;
      if (bySample) for (const sample of rows) column.push(read({ line, view, counts, sample }));
      else {
        const cell = rows.length > 0 ? read({ line, view, counts, sample: -1 }) : null;
        for (let row = 0; row < rows.length; row++) column.push(cell);
      }
    }
    return undefined;
  };
  return {
    columns,
    take(line) {
      const verdict = selector.select(line);
      if (!verdict) return undefined;
      if ('field' in verdict) return verdict;
      try {
        return addRows(line, verdict);
      } catch (error) {
        if (error instanceof Unreadable) return error.fault;
        throw error;
      }
    },
    drain() {
      const done = groups.splice(0);
      if (values[0]!.length > 0) done.push(values);
      values = empty();
      return done;
    },
  };
}

/** Lines with tabs between; flags are 1 or 0. */
function textOfRows(values: Group): Uint8Array {
  const shown = (cell: Cell): string => {
    if (cell === null) return '.';
    if (typeof cell === 'object') return cell.map(shown).join(',');
    return typeof cell === 'boolean' ? (cell ? '1' : '0') : String(cell);
  };
  const lines = values[0]!.map((_, row) => values.map((column) => shown(column[row]!)).join('\t'));
  return Buffer.from(`${lines.join('\n')}\n`);
}
