/** Keeps the records of a part that are wanted, and their place. */
import type { Context, Dataset } from '../../core/job.ts';
import { text, type Values } from '../../core/params.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import type { Range } from '../formats/textlines.ts';
import { eachRecord, type TakeLine } from '../formats/vcffile.ts';
import { collectLines, joinLines, type VcfLines } from '../formats/vcfwriter.ts';
import { column, endOf, textOf } from '../kernels/vcfline.ts';
import { withVcfTable } from '../kernels/vcftable.ts';
import { wantedRegions } from './regions.ts';
import { wantedSamples } from './samples.ts';
import { createSelector, lastBase, selectionParams, type Selector } from './selection.ts';
import { createSubsetter } from './subset.ts';

export const params = {
  ...selectionParams,
  samples: text(
    'only these samples, in this order, AC and AN counted anew: names with commas between',
    'a,b,...',
    /^([^,]+(,[^,]+)*)?$/,
  ),
};
export type Params = Values<typeof params>;

export type Inputs = { readonly variants: readonly Dataset[]; readonly regions?: readonly [Dataset] };
/** Lines of one of the files. */
export type Part = Range & { readonly file: number };

/** `contigs`: names in the order of their records. */
export type Kept = VcfLines & { readonly records: number; readonly contigs: readonly string[] };

export async function filterPart(
  { file: at, ...range }: Part,
  { variants, regions: bed }: Inputs,
  given: Params,
  context: Context,
): Promise<Kept> {
  const file = variants[at]!;
  const heading = await vcfHeadingOf(file, context);
  const { header } = heading;
  const wanted = wantedSamples(given.samples, header, file.uri);
  const subset = given.samples === '' ? undefined : createSubsetter(header, wanted);
  const lines = collectLines();
  const contigs: string[] = [];
  const ids = new Map<string, number>();
  let records = 0;
  const takeBy =
    (selector: Selector): TakeLine =>
    (line) => {
      records++;
      const verdict = selector.select(line);
      if (!verdict) return undefined;
      if ('field' in verdict) return verdict;
      const { bytes, at, pos, end } = line;
      const name = textOf(bytes, at[0]!, endOf(line, column.chrom));
      let id = ids.get(name);
      if (id === undefined) ids.set(name, (id = contigs.push(name) - 1));
      const whole =
        bytes[end] === 10
          ? bytes.subarray(at[0]!, end + 1)
          : Buffer.concat([bytes.subarray(at[0]!, end), feed]);
      // An index knows no base before the first.
      lines.add(id, Math.max(0, pos - 1), Math.max(1, lastBase(line)), subset ? subset(line) : whole);
      return undefined;
    };
  const source = await context.open(file);
  const regions = await wantedRegions(given, bed, context, header);
  await withVcfTable(context, (table) => {
    const take = takeBy(createSelector(given, header, { regions, table }));
    return eachRecord(source, file.uri, range, heading, table, context.signal, take);
  });
  return { records, contigs, ...(await lines.store(context)) };
}
const feed = Uint8Array.of(10);

/** Neighbours: a contig that goes on keeps its number; one that comes again gets its first one. */
export function joinKept(all: readonly Kept[]): Kept {
  const contigs: string[] = [];
  const ids = new Map<string, number>();
  const moved = all.map((one) => {
    const numbers = one.contigs.map((name) => {
      const known = ids.get(name) ?? contigs.push(name) - 1;
      ids.set(name, known);
      return known;
    });
    return { ...one, contig: one.contig.map((id) => numbers[id]!) };
  });
  return { records: all.reduce((sum, { records }) => sum + records, 0), contigs, ...joinLines(moved) };
}
