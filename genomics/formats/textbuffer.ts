/** Text that grows at its end, byte by byte or by pieces of other bytes. */

export type TextBuffer = {
  /** Adds letters of latin1, a byte each. */
  add(text: string): void;
  /** Adds `bytes[from, to)`, copied. */
  copy(bytes: Uint8Array, from: number, to: number): void;
  readonly size: () => number;
  /** A copy of all that was added; the buffer is empty then. */
  take(): Uint8Array;
};

/** `expected`: bytes that it will hold at once, about. */
export function createTextBuffer(expected: number): TextBuffer {
  let buffer = Buffer.allocUnsafeSlow(expected);
  let end = 0;
  const room = (length: number): number => {
    if (end + length > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (end + length));
      buffer.copy(larger, 0, 0, end);
      buffer = larger;
    }
    end += length;
    return end - length;
  };
  return {
    add(text) {
      const at = room(text.length);
      // A call out costs more than a few letters.
      if (text.length > 32) buffer.write(text, at, 'latin1');
      else for (let i = 0; i < text.length; i++) buffer[at + i] = text.charCodeAt(i);
    },
    copy(bytes, from, to) {
      const at = room(to - from);
      if (to - from > 48) buffer.set(bytes.subarray(from, to), at);
      else for (let i = from; i < to; i++) buffer[at + i - from] = bytes[i]!;
    },
    size: () => end,
    take() {
      const bytes = new Uint8Array(buffer.subarray(0, end));
      end = 0;
      return bytes;
    },
  };
}
