/** Alignment records in place (SAM spec 4.2): their fields, and whether these fit each other. */

/** Byte offsets from a record's start, which is its block_size. */
export const REF_ID: usize = 4;
export const POS: usize = 8;
export const NAME_LENGTH: usize = 12;
export const MAPQ: usize = 13;
export const CIGAR_LENGTH: usize = 16;
export const FLAG: usize = 18;
export const SEQ_LENGTH: usize = 20;
export const NEXT_REF_ID: usize = 24;
export const NEXT_POS: usize = 28;
export const NAME: usize = 36;

/** Bits of FLAG (SAM spec 1.4.2). */
export const PAIRED: u32 = 0x1;
export const PROPER_PAIR: u32 = 0x2;
export const UNMAPPED: u32 = 0x4;
export const MATE_UNMAPPED: u32 = 0x8;
export const SECONDARY: u32 = 0x100;
export const QC_FAIL: u32 = 0x200;
export const SUPPLEMENTARY: u32 = 0x800;

/** A record's fields do not fit each other. */
export const BAD_RECORD: i32 = -30;

/** Bytes of the record at `at`, of which the data end at `end`: 0 when it is not all there, or BAD_RECORD. */
@inline
export function recordAt(at: usize, end: usize, contigs: i32): i32 {
  if (at + 36 > end) return 0;
  const size = load<i32>(at);
  const nameLength = <u32>load<u8>(at, NAME_LENGTH);
  const seqLength = load<i32>(at, SEQ_LENGTH);
  const refId = load<i32>(at, REF_ID);
  const nextRefId = load<i32>(at, NEXT_REF_ID);
  const used =
    <i64>32 + nameLength + ((<u32>load<u16>(at, CIGAR_LENGTH)) << 2) + ((<u32>seqLength + 1) >>> 1) + <i64>seqLength;
  // Before the rest of the record is waited for, so that a bad size is not taken for a long record.
  if (<i64>size < used || nameLength == 0 || seqLength < 0) return BAD_RECORD;
  if (refId < -1 || refId >= contigs || nextRefId < -1 || nextRefId >= contigs) return BAD_RECORD;
  if (load<i32>(at, POS) < -1) return BAD_RECORD;
  const nameEnd = at + NAME + nameLength;
  if (nameEnd <= end && load<u8>(nameEnd - 1) != 0) return BAD_RECORD;
  return <usize>size + 4 > end - at ? 0 : size + 4;
}
