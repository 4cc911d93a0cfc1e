/** Raw DEFLATE of one BGZF block into a place of a buffer, by a zlib stream that is reused where the runtime lets it. */
import { constants, createInflateRaw, inflateRawSync } from 'node:zlib';

/**
 * Inflates the whole raw DEFLATE stream `input[start, end)` to exactly `size` bytes of `output` from `at`. `output` goes on for
 * at least one byte more, which may be overwritten. Gives undefined, or what is wrong with the stream.
 */
export type Inflater = (
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  at: number,
  size: number,
) => string | undefined;

const unfinished = 'the deflate stream is cut short';
const tooLong = (size: number): string => `it inflates to more than the ${size} bytes of its ISIZE`;
const tooShort = (found: number, size: number): string =>
  `it inflates to ${found} bytes, less than the ${size} of its ISIZE`;
const trailing = (left: number): string => `${left} bytes follow the end of the deflate stream`;

/** Through the documented interface: a new zlib stream and a new buffer a call. */
export const portable: Inflater = (input, start, end, output, at, size) => {
  try {
    // A byte of room beyond what is wanted tells a stream that is too long; chunks of zlib have 64 bytes at least.
    const options = { maxOutputLength: size + 1, chunkSize: Math.max(64, size + 1), info: true };
    const { buffer, engine } = inflateRawSync(input.subarray(start, end), options) as unknown as {
      buffer: Uint8Array;
      engine: { bytesWritten: number };
    };
    if (buffer.length > size) return tooLong(size);
    if (buffer.length < size) return tooShort(buffer.length, size);
    if (engine.bytesWritten < end - start) return trailing(end - start - engine.bytesWritten);
    output.set(buffer, at);
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'ERR_BUFFER_TOO_LARGE') return tooLong(size);
    return code === 'Z_BUF_ERROR' ? unfinished : message;
  }
};

type Handle = {
  reset(): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
  onerror: (message: string, errno: number, code: string) => void;
};

/** The last major version of Node on which the handle was tried. An unlike one might end the process, which nobody can catch. */
const lastKnown = 24;

/**
 * Through the stream's native handle, which Node does not document: no new stream and buffer a block. Undefined on a Node
 * that is newer than those it was tried on, and where it does not answer as it did there.
 */
export function reused(): Inflater | undefined {
  if (Number.parseInt(process.versions.node, 10) > lastKnown) return undefined;
  const stream = createInflateRaw() as unknown as { _handle?: Partial<Handle>; _writeState?: unknown };
  const state = stream._writeState;
  const handle = stream._handle;
  if (!(state instanceof Uint32Array && state.length === 2)) return undefined;
  if (typeof handle?.writeSync !== 'function' || typeof handle.reset !== 'function') return undefined;
  const native = handle as Handle;
  let problem: string | undefined;
  native.onerror = (message, _errno, code) => {
    problem = code === 'Z_BUF_ERROR' ? unfinished : message;
  };
  const inflate: Inflater = (input, start, end, output, at, size) => {
    problem = undefined;
    native.reset();
    // Without the byte of room, Node does not say whether the stream has ended.
    native.writeSync(constants.Z_FINISH, input, start, end - start, output, at, size + 1);
    if (problem !== undefined) return problem;
    // What the write left: room of the output, bytes of the input.
    const [room, left] = state as unknown as [number, number];
    if (room === 0) return tooLong(size);
    if (room > 1) return tooShort(size + 1 - room, size);
    return left > 0 ? trailing(left) : undefined;
  };
  return isSound(inflate) ? inflate : undefined;
}

// "a" 300 times, as zlib deflates it: a literal and a match.
const sample = Uint8Array.of(0x4b, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00);

/** Whether an inflater gives the right bytes and finds five faults, each followed by a good stream that would show what they leave behind. */
function isSound(inflate: Inflater): boolean {
  try {
    const end = sample.length;
    const output = new Uint8Array(400);
    const isGood = (): boolean =>
      inflate(sample, 0, end, output.fill(0), 10, 300) === undefined &&
      output.subarray(0, 310).every((byte, i) => byte === (i < 10 ? 0 : 97)) &&
      output.subarray(311).every((byte) => byte === 0);
    const finds = (problem: string, input: Uint8Array, size: number): boolean =>
      inflate(input, 0, input.length, output, 0, size) === problem && isGood();
    return (
      isGood() &&
      finds(unfinished, sample.subarray(0, end - 1), 300) &&
      finds(tooLong(299), sample, 299) &&
      finds(tooShort(300, 301), sample, 301) &&
      finds(trailing(1), Uint8Array.of(...sample, 0), 300) &&
      finds('invalid block type', Uint8Array.of(7), 300)
    );
  } catch {
    return false;
  }
}

/** Memory that the blocks of a file are inflated to, and what does that. */
export type Arena = {
  readonly inflate: Inflater;
  /** Room for `size` bytes and those that an inflater writes too many. It begins with the first `fill` of `before`, which was given before and is not used any more. */
  readonly room: (size: number, before: Uint8Array, fill: number) => Uint8Array;
};

/** The fastest inflater that this runtime has. Synchronous, and shared by all of a thread. */
export const inflateInto: Inflater = reused() ?? portable;

/** Memory of the garbage collector. */
export const collected: Arena = {
  inflate: inflateInto,
  room(size, before, fill) {
    // A byte more tells a stream that is too long.
    const larger = new Uint8Array(size + 1);
    larger.set(before.subarray(0, fill));
    return larger;
  },
};
