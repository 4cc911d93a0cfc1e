/** One pass over a part of a BAM: each chunk of records goes to all reports, with those that start in the part told from the halo. */
import { BadInput } from '../../core/errors.ts';
import type { Contig } from '../coverage/contigs.ts';
import type { Part as Placed } from '../coverage/plan.ts';
import { alignmentsOf, type Stretch } from '../formats/alignments.ts';
import type { Stretch as Letters } from '../formats/fasta.ts';
import { placedRecords, type Reading } from '../formats/placed.ts';
import { field } from '../formats/record.ts';
import { stopOf } from '../kernels/bases.ts';
import { operations } from '../kernels/cigar.ts';
import type { Wanted } from './wanted.ts';

/** A part of coverage's, which with `tail` also has all records without a place: they lie behind starts of stretches, of each file one. */
export type Part = Placed & {
  readonly tail: readonly Stretch[];
  /** Of files without an index, nothing else but this: the records that start in `[from, to)` of one, in any order. */
  readonly loose: Stretch | null;
  /** Where the reference of each contig lies, null for one that has none; null for a run without reference. */
  readonly reference: readonly (Letters | null)[] | null;
};

/** Records of one contig, or without a place, in `view`: bytes `[halo, start)` start before the part, `[start, end)` are its own. */
export type Batch = {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly contig: number;
  readonly halo: number;
  readonly start: number;
  readonly end: number;
};

/** What looks at the records of a part. A promise is awaited before more comes. */
export type Visitor = {
  /** Turns to `[from, to)` of a contig: each one of the part, in order, with or without records. */
  begin?(contig: Contig, from: number, to: number): void;
  /** Records of the contig, or the ones without a place after the last contig. Valid until it returns. */
  take(batch: Batch): void | Promise<void>;
  /** The contig has no more records. */
  end?(): void | Promise<void>;
};

/**
 * Shows a part to the visitors, of it the records that overlap what is wanted. Gives how many records start in it.
 * @throws BadInput when records are not in order
 */
export async function scan(
  part: Part,
  reading: Reading,
  visitors: readonly Visitor[],
  wanted: Wanted | undefined,
): Promise<number> {
  const { name } = reading.files[part.spans[0]?.file ?? 0]!;
  const contigs = part.contigs.map(([id, text, length]): Contig => ({ id, name: text, length }));
  let count = 0;
  let at = -1;
  let last = -1;

  const limitsOf = (i: number): readonly [from: number, to: number] => [
    i === 0 ? part.from : 0,
    i === contigs.length - 1 ? part.to : contigs[i]!.length,
  ];
  const next = (): void => {
    at++;
    last = -1;
    const [from, to] = limitsOf(at);
    for (const visitor of visitors) visitor.begin?.(contigs[at]!, from, to);
  };
  const end = async (): Promise<void> => {
    for (const visitor of visitors) {
      const wait = visitor.end?.();
      if (wait) await wait;
    }
  };
  const show = async (batch: Batch): Promise<void> => {
    if (batch.halo === batch.end) return;
    for (const visitor of visitors) {
      const wait = visitor.take(batch);
      if (wait) await wait;
    }
  };
  /** The batch of contig `at` that starts at a byte, and whether it ended with a record behind the part. */
  const cut = (bytes: Uint8Array, view: DataView, halo: number): { batch: Batch; isPast: boolean } => {
    const { id, name: contig, length } = contigs[at]!;
    const [from, to] = limitsOf(at);
    // What lies outside the contig belongs to its first or its last part.
    const [low, high] = [from === 0 ? -1 : from, to >= length ? Infinity : to];
    let byte = halo;
    let start = -1;
    let isPast = false;
    let records = 0;
    while (byte < bytes.length && view.getInt32(byte + field.refId, true) === id) {
      const pos = view.getInt32(byte + field.pos, true);
      if (pos < last)
        throw new BadInput(
          `BAM: ${name} has a read at base ${pos + 1} after one at base ${last + 1} of ${contig}, expected them in order; sort it with samtools sort`,
        );
      isPast = pos >= high;
      if (isPast) break;
      last = pos;
      if (pos >= low) {
        if (start < 0) start = byte;
        records++;
      }
      byte += 4 + view.getInt32(byte, true);
    }
    count += records;
    return {
      batch: { view, bytes, contig: id, halo, start: start < 0 ? byte : start, end: byte },
      isPast,
    };
  };
  /** False when a record lay behind the part. */
  const feed = async (bytes: Uint8Array): Promise<boolean> => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let byte = 0; byte < bytes.length;) {
      const id = view.getInt32(byte + field.refId, true);
      while (at + 1 < contigs.length && contigs[at + 1]!.id <= id) {
        await end();
        next();
      }
      if (id === contigs[at]!.id) {
        const { batch, isPast } = cut(bytes, view, byte);
        await show(batch);
        if (isPast) return false;
        byte = batch.end;
        continue;
      }
      if (last >= 0)
        throw new BadInput(
          `BAM: ${name} has reads of contig number ${id + 1} after some of ${contigs[at]!.name}, expected them in the order of the header; sort it with samtools sort`,
        );
      // Before the part's first contig.
      byte += 4 + view.getInt32(byte, true);
    }
    return true;
  };

  if (part.loose) {
    for await (const bytes of only(alignmentsOf(part.loose, part.total, reading), wanted))
      for (const batch of runsOf(bytes)) {
        await show(batch);
        count += countRecords(batch);
      }
  }
  if (contigs.length > 0) next();
  if (part.spans.length > 0)
    for await (const bytes of only(placedRecords(part.spans, part.total, reading), wanted))
      if (!(await feed(bytes))) break;
  while (at >= 0 && at < contigs.length) {
    await end();
    if (at + 1 < contigs.length) next();
    else at++;
  }
  for (const stretch of part.tail)
    for await (const bytes of alignmentsOf(stretch, part.total, reading)) {
      const batch = placeless(bytes, reading.files[stretch.file]!.name);
      await show(batch);
      count += countRecords(batch);
    }
  return count;
}

/** The records that overlap what is wanted, which move together in their chunk. */
async function* only(
  chunks: AsyncGenerator<Uint8Array>,
  wanted: Wanted | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of chunks) {
    const end = wanted ? sieve(bytes, wanted) : bytes.length;
    if (end > 0) yield bytes.subarray(0, end);
  }
}

function sieve(bytes: Uint8Array, { regionsOf }: Wanted): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = 0;
  for (let at = 0, next = 0; at < bytes.length; at = next) {
    next = at + 4 + view.getInt32(at, true);
    const id = view.getInt32(at + field.refId, true);
    const pos = view.getInt32(at + field.pos, true);
    if (id < 0 || !regionsOf(id).overlaps(pos, stopOf(view, at, operations(view, at)))) continue;
    bytes.copyWithin(end, at, next);
    end += next - at;
  }
  return end;
}

/** Neighbouring records of one contig, or without a place, in a chunk of any order. */
function* runsOf(bytes: Uint8Array): Generator<Batch> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let start = 0, end = 0; start < bytes.length; start = end) {
    const contig = view.getInt32(start + field.refId, true);
    while (end < bytes.length && view.getInt32(end + field.refId, true) === contig)
      end += 4 + view.getInt32(end, true);
    yield { view, bytes, contig, halo: start, start, end };
  }
}

/** The records of a chunk without a place, which are its last ones. */
function placeless(bytes: Uint8Array, name: string): Batch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let start = -1;
  for (let byte = 0; byte < bytes.length; byte += 4 + view.getInt32(byte, true)) {
    const isPlaced = view.getInt32(byte + field.refId, true) >= 0;
    if (!isPlaced && start < 0) start = byte;
    if (isPlaced && start >= 0)
      throw new BadInput(
        `BAM: ${name} has a read with a place after some without, expected them at the end; sort it with samtools sort`,
      );
  }
  if (start < 0) start = bytes.length;
  return { view, bytes, contig: -1, halo: start, start, end: bytes.length };
}

function countRecords({ view, start, end }: Batch): number {
  let count = 0;
  for (let byte = start; byte < end; byte += 4 + view.getInt32(byte, true)) count++;
  return count;
}
