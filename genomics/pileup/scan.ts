/** Piles up the reads of a run of pieces, record after record, and hands windows of positions to who writes them. */
import { BadInput } from '../../core/errors.ts';
import type { Contig } from '../formats/bam.ts';
import { asLetters, type Bases, openBases } from '../formats/fasta.ts';
import { placedRecords, type Reading } from '../formats/placed.ts';
import { field } from '../formats/record.ts';
import { stopOf } from '../kernels/bases.ts';
import { operations } from '../kernels/cigar.ts';
import type { Letters } from '../kernels/pilerows.ts';
import {
  counts,
  type Depths,
  isBehind,
  isDoubtful,
  nextWindow,
  type Piler,
  push,
  turnPiler,
  type Window,
} from '../kernels/pileup.ts';
import type { Piece, Run } from './plan.ts';
import type { Regions } from '../formats/regions.ts';

/** No position is beyond it (SAM spec 4.2). */
const endless = 2 ** 31 - 1;

export type Scanning = {
  readonly reading: Reading;
  readonly contigs: readonly Contig[];
  readonly piler: Piler;
  readonly depths: Depths;
  /** Positions without reads are wanted. */
  readonly isWhole: boolean;
  /** Of a contig: only reads that overlap any of these count; all without it. */
  readonly regionsOf: (id: number) => Regions | undefined;
  /** Takes a window, the reads of which are on the stack. */
  readonly show: (piece: Piece, window: Window, letters: Letters) => void | Promise<void>;
};

/**
 * Piles up a run. Gives how many records start in it.
 * @throws BadInput when records are not in order
 */
export async function pileRun(run: Run, how: Scanning): Promise<number> {
  for (const start of run.starts) {
    const count = await attempt(run, start, how);
    if (count !== undefined) return count;
  }
  throw new RangeError('pileup: a run has no start from which it is known what was left out');
}

/** As `pileRun`; undefined when it must begin farther back. */
async function attempt(
  { pieces }: Run,
  { sure, spans }: Run['starts'][number],
  how: Scanning,
): Promise<number | undefined> {
  const { reading, contigs, piler } = how;
  const { name } = reading.files[spans[0]!.file]!;
  let count = 0;
  let next = 0;
  let piece = pieces[0]!;
  let last = -1;
  let bases: Bases | undefined;
  let isOpen = false;

  const turn = (): void => {
    piece = pieces[next]!;
    last = -1;
    const { id, from, to, reference } = piece;
    const limit = reference ? reference.sequence.length : endless;
    const isLast = to >= contigs[id]!.length;
    turnPiler(piler, { from, to: isLast ? endless : to, sure: next === 0 ? sure : -1, limit });
    bases =
      reading.reference && reference
        ? openBases(reading.reference.source, reading.reference.name, reference, reading.signal, asLetters)
        : undefined;
    isOpen = false;
  };
  const drain = async (to: number, isWhole: boolean): Promise<void> => {
    for (;;) {
      const window = nextWindow(piler, to, how.depths, isWhole);
      if (!window) return;
      if (bases) await bases.hold(window.from, Math.max(window.to, window.reach));
      const letters = bases ? { bytes: bases.codes, from: bases.origin, to: bases.end } : null;
      const wait = how.show(piece, window, letters);
      if (wait) await wait;
    }
  };
  const finish = async (): Promise<void> => {
    const { id, to } = piece;
    const { length } = contigs[id]!;
    await drain(Math.min(to, length), how.isWhole);
    if (to >= length) await drain(endless, false);
    await bases?.close();
    next++;
  };
  /** Goes on to the next piece; true when there is none. */
  const leave = async (): Promise<boolean> => {
    await finish();
    if (next < pieces.length) turn();
    return next === pieces.length;
  };
  const isWanted = (view: DataView, byte: number): boolean => {
    if (!counts(piler, view, byte)) return false;
    const regions = how.regionsOf(piece.id);
    if (!regions) return true;
    const start = view.getInt32(byte + field.pos, true);
    return regions.overlaps(start, stopOf(view, byte, operations(view, byte)));
  };
  /** False when the run must begin farther back. */
  const feed = async (bytes: Uint8Array): Promise<boolean> => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let byte = 0; byte < bytes.length; byte += 4 + view.getInt32(byte, true)) {
      const id = view.getInt32(byte + field.refId, true);
      while (next < pieces.length && (id < 0 || id > piece.id)) {
        if (!isOpen && isDoubtful(piler)) return false;
        await leave();
      }
      if (next === pieces.length) return true;
      if (id < piece.id) {
        if (last < 0) continue;
        throw new BadInput(
          `BAM: ${name} has reads of contig number ${id + 1} after some of ${contigs[piece.id]!.name}, expected them in the order of the header; sort it with samtools sort`,
        );
      }
      const pos = view.getInt32(byte + field.pos, true);
      if (pos < last)
        throw new BadInput(
          `BAM: ${name} has a read at base ${pos + 1} after one at base ${last + 1} of ${contigs[id]!.name}, expected them in order; sort it with samtools sort`,
        );
      last = pos;
      if (!isOpen && pos >= piece.from) {
        if (isDoubtful(piler)) return false;
        isOpen = true;
      }
      const { from, to } = piler.piece;
      if (pos < to && (pos >= from || from === 0)) count++;
      // Behind the piece, and behind all reads in it.
      if (pos >= to && pos >= piler.reach) {
        if (await leave()) return true;
        continue;
      }
      if (!isWanted(view, byte)) continue;
      push(piler, bytes, view, byte);
      // The first read behind the piece may still change qualities in it.
      if (pos >= to) {
        if (await leave()) return true;
        continue;
      }
      if (isBehind(piler)) await drain(piler.last, how.isWhole);
    }
    return true;
  };

  turn();
  try {
    for await (const bytes of placedRecords(spans, contigs.length, reading)) {
      if (!(await feed(bytes))) return undefined;
      if (next === pieces.length) break;
    }
    if (next === 0 && !isOpen && isDoubtful(piler)) return undefined;
    while (next < pieces.length) await leave();
    return count;
  } finally {
    await bases?.close();
  }
}
