/** Cuts several files in order into stretches of places, with the range of each file that holds their records. */
import type { Dataset, Planning } from '../../core/job.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import type { Range } from '../formats/textlines.ts';
import { planVcf } from '../formats/vcffile.ts';
import { comparePlaces, type ContigOrder, firstPlace, type Place } from './placed.ts';

/** Records of places `[from, to)`; `ranges`: of each file, `null` where it has none. */
export type Stretch = {
  readonly from: Place;
  readonly to: Place;
  readonly ranges: readonly (Range | null)[];
};

/** Behind all places. */
const beyond: Place = [2 ** 31, 0];
/** Ranges that are looked into at a time. */
const atOnce = 16;

type Mark = { readonly range: Range; readonly place: Place };

/** Stretches of about `split` bytes of all files together; files are looked into every quarter of that. */
export async function planStretches(
  files: readonly Dataset[],
  order: ContigOrder,
  split: number,
  planning: Planning,
): Promise<Stretch[]> {
  const marks: Mark[][] = [];
  for (const file of files) marks.push(await marksOf(file, order, split / 4, planning));
  // As far as each border the bytes of all files before it.
  const borders = marks.flat().toSorted((a, b) => comparePlaces(a.place, b.place));
  const cuts: Place[] = [[-1, -1]];
  let bytes = 0;
  for (const { place, range } of borders) {
    if (bytes >= split && comparePlaces(place, cuts.at(-1)!) > 0) {
      cuts.push(place);
      bytes = 0;
    }
    bytes += range.to - range.from;
  }
  return cuts.map((from, i) => {
    const to = cuts[i + 1] ?? beyond;
    return { from, to, ranges: marks.map((all) => rangeOf(all, from, to)) };
  });
}

/** Ranges of a file in which a line begins, with the place of the first one. */
async function marksOf(file: Dataset, order: ContigOrder, step: number, planning: Planning): Promise<Mark[]> {
  const heading = await vcfHeadingOf(file, planning);
  const ranges = await planVcf(file, heading, step, planning);
  const source = await planning.open(file);
  const places: (Place | undefined)[] = [];
  for (let at = 0; at < ranges.length; at += atOnce)
    places.push(
      ...(await Promise.all(
        ranges
          .slice(at, at + atOnce)
          .map((range) => firstPlace(source, file.uri, range, heading, order, planning.signal)),
      )),
    );
  const marks: Mark[] = [];
  for (const [i, range] of ranges.entries()) {
    const place = places[i];
    const last = marks.at(-1);
    if (place) marks.push({ range, place });
    else if (last) marks[marks.length - 1] = { ...last, range: joined(last.range, range) };
  }
  return marks;
}

/** From the last mark before the first place on, to the first mark at or behind the last one. */
function rangeOf(marks: readonly Mark[], from: Place, to: Place): Range | null {
  const end = marks.findIndex(({ place }) => comparePlaces(place, to) >= 0);
  const stop = end < 0 ? marks.length : end;
  const start = marks.findLastIndex(({ place }) => comparePlaces(place, from) < 0);
  const begin = Math.max(0, start);
  if (begin >= stop) return null;
  return joined(marks[begin]!.range, marks[stop - 1]!.range);
}

const joined = (first: Range, last: Range): Range => ({
  from: first.from,
  to: last.to,
  ...(first.within && last.within ? { within: [first.within[0], last.within[1]] } : {}),
});
