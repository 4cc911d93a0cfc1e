/** Cuts a file that is to be indexed: where records land, or at blocks. */
import type { Dataset, Planning, Source } from '../../core/job.ts';
import { landings } from '../formats/landing.ts';
import { rangesOf } from '../formats/textlines.ts';
import { headerOf } from '../formats/remembered.ts';
import type { How, Part } from './part.ts';

/** Parts of a BAM: the records that start in each. */
export async function recordParts(
  source: Source,
  file: Dataset,
  split: number,
  how: How,
  planning: Planning,
): Promise<Part[]> {
  const header = await headerOf(file, planning);
  const starts = await landings(source, file, header, split);
  const parts = starts.slice(1).map((to, i): Part => ({ ...how, from: starts[i]!, to }));
  return parts.length > 0 ? parts : [{ ...how, from: header.first, to: header.first }];
}

/** Parts of whole blocks. */
export async function blockParts(source: Source, split: number, how: How): Promise<Part[]> {
  const ranges = await rangesOf(source, true, split);
  return ranges.map(({ from, to }) => ({ ...how, from: [from, 0], to: [to, 0] }));
}
