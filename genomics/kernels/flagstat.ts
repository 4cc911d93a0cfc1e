/** Counts alignment records as `samtools flagstat` does: a histogram of FLAG, and two counts of mates that it does not tell. */
import type { FlagCounts } from '../formats/flagstat.ts';
import { field, flag } from '../formats/record.ts';

/** Counts of records; additive. */
export type Tally = {
  /** For each of the 65,536 values of FLAG, the records that have it. */
  readonly byFlag: Float64Array;
  /**
   * Records of primary pairs with both ends mapped, the mate on another contig: QC-passed, QC-failed; then those of them with
   * mapq >= 5.
   */
  readonly mateElsewhere: Float64Array<ArrayBuffer>;
};

export const createTally = (): Tally => ({
  byFlag: new Float64Array(65536),
  mateElsewhere: new Float64Array(4),
});

const { paired, unmapped, mateUnmapped, secondary, supplementary } = flag;
const pairMask = paired | unmapped | mateUnmapped | secondary | supplementary;

/** Adds a chunk of whole records, each of which starts with its block_size (SAM spec 4.2), to a tally. */
export function count(records: Uint8Array, { byFlag, mateElsewhere }: Tally): void {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  for (let at = 0; at < records.length; at += 4 + view.getInt32(at, true)) {
    const bits = view.getUint16(at + field.flag, true);
    byFlag[bits]!++;
    if ((bits & pairMask) !== paired) continue;
    if (view.getInt32(at + field.refId, true) === view.getInt32(at + field.nextRefId, true)) continue;
    const side = bits & flag.qcFail ? 1 : 0;
    mateElsewhere[side]!++;
    if (records[at + field.mapq]! >= 5) mateElsewhere[2 + side]!++;
  }
}

/** A tally without its zeros: values of FLAG that occur, ascending, and how many records have each. */
export type Counted = {
  readonly flags: Uint16Array<ArrayBuffer>;
  readonly reads: Float64Array<ArrayBuffer>;
  /** As in Tally. */
  readonly mateElsewhere: Float64Array<ArrayBuffer>;
};

export function pack({ byFlag, mateElsewhere }: Tally): Counted {
  const flags: number[] = [];
  byFlag.forEach((reads, bits) => {
    if (reads > 0) flags.push(bits);
  });
  return {
    flags: Uint16Array.from(flags),
    reads: Float64Array.from(flags, (bits) => byFlag[bits]!),
    mateElsewhere,
  };
}

/** The sum of counts. */
export function sum(all: readonly Counted[]): Counted {
  const total = createTally();
  for (const { flags, reads, mateElsewhere } of all) {
    flags.forEach((bits, i) => (total.byFlag[bits]! += reads[i]!));
    mateElsewhere.forEach((n, i) => (total.mateElsewhere[i]! += n));
  }
  return pack(total);
}

/** What flagstat reports of the QC-passed records, and of the QC-failed. */
export function summarize(counted: Counted): readonly [passed: FlagCounts, failed: FlagCounts] {
  return [summarizeSide(counted, 0), summarizeSide(counted, 1)];
}

function summarizeSide({ flags, reads, mateElsewhere }: Counted, side: 0 | 1): FlagCounts {
  const sumOf = (isCounted: (has: (bits: number) => boolean) => boolean): number => {
    let total = 0;
    flags.forEach((bits, i) => {
      if ((bits & flag.qcFail ? 1 : 0) !== side) return;
      if (isCounted((wanted) => (bits & wanted) !== 0)) total += reads[i]!;
    });
    return total;
  };
  type Has = (bits: number) => boolean;
  const isPrimary = (has: Has): boolean => !has(secondary | supplementary);
  const isPair = (has: Has): boolean => isPrimary(has) && has(paired);
  return {
    total: sumOf(() => true),
    primary: sumOf(isPrimary),
    secondary: sumOf((has) => has(secondary)),
    // A record that is both counts as secondary only.
    supplementary: sumOf((has) => has(supplementary) && !has(secondary)),
    duplicates: sumOf((has) => has(flag.duplicate)),
    primaryDuplicates: sumOf((has) => isPrimary(has) && has(flag.duplicate)),
    mapped: sumOf((has) => !has(unmapped)),
    primaryMapped: sumOf((has) => isPrimary(has) && !has(unmapped)),
    paired: sumOf(isPair),
    read1: sumOf((has) => isPair(has) && has(flag.read1)),
    read2: sumOf((has) => isPair(has) && has(flag.read2)),
    properlyPaired: sumOf((has) => isPair(has) && has(flag.properPair) && !has(unmapped)),
    bothMapped: sumOf((has) => isPair(has) && !has(unmapped | mateUnmapped)),
    singletons: sumOf((has) => isPair(has) && !has(unmapped) && has(mateUnmapped)),
    mateElsewhere: mateElsewhere[side]!,
    mateElsewhereMapq5: mateElsewhere[2 + side]!,
  };
}
