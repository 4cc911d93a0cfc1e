/** Reports a part as its depths come: rows per base and per bin, tallies of contigs, values of regions. */
import type { Bed } from '../formats/bed.ts';
import { binOf } from '../formats/quantize.ts';
import type { Runs } from '../kernels/depth.ts';
import { createQuantizer, quantize } from '../kernels/quantize.ts';
import { createRegionSweep, type RegionSweep } from '../kernels/regions.ts';
import {
  addRuns as addToTally,
  createTallies,
  createTally,
  type Tallies,
  type Tally,
} from '../kernels/tally.ts';
import {
  addRuns,
  beginContig,
  createTrack,
  endContig,
  endUnit,
  type Open,
  takeOpen,
  type Track,
} from '../kernels/track.ts';
import { groupEnd } from '../kernels/units.ts';
import { type Contig, rowsOf } from './contigs.ts';
import type { Part } from './plan.ts';
import type { Settings } from './settings.ts';

/** A file of rows, and the row that is open at the part's end. */
export type Rest = { readonly track: Track; open: Open | null };

/** What measures depths: from records in TypeScript, or from compressed bytes in the kernel. */
export type Meter = {
  /** Turns to `[from, to)` of a contig. */
  begin(contig: Contig, from: number, to: number): void;
  /** Ends the interval, of which all runs were given and all bases tallied then. Gives what the records were that start in it. */
  end(): { readonly count: number; readonly isSeen: boolean };
};
/** Makes a meter that gives its runs to `emit`, unless nobody wants them, and counts their bases in `tally`. */
export type CreateMeter = (emit: ((runs: Runs) => void) | undefined, tally: Tally) => Meter;

export type PartSweep = {
  readonly perBase: Rest | undefined;
  readonly quantized: Rest | undefined;
  readonly regions: RegionSweep | undefined;
  /** The contig at hand, as its place in the header; -1 without any. */
  contig(): number;
  /** Goes on to the last contig of the part that is not behind `id`; gives which that is. */
  turn(id: number): number;
  /** Ends the part. Gives the tallies of its contigs, which of them have reads, and the number of reads that start in it. */
  finish(): { readonly tallies: Tallies; readonly seen: Int32Array<ArrayBuffer>; readonly records: number };
};

export function createPartSweep(
  part: Part,
  settings: Settings,
  bed: Bed | undefined,
  createMeter: CreateMeter,
): PartSweep {
  const contigs = part.contigs.map(([id, text, length]): Contig => ({ id, name: text, length }));
  const { bins, measure } = settings;
  const perBase: Rest | undefined = settings.hasPerBase ? { track: createTrack(), open: null } : undefined;
  const quantized: Rest | undefined = bins && { track: createTrack(bins.labels), open: null };
  const regions = settings.hasRegions ? createRegionSweep(measure) : undefined;
  const toBin = bins && createQuantizer((depth) => binOf(bins, depth));
  let binned = new Int32Array(0);
  const tallies = createTallies();
  const tally = createTally();
  const seen: number[] = [];
  let records = 0;
  let at = -1;
  let groupStop = 0;
  // The rows of the contig have begun.
  let isBegun = false;

  const emit = (runs: Runs): void => {
    const { id, name: contig, length } = contigs[at]!;
    const from = at === 0 ? part.from : 0;
    regions?.add(runs);
    if (perBase) {
      if (!isBegun) beginContig(perBase.track, id, contig, from, runs.before);
      addRuns(perBase.track, runs, runs.depth);
    }
    if (quantized && toBin) {
      if (binned.length < runs.count) binned = new Int32Array(2 * runs.count);
      quantize(runs, toBin, length, binned);
      if (!isBegun) beginContig(quantized.track, id, contig, from, toBin(runs.before));
      addRuns(quantized.track, runs, binned);
    }
    isBegun = true;
  };
  const meter = createMeter(perBase || quantized || regions ? emit : undefined, tally);
  const endOf = (i: number): number => (i === contigs.length - 1 ? part.to : contigs[i]!.length);

  const next = (): void => {
    at++;
    const contig = contigs[at]!;
    const [from, to] = [at === 0 ? part.from : 0, endOf(at)];
    isBegun = false;
    if (at === groupStop) groupStop = groupEnd(contigs, at);
    meter.begin(contig, from, to);
    regions?.begin(contig.id, rowsOf(contig, settings, bed), from, to, to === contig.length);
  };
  const end = (): void => {
    const { id, length } = contigs[at]!;
    const { count, isSeen } = meter.end();
    // A contig without bases has a row nevertheless.
    if (length === 0) {
      const runs = { at: Int32Array.of(0), depth: Int32Array.of(0), count: 1, end: 0, before: -1 };
      addToTally(tally, runs);
      emit(runs);
    }
    for (const rest of [perBase, quantized]) {
      if (!rest) continue;
      if (endOf(at) < length) rest.open = takeOpen(rest.track);
      else {
        endContig(rest.track, length);
        if (at + 1 === groupStop) endUnit(rest.track);
      }
    }
    regions?.end();
    tallies.push(id, tally);
    if (isSeen) seen.push(id);
    records += count;
  };
  if (contigs.length > 0) next();

  return {
    perBase,
    quantized,
    regions,
    contig: () => contigs[at]?.id ?? -1,
    turn(id) {
      while (at + 1 < contigs.length && contigs[at + 1]!.id <= id) {
        end();
        next();
      }
      return contigs[at]!.id;
    },
    finish() {
      while (at >= 0 && at < contigs.length) {
        end();
        if (at + 1 < contigs.length) next();
        else at++;
      }
      return { tallies: tallies.build(), seen: Int32Array.from(seen), records };
    },
  };
}
