/** One BGZF block: its header, its stream and its checks (SAM spec 4.1). */
import { inflateRaw } from '../../core/assembly/inflate.ts';
import { crc32 } from './host.ts';

/** It is no block of BGZF; its CRC-32 or its ISIZE is not that of its stream. */
export const NO_BLOCK: i32 = -10;
export const BAD_CRC: i32 = -11;
export const BAD_SIZE: i32 = -12;

const BLOCK_LIMIT: u32 = 65536;

/** Length of the header of the block that `blockAt` found last. */
let header: usize = 0;

/** Bytes of the block at `at`; 0 when it is not all there before `end`, negative when it is none. */
export function blockAt(at: usize, end: usize): i32 {
  if (at + 12 > end) return 0;
  if (load<u32>(at) != 0x04088b1f) return NO_BLOCK;
  header = 12 + <usize>load<u16>(at, 10);
  const fields = at + header;
  if (fields > end) return 0;
  let size: usize = 0;
  for (let field = at + 12; field + 4 <= fields; ) {
    const length = <usize>load<u16>(field, 2);
    // "BC"
    if (load<u16>(field) == 0x4342 && length == 2 && field + 6 <= fields) {
      size = <usize>load<u16>(field, 4) + 1;
      break;
    }
    field += 4 + length;
  }
  // 2 bytes is the shortest stream.
  if (size < header + 2 + 8) return NO_BLOCK;
  return at + size > end ? 0 : <i32>size;
}

/** Inflates the block that `blockAt` just found at `at` to `to`, where BLOCK_ROOM bytes are free; gives its inflated length. */
export function inflateBlock(at: usize, size: usize, inputEnd: usize, to: usize, room: usize): i32 {
  const expected = load<u32>(at + size - 4);
  if (expected > BLOCK_LIMIT) return BAD_SIZE;
  const length = inflateRaw(at + header, size - header - 8, inputEnd, to, expected, to + room);
  if (length < 0) return length;
  if (<u32>length != expected) return BAD_SIZE;
  return crc32(to, length) == load<u32>(at + size - 8) ? length : BAD_CRC;
}
