/** Measures a part record after record, in TypeScript: the oracle of the kernel, and what words its faults. */
import { BadInput } from '../../core/errors.ts';
import type { Bed } from '../formats/bed.ts';
import { placedRecords, type Reading } from '../formats/placed.ts';
import { field } from '../formats/record.ts';
import { begin, createSweep, finish } from '../kernels/depth.ts';
import { createReads, type Reads, turn, walk } from '../kernels/reads.ts';
import { addRuns } from '../kernels/tally.ts';
import type { Part } from './plan.ts';
import type { Settings } from './settings.ts';
import { createPartSweep, type CreateMeter, type PartSweep } from './sweep.ts';

/** What both ways of measuring take. */
export type Measuring = {
  readonly part: Part;
  readonly settings: Settings;
  readonly bed: Bed | undefined;
  readonly reading: Reading;
  /** Called between chunks: what is finished may be taken out. */
  readonly spill: (sweep: PartSweep) => Promise<void> | undefined;
};

/** Sweeps the part; its end is left to the caller. @throws BadInput for damaged files, and records that are not in order */
export async function measurePlain(how: Measuring): Promise<PartSweep> {
  const { part, settings, bed, reading, spill } = how;
  const { sweep, feed } = createPlain(part, settings, bed, reading.files[part.spans[0]?.file ?? 0]!.name);
  for await (const chunk of placedRecords(part.spans, part.total, reading)) {
    if (!feed(chunk)) break;
    await spill(sweep);
  }
  return sweep;
}

/** A part's sweep, and what feeds it chunks of whole records of contigs up to its last one; false when one lay behind the part. */
export function createPlain(
  part: Part,
  settings: Settings,
  bed: Bed | undefined,
  name: string,
): { readonly sweep: PartSweep; readonly feed: (chunk: Uint8Array) => boolean } {
  let reads: Reads;
  const createMeter: CreateMeter = (emit, tally) => {
    const depths = createSweep((runs) => {
      addRuns(tally, runs);
      emit?.(runs);
    });
    reads = createReads(depths, settings.filter);
    return {
      begin(contig, from, to) {
        begin(depths, from, to);
        turn(reads, contig.id, contig.name, contig.length, from, to);
      },
      end() {
        finish(depths);
        return reads;
      },
    };
  };
  const sweep = createPartSweep(part, settings, bed, createMeter);
  return { sweep, feed: (chunk) => take(sweep, reads!, chunk, name) };
}

/** Takes a chunk of whole records; false when one lay behind the part. */
function take(sweep: PartSweep, reads: Reads, chunk: Uint8Array, name: string): boolean {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  for (let byte = 0; byte < chunk.length;) {
    const id = view.getInt32(byte + field.refId, true);
    const current = sweep.turn(id);
    if (id === current) {
      byte = walk(reads, view, byte, name);
      if (reads.isPast) return false;
      continue;
    }
    if (id < current && reads.last >= 0)
      throw new BadInput(
        `BAM: ${name} has reads of contig number ${id + 1} after some of ${reads.contigName}, expected them in the order of the header; sort it with samtools sort`,
      );
    // Of a contig that is not asked for.
    byte += 4 + view.getInt32(byte, true);
  }
  return true;
}
