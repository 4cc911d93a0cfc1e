/** The layout of an alignment record in BAM (SAM spec 4.2). */

/** Byte offsets of a record's fields from its start, which is its block_size. Little-endian. */
export const field = {
  refId: 4,
  pos: 8,
  nameLength: 12,
  mapq: 13,
  bin: 14,
  cigarLength: 16,
  flag: 18,
  seqLength: 20,
  nextRefId: 24,
  nextPos: 28,
  templateLength: 32,
  name: 36,
} as const;

/** Bits of FLAG (SAM spec 1.4.2). */
export const flag = {
  paired: 0x1,
  properPair: 0x2,
  unmapped: 0x4,
  mateUnmapped: 0x8,
  reverse: 0x10,
  mateReverse: 0x20,
  read1: 0x40,
  read2: 0x80,
  secondary: 0x100,
  qcFail: 0x200,
  duplicate: 0x400,
  supplementary: 0x800,
} as const;
