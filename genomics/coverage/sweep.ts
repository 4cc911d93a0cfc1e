/** Measures a part, record after record: depth per base and per bin as rows, tallies of contigs, values of regions. */
import { BadInput } from '../../core/errors.ts';
import type { Bed } from '../formats/bed.ts';
import { binOf } from '../formats/quantize.ts';
import { field } from '../formats/record.ts';
import { begin, createSweep, finish, type Runs } from '../kernels/depth.ts';
import { createQuantizer, quantize } from '../kernels/quantize.ts';
import { createReads, turn, walk } from '../kernels/reads.ts';
import { createRegionSweep, type RegionSweep } from '../kernels/regions.ts';
import { addRuns as addToTally, createTallies, createTally, type Tallies } from '../kernels/tally.ts';
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

export type PartSweep = {
  readonly perBase: Rest | undefined;
  readonly quantized: Rest | undefined;
  readonly regions: RegionSweep | undefined;
  /** Takes a chunk of whole records; false when one lay behind contig `stop` of the header, or behind the part. */
  feed(chunk: Uint8Array, stop: number): boolean;
  /** Ends the part. Gives the tallies of its contigs, which of them have reads, and the number of reads that start in it. */
  finish(): { readonly tallies: Tallies; readonly seen: Int32Array<ArrayBuffer>; readonly records: number };
};

/** `name` is the BAM's, for messages. */
export function createPartSweep(
  part: Part,
  settings: Settings,
  bed: Bed | undefined,
  name: string,
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
    addToTally(tally, runs);
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
  const sweep = createSweep(emit);
  const reads = createReads(sweep, settings.filter);
  const endOf = (i: number): number => (i === contigs.length - 1 ? part.to : contigs[i]!.length);

  const next = (): void => {
    at++;
    const contig = contigs[at]!;
    const [from, to] = [at === 0 ? part.from : 0, endOf(at)];
    isBegun = false;
    if (at === groupStop) groupStop = groupEnd(contigs, at);
    begin(sweep, from, to);
    turn(reads, contig.id, contig.name, contig.length, from, to);
    regions?.begin(contig.id, rowsOf(contig, settings, bed), from, to, to === contig.length);
  };
  const end = (): void => {
    const { id, length } = contigs[at]!;
    finish(sweep);
    // A contig without bases has a row nevertheless.
    if (length === 0) emit({ at: Int32Array.of(0), depth: Int32Array.of(0), count: 1, end: 0, before: -1 });
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
    if (reads.isSeen) seen.push(id);
    records += reads.count;
  };
  if (contigs.length > 0) next();

  return {
    perBase,
    quantized,
    regions,
    feed(chunk, stop) {
      const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
      for (let byte = 0; byte < chunk.length;) {
        const id = view.getInt32(byte + field.refId, true);
        if (id < 0 || id > stop) return false;
        while (at + 1 < contigs.length && contigs[at + 1]!.id <= id) {
          end();
          next();
        }
        const current = contigs[at]!.id;
        if (id === current) {
          byte = walk(reads, view, byte, name);
          if (reads.isPast) return false;
          continue;
        }
        if (id < current && reads.last >= 0)
          throw new BadInput(
            `BAM: ${name} has reads of contig number ${id + 1} after some of ${contigs[at]!.name}, expected them in the order of the header; sort it with samtools sort`,
          );
        // Of a contig that is not asked for.
        byte += 4 + view.getInt32(byte, true);
      }
      return true;
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
