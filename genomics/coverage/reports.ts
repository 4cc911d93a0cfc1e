/** Writes the distributions and the summary of a run. */
import type { Output } from '../../core/job.ts';
import { distribution, summary, summaryHeader } from '../formats/mosdepth.ts';
import { countDepth, createTally, type ContigTally, eachTally, type Tallies } from '../kernels/tally.ts';
import type { Contig } from './contigs.ts';
import type { Coverage } from './result.ts';

/** Characters that are collected before a write. */
const batch = 1 << 18;

/** Contigs without reads have no row. */
export async function writeReports(
  { tallies, seen, regions }: Coverage,
  contigs: readonly Contig[],
  digits: number,
  output: Output,
): Promise<void> {
  const named = (all: Tallies): Generator<[name: string, tally: ContigTally]> =>
    eachNamed(all, seen, contigs);
  await writeAll(output, '.mosdepth.global.dist.txt', distributions(named(tallies), digits));
  if (regions)
    await writeAll(output, '.mosdepth.region.dist.txt', distributions(named(regions.tallies), digits));
  const ofRegions = regions && named(regions.tallies);
  await writeAll(output, '.mosdepth.summary.txt', summaries(named(tallies), ofRegions, digits));
}

/** A contig with reads, as mosdepth's summary has it: bases looked at, the sum of their depths, and its mean, least and most. */
export type DepthRow = {
  readonly name: string;
  readonly length: number;
  readonly bases: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
};

export const depthRows = ({ tallies, seen }: Coverage, contigs: readonly Contig[]): DepthRow[] =>
  [...eachNamed(tallies, seen, contigs)].map(([name, { bases, sum, min, max }]) => ({
    name,
    length: bases,
    bases: sum,
    mean: bases > 0 ? sum / bases : 0,
    min: Number.isFinite(min) ? min : 0,
    max,
  }));

/** The contigs with reads. */
function* eachNamed(
  tallies: Tallies,
  seen: Int32Array,
  contigs: readonly Contig[],
): Generator<[name: string, tally: ContigTally]> {
  const hasReads = new Set(seen);
  const names = new Map(contigs.map(({ id, name }) => [id, name]));
  for (const [contig, tally] of eachTally(tallies))
    if (hasReads.has(contig)) yield [names.get(contig)!, tally];
}

async function writeAll(output: Output, suffix: string, texts: Iterable<string>): Promise<void> {
  const sink = await output.file(suffix);
  let text = '';
  for (const piece of texts) {
    text += piece;
    if (text.length < batch) continue;
    await sink.write(Buffer.from(text));
    text = '';
  }
  await sink.write(Buffer.from(text));
}

function* distributions(tallies: Iterable<[string, ContigTally]>, digits: number): Generator<string> {
  const total = createTally();
  for (const [name, { depth, count }] of tallies) {
    yield distribution(name, depth, count, digits);
    depth.forEach((value, i) => countDepth(total, value, count[i]!));
  }
  const depths = Array.from({ length: total.counted }, (_, depth) => depth).filter(
    (depth) => total.counts[depth]! > 0,
  );
  yield distribution(
    'total',
    depths,
    depths.map((depth) => total.counts[depth]!),
    digits,
  );
}

/** The minimum of the totals, and of the first contig's regions, is 0 whatever the depths are: so it is in mosdepth. */
function* summaries(
  all: Iterable<[string, ContigTally]>,
  regions: Iterator<[string, ContigTally]> | null,
  digits: number,
): Generator<string> {
  yield summaryHeader;
  const total = { bases: 0, sum: 0, min: 0, max: 0 };
  const totalOfRegions = { ...total };
  let isFirst = true;
  for (const [name, tally] of all) {
    yield summary(name, tally, digits);
    add(total, tally);
    if (regions) {
      // Both have the same contigs.
      const [, ofRegions] = regions.next().value as [string, ContigTally];
      yield summary(`${name}_region`, isFirst ? { ...ofRegions, min: 0 } : ofRegions, digits);
      add(totalOfRegions, ofRegions);
    }
    isFirst = false;
  }
  yield summary('total', total, digits);
  if (regions) yield summary('total_region', totalOfRegions, digits);
}

function add(total: { bases: number; sum: number; max: number }, tally: ContigTally): void {
  total.bases += tally.bases;
  total.sum += tally.sum;
  total.max = Math.max(total.max, tally.max);
}
