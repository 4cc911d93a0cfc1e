/** Writes a coordinate-sorted BAM with its index, and counts what it writes. */
import type { Sink } from '../core/job.ts';
import { createIndex } from '../genomics/formats/binning.ts';
import { bgzip } from '../genomics/formats/bgzip.ts';
import type { Read } from './alignment.ts';
import type { Contig } from './genome.ts';

/** What stands in a BAM, as far as it was counted. */
export type Tally = {
  /** Records by FLAG. */
  readonly flags: Uint32Array;
  readonly contigs: readonly ContigTally[];
};
export type ContigTally = {
  mapped: number;
  unmapped: number;
  /** Bases of operation M in records that are neither secondary, failed nor duplicate: the sum of the depth. */
  bases: number;
};

export type BamWriter = {
  readonly tally: Tally;
  /** Counts a record that is going to be written. */
  count(contig: number, flag: number, read: Read): void;
  /** Takes the record `bytes[start, end)`, which lies at `[pos, stop)` of `contig`, -1 for one without a place. */
  write(bytes: Uint8Array, start: number, end: number, contig: number, pos: number, stop: number): void;
  /** To be awaited now and then: bounds what waits for the disk. */
  flushed(): Promise<void>;
  /** Writes the rest. Gives the BAI. */
  finish(): Promise<Uint8Array>;
};

/** Records that do not enter the depth: unmapped, secondary, failed, duplicate (samtools depth, mosdepth). */
const NO_DEPTH = 1796;

/** Starts a BAM with the SAM header `header`, deflated at `level` (zlib). */
export function createBamWriter(
  sink: Sink,
  header: string,
  contigs: readonly Contig[],
  level: number,
): BamWriter {
  const file = bgzip(sink, level);
  const index = createIndex();
  const tally: Tally = {
    flags: new Uint32Array(4096),
    contigs: contigs.map(() => ({ mapped: 0, unmapped: 0, bases: 0 })),
  };
  let waiting = file.write(encodeHeader(header, contigs));
  return {
    tally,
    count(contig, flag, read) {
      tally.flags[flag]!++;
      if (contig < 0) return;
      const one = tally.contigs[contig]!;
      if ((flag & 4) === 0) one.mapped++;
      else one.unmapped++;
      if ((flag & NO_DEPTH) === 0) one.bases += read.matched;
    },
    write(bytes, start, end, contig, pos, stop) {
      const from = file.tell();
      waiting = file.write(bytes.subarray(start, end)) ?? waiting;
      // FLAG, bit 4: unmapped (SAM spec 4.2).
      if (contig >= 0) index.add(contig, pos, stop, from, file.tell(), (bytes[start + 18]! & 4) === 0);
    },
    async flushed() {
      await waiting;
      waiting = undefined;
    },
    async finish() {
      await file.finish();
      let unplaced = 0;
      tally.flags.forEach((n, flag) => (unplaced += (flag & 12) === 12 ? n : 0));
      return index.toBai(contigs.length, unplaced);
    },
  };
}

function encodeHeader(text: string, contigs: readonly Contig[]): Uint8Array {
  const encoder = new TextEncoder();
  const names = contigs.map(({ name }) => encoder.encode(`${name}\0`));
  const body = encoder.encode(text);
  const out = new Uint8Array(12 + body.length + names.reduce((sum, name) => sum + 8 + name.length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  const put = (bytes: Uint8Array): void => {
    out.set(bytes, at);
    at += bytes.length;
  };
  const i32 = (value: number): void => {
    view.setInt32(at, value, true);
    at += 4;
  };
  put(encoder.encode('BAM\x01'));
  i32(body.length);
  put(body);
  i32(contigs.length);
  for (const [i, name] of names.entries()) {
    i32(name.length);
    put(name);
    i32(contigs[i]!.length);
  }
  return out;
}
