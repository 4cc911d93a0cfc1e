/** Operations of a record in place (SAM spec 4.2): `length << 4 | code`, codes being indices into MIDNSHP=X. */
import { CIGAR_LENGTH, NAME, NAME_LENGTH, SEQ_LENGTH } from './record.ts';

// Bit sets over the codes: M, D, N, = and X step along the reference; M, = and X cover it.
const REFERENCE: u32 = 0b110001101;
const COVERING: u32 = 0b110000001;
const SOFT_CLIP: u32 = 4;

@inline
export function isCovering(op: u32): bool {
  return ((COVERING >>> (op & 15)) & 1) == 1;
}
@inline
export function isReference(op: u32): bool {
  return ((REFERENCE >>> (op & 15)) & 1) == 1;
}

/** Where the operations of the record that `findOperations` looked at lie, and how many they are. */
export let opsAt: usize = 0;
export let opsCount: u32 = 0;

/**
 * Finds the operations of the record at `record`. More than 65,535 of them stand in the tag CG, and their field holds a soft
 * clip of the whole read and a skip (SAM spec 4.2.2).
 */
@inline
export function findOperations(record: usize): void {
  opsAt = record + NAME + <usize>load<u8>(record, NAME_LENGTH);
  opsCount = <u32>load<u16>(record, CIGAR_LENGTH);
  if (opsCount == 0) return;
  const op = load<u32>(opsAt);
  if ((op & 15) == SOFT_CLIP && op >>> 4 == load<u32>(record, SEQ_LENGTH)) findLong(record, opsAt + (opsCount << 2));
}

/** Bytes of a tag's value, or of an item of its array; 0 for a type without a size. */
function sizeOf(type: u32): u32 {
  switch (type) {
    case 0x41: // A
    case 0x43: // C
    case 0x63: // c
      return 1;
    case 0x53: // S
    case 0x73: // s
      return 2;
    case 0x49: // I
    case 0x69: // i
    case 0x66: // f
      return 4;
    default:
      return 0;
  }
}

function findLong(record: usize, sequence: usize): void {
  const end = record + 4 + load<u32>(record);
  const length = load<u32>(record, SEQ_LENGTH);
  let tag = sequence + ((length + 1) >>> 1) + length;
  while (tag + 3 <= end) {
    const type = <u32>load<u8>(tag, 2);
    const value = tag + 3;
    // B, an array; Z and H, texts that end with NUL.
    if (type == 0x42) {
      if (value + 5 > end) return;
      const item = sizeOf(<u32>load<u8>(value));
      const count = load<u32>(value, 1);
      if (item == 0 || <u64>(value + 5) + <u64>item * <u64>count > <u64>end) return;
      // "CG", of 4-byte items.
      if (load<u16>(tag) == 0x4743 && item == 4) {
        opsAt = value + 5;
        opsCount = count;
        return;
      }
      tag = value + 5 + item * count;
    } else if (type == 0x5a || type == 0x48) {
      tag = value;
      while (tag < end && load<u8>(tag) != 0) tag++;
      tag++;
    } else {
      const size = sizeOf(type);
      if (size == 0) return;
      tag = value + size;
    }
  }
}
