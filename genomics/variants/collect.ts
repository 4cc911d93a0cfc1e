/** Calls the variants of a part: reads it unit by unit. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { callStretch, halo } from '../calling/caller.ts';
import { type Aligner, createAligner } from '../calling/likelihoods.ts';
import { createPool, keep, mayOverlap, type Pool, referenceCodes, settle, take } from '../calling/pool.ts';
import { openBases } from '../formats/fasta.ts';
import { openReading, placedRecords, type Reading } from '../formats/placed.ts';
import { field } from '../formats/record.ts';
import { bedOf, headingOf } from '../formats/remembered.ts';
import { collectLines } from '../formats/vcfwriter.ts';
import { unitSize } from '../kernels/units.ts';
import { writeBlock, writeLine } from './line.ts';
import type { Part, Piece } from './plan.ts';
import type { Calls } from './result.ts';
import { createSampler } from './samples.ts';
import type { Params } from './settings.ts';
import { wantedOf } from './wanted.ts';

export type Inputs = {
  readonly reads: readonly Dataset[];
  readonly reference: readonly [Dataset];
  readonly regions?: readonly [Dataset];
};

/** Of reads that start in the same bases as many are taken as `max-depth` says. */
const binSize = 64;

export async function collect(part: Part, inputs: Inputs, given: Params, context: Context): Promise<Calls> {
  const { reads, reference, regions } = inputs;
  const [first] = reads;
  const { contigs } = (await headingOf(first!, context)).header;
  const bed = regions && (await bedOf(regions[0], context));
  const wantedIn = wantedOf(given.region, bed, contigs, first!.uri);
  const reading = await openReading(reads, reference[0], true, context, await context.module('scan'));
  const aligner = createAligner(await context.module('pairhmm'));
  const lines = collectLines();
  let records = 0;
  for (const piece of part.pieces) {
    const contig = contigs[piece.id]!;
    const wanted = wantedIn(piece.id);
    const add = (from: number, to: number, line: string): void => lines.add(piece.id, from, to, line);
    const show: Show = {
      wanted(from, to) {
        if (wanted.length === 0) return undefined;
        const [first, ...rest] = wanted.map((one) => one.mark(from, to));
        return first!.map((is, i) => (rest.every((one) => one[i]) ? is : 0));
      },
      take({ calls, blocks }) {
        const kept = calls.filter(({ pos }) => wanted.every((one) => one.overlaps(pos, pos + 1)));
        let next = 0;
        for (const call of kept) {
          for (; next < blocks.length && blocks[next]!.from < call.pos; next++) {
            const block = blocks[next]!;
            add(block.from, block.to, writeBlock(contig.name, block));
          }
          add(call.pos, call.pos + call.alleles[0]!.length, writeLine(contig.name, call));
        }
        for (const block of blocks.slice(next)) add(block.from, block.to, writeBlock(contig.name, block));
      },
    };
    records += await callPiece(piece, part, contigs.length, contig.length, reading, given, aligner, show);
  }
  return { records, samples: part.samples.names, ...(await lines.store(context)) };
}

/** Which positions of a stretch blocks are wanted of, undefined for all; and what takes what was found. */
type Show = {
  readonly wanted: (from: number, to: number) => Uint8Array | undefined;
  readonly take: (found: ReturnType<typeof callStretch>) => void;
};

/** Calls a piece; gives how many reads start in it. */
async function callPiece(
  piece: Piece,
  part: Part,
  contigs: number,
  length: number,
  reading: Reading,
  given: Params,
  aligner: Aligner,
  show: Show,
): Promise<number> {
  const { signal } = reading;
  const sampleOf = createSampler(part.samples);
  const { source, name } = reading.reference!;
  const bases = openBases(source, name, piece.reference, signal, referenceCodes);
  const pool = createPool();
  const rules = {
    ploidy: given.ploidy,
    samples: part.samples.names.length,
    least: given['min-qual'],
    isWhole: given.gvcf,
    isEvidence: (i: number) => pool.mapq[i]! >= given.mapq,
  };
  let [unit, settled, binFirst, bin, last, count] = [piece.from, 0, 0, -1, -1, 0];
  const closeBin = (): void => {
    if (pool.count - binFirst > given['max-depth']) thin(pool, binFirst, given['max-depth']);
    binFirst = pool.count;
  };
  /** Calls the unit at hand, all reads over which are in the pool. */
  const call = async (): Promise<void> => {
    const to = Math.min(piece.to, unit + unitSize);
    if (pool.count === 0 && !given.gvcf) {
      unit += unitSize;
      return;
    }
    const [low, high] = [Math.max(0, unit - halo), Math.min(length, to + halo)];
    await bases.hold(low, high);
    const slice = {
      codes: bases.codes.subarray(low - bases.origin, high - bases.origin),
      from: low,
      to: high,
    };
    settleAll(pool, settled);
    const wanted = given.gvcf ? show.wanted(low, high) : undefined;
    show.take(callStretch(pool, slice, unit, to, length, rules, aligner, wanted));
    unit += unitSize;
    keep(pool, (i) => pool.end[i]! > unit - halo);
    settled = pool.count;
    binFirst = pool.count;
  };
  try {
    const owners: number[] = [];
    read: for await (const bytes of placedRecords(piece.spans, contigs, reading, owners)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = 0, k = 0; at < bytes.length; at += 4 + view.getInt32(at, true), k++) {
        const id = view.getInt32(at + field.refId, true);
        if (id < 0 || id > piece.id) break read;
        if (id < piece.id) continue;
        const pos = view.getInt32(at + field.pos, true);
        if (pos < last)
          throw new BadInput(
            `BAM: ${reading.files[0]!.name} has a read at base ${pos + 1} after one at base ${last + 1} of contig ${id + 1}, expected them in order; sort it with samtools sort`,
          );
        last = pos;
        if (Math.floor(pos / binSize) !== bin) {
          closeBin();
          bin = Math.floor(pos / binSize);
        }
        while (unit < piece.to && pos >= unit + unitSize + halo) {
          signal.throwIfAborted();
          await call();
        }
        if (unit >= piece.to) break read;
        if (pos >= piece.from && pos < piece.to) count++;
        if (view.getUint16(at + field.flag, true) & given['exclude-flag']) continue;
        const sample = sampleOf(bytes, view, at, owners[k] ?? piece.spans[0]!.file);
        if (sample < 0) continue;
        take(pool, bytes, view, at, sample);
      }
    }
    closeBin();
    while (unit < piece.to) await call();
    return count;
  } finally {
    await bases.close();
  }
}

/** Of the reads from `first` on, keeps the `most` whose names have the smallest hashes: the same ones wherever a part begins. */
function thin(pool: Pool, first: number, most: number): void {
  const order = Array.from({ length: pool.count - first }, (_, k) => first + k).sort(
    (a, b) => pool.name[a]! - pool.name[b]! || a - b,
  );
  const kept = new Set(order.slice(0, most));
  keep(pool, (i) => kept.has(i), first);
}

/** Settles pairs of which the later read came after the first `settled` ones. */
function settleAll(pool: Pool, settled: number): void {
  const open = new Map<number, number>();
  for (let i = 0; i < pool.count; i++) {
    if (!mayOverlap(pool.flag[i]!)) continue;
    const mate = open.get(pool.name[i]!);
    if (mate === undefined || pool.end[mate]! <= pool.pos[i]!) open.set(pool.name[i]!, i);
    else {
      if (i >= settled) settle(pool, mate, i);
      open.delete(pool.name[i]!);
    }
  }
}
