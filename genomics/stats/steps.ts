/**
 * The reads of a part in order, in few bytes each: what of `samtools stats` hangs on the order of all reads (bins of GC-depth, and depth where reads
 * outgrow its buffer) is worked out from them at the end, one after the other, whatever the parts were.
 */
import { roomFor } from '../../core/room.ts';
import { field } from '../formats/record.ts';
import { isCovering, isReference, operations } from '../kernels/cigar.ts';

/** A read of one run that covers the bases of the reference which it has; what most reads are. */
const [isPlain, isTurn, isLonger] = [1, 2, 4];

/** Bytes of steps; `usual` is the length of a plain read. */
export type StepWriter = {
  bytes: Uint8Array;
  fill: number;
  usual: number;
  last: number;
  /** Longest read, with what was clipped off it, that has been written. */
  longest: number;
};

/** Longest read, less one, and bases of depth behind a read's start, that samtools has room for without growing. */
export const firstRoom = 300;
/** Bases of depth that the buffer holds for each base of the longest read. */
export const roomOfDepth = 5;

export const createStepWriter = (): StepWriter => ({
  bytes: new Uint8Array(1 << 16),
  fill: 0,
  usual: -1,
  last: 0,
  longest: firstRoom - 1,
});

function reserve(writer: StepWriter, size: number): void {
  writer.bytes = roomFor(writer.bytes, writer.fill + size);
}

function write(writer: StepWriter, value: number): void {
  const { bytes } = writer;
  let rest = value;
  while (rest >= 128) {
    bytes[writer.fill++] = (rest & 127) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[writer.fill++] = rest;
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

/** Turns to a contig, of which the reference has `length` bases; 0 without a reference. */
export function writeTurn(writer: StepWriter, contig: number, length: number): void {
  reserve(writer, 32);
  write(writer, isTurn);
  write(writer, contig + 1);
  write(writer, length);
  writer.last = 0;
}

/** A read of such a length that does not count for depth. */
export function writeLonger(writer: StepWriter, length: number): void {
  if (length <= writer.longest) return;
  writer.longest = length;
  reserve(writer, 32);
  write(writer, isLonger);
  write(writer, length);
}

/** The read at a byte. `a` and `b`: what is to be known of its G and C, in few bits. `length` is that with what was clipped off. */
export function writeRead(
  writer: StepWriter,
  view: DataView,
  at: number,
  length: number,
  a: number,
  b: number,
): void {
  if (length > writer.longest) {
    writer.longest = length;
  }
  const pos = view.getInt32(at + field.pos, true);
  const size = view.getInt32(at + field.seqLength, true);
  if (writer.usual < 0) writer.usual = size;
  const ops = operations(view, at);
  reserve(writer, 80 + 20 * ops.count);
  const only = ops.count === 1 ? view.getUint32(ops.at, true) : 0;
  const plain = size === writer.usual && isCovering(only) && only >>> 4 === size;
  write(writer, zigzag(a) * 8 + (plain ? isPlain : 0));
  write(writer, zigzag(b));
  write(writer, zigzag(pos - writer.last));
  writer.last = pos;
  if (plain) return;
  write(writer, size);
  write(writer, length);
  // Runs, and the gaps before them; neighbouring operations are one run.
  const countAt = writer.fill;
  writer.fill += 5;
  let [runs, deleted, gap, run] = [0, 0, 0, 0];
  const end = (): void => {
    if (run === 0) return;
    write(writer, gap);
    write(writer, run);
    runs++;
    [gap, run] = [0, 0];
  };
  for (let i = 0; i < ops.count; i++) {
    const op = view.getUint32(ops.at + 4 * i, true);
    const steps = op >>> 4;
    if ((op & 15) === 2) deleted += steps;
    if (isCovering(op)) {
      run += steps;
    } else if (isReference(op) && steps > 0) {
      end();
      gap += steps;
    }
  }
  end();
  for (let i = 0; i < 5; i++)
    writer.bytes[countAt + i] = (Math.floor(runs / 128 ** i) & 127) | (i < 4 ? 128 : 0);
  write(writer, deleted);
}

/** A step that was read; one object for all. */
export type Step = {
  kind: 'turn' | 'longer' | 'read';
  contig: number;
  /** Bases of the contig's reference. */
  reference: number;
  /** With what was clipped off the read. */
  length: number;
  pos: number;
  /** Bases of the read. */
  size: number;
  deleted: number;
  a: number;
  b: number;
  /** Gap and length of each run. */
  runs: number[];
};

/** Reads the steps of a part: a function that takes its pieces in order and shows each step. */
export function createStepReader(usual: number, show: (step: Step) => void): (bytes: Uint8Array) => void {
  const step: Step = {
    kind: 'turn',
    contig: -1,
    reference: 0,
    length: 0,
    pos: 0,
    size: 0,
    deleted: 0,
    a: 0,
    b: 0,
    runs: [],
  };
  const plain = [0, usual];
  return (bytes) => {
    let at = 0;
    const next = (): number => {
      let [value, unit] = [0, 1];
      for (;;) {
        const byte = bytes[at++]!;
        value += (byte & 127) * unit;
        if (byte < 128) return value;
        unit *= 128;
      }
    };
    while (at < bytes.length) {
      const head = next();
      if (head & isTurn) {
        step.kind = 'turn';
        step.contig = next() - 1;
        step.reference = next();
        step.pos = 0;
      } else if (head & isLonger) {
        step.kind = 'longer';
        step.length = next();
      } else {
        step.kind = 'read';
        step.a = unzigzag(Math.floor(head / 8));
        step.b = unzigzag(next());
        step.pos += unzigzag(next());
        if (head & isPlain) {
          step.size = step.length = usual;
          step.deleted = 0;
          step.runs = plain;
        } else {
          step.size = next();
          step.length = next();
          const count = 2 * next();
          step.runs = Array.from({ length: count }, next);
          step.deleted = next();
        }
      }
      show(step);
    }
  };
}
