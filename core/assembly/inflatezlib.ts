/** Inflates one zlib stream in memory (RFC 1950). */
import { adler } from './adler.ts';
import { INPUT, reach } from './deflatelayout.ts';
import { BAD_STREAM, CUT_STREAM, inflateRaw } from './inflate.ts';

// Bytes that may be read past the stream, and written past what it becomes.
const IN_ROOM: usize = 64;
const OUT_ROOM: usize = 512;

/** Where a stream of `length` bytes is inflated to. */
export function inflatedOf(length: usize): usize {
  return (INPUT + length + IN_ROOM + 63) & ~63;
}

/** Gives memory for a stream of `length` bytes at `input` that becomes at most `room`; false where there is none. */
export function reserveInflated(length: usize, room: usize): bool {
  return reach(inflatedOf(length) + room + OUT_ROOM);
}

/** Inflates the stream of `length` bytes at `input` to at most `room` bytes at `inflatedOf(length)`. Gives how many they are; below 0, it is no such stream. */
export function inflateZlib(length: usize, room: usize): i32 {
  if (length < 8) return CUT_STREAM;
  const head = bswap(load<u16>(INPUT));
  if ((head >> 8 & 15) != 8 || head % 31 != 0 || (head & 32) != 0) return BAD_STREAM;
  const to = inflatedOf(length);
  const size = inflateRaw(INPUT + 2, length - 6, INPUT + length + IN_ROOM, to, room, to + room + OUT_ROOM);
  if (size < 0) return size;
  return bswap(load<u32>(INPUT + length - 4)) == adler(to, to + size) ? size : BAD_STREAM;
}
