/** Raw DEFLATE of one BGZF block, by a zlib stream that is reused where the runtime lets it. */
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import { lastKnown } from './inflate.ts';

/** Gives the deflated bytes; they are valid until the next call. Equal arguments give equal bytes under one build of zlib. */
export type Deflater = (bytes: Uint8Array) => Uint8Array;

/** Through the documented interface: a new stream and new buffers a call. */
export const portableDeflater =
  (level: number): Deflater =>
  (bytes) =>
    deflateRawSync(bytes, { level });

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
  onerror: (message: string) => void;
};

/** Room for a block, and for what DEFLATE adds to bytes that it cannot shorten. */
const room = 65536 + 4096;

/**
 * Through the stream's native handle, as in inflate.ts, and with the same care: undefined on a Node that is newer than those it was tried on, and
 * where it does not give what the documented interface gives.
 */
export function reusedDeflater(level: number): Deflater | undefined {
  if (Number.parseInt(process.versions.node, 10) > lastKnown) return undefined;
  const stream = createDeflateRaw({ level }) as unknown as {
    _handle?: Partial<Handle>;
    _writeState?: unknown;
  };
  const state = stream._writeState;
  const handle = stream._handle;
  if (!(state instanceof Uint32Array && state.length === 2)) return undefined;
  if (typeof handle?.writeSync !== 'function' || typeof handle.reset !== 'function') return undefined;
  const native = handle as Handle;
  const output = new Uint8Array(room);
  let failed = false;
  native.onerror = () => {
    failed = true;
  };
  const portable = portableDeflater(level);
  const deflate: Deflater = (bytes) => {
    failed = false;
    native.reset();
    native.writeSync(constants.Z_FINISH, bytes, 0, bytes.length, output, 0, room);
    const [free, left] = state as unknown as [number, number];
    return failed || free === 0 || left > 0 ? portable(bytes) : output.subarray(0, room - free);
  };
  return isSound(deflate, portable) ? deflate : undefined;
}

/** Whether two streams, one after the other and one of them empty, come out as they should. */
function isSound(deflate: Deflater, portable: Deflater): boolean {
  const text = Uint8Array.from({ length: 3000 }, (_, i) => 48 + ((i * i) % 10));
  try {
    return [text, new Uint8Array(0), text.subarray(7)].every(
      (bytes) => Buffer.compare(deflate(bytes), portable(bytes)) === 0,
    );
  } catch {
    return false;
  }
}

const known = new Map<number, Deflater>();

/** The fastest deflater of a level that this runtime has. Synchronous, and shared by all of a thread. */
export function deflaterOf(level: number): Deflater {
  let deflater = known.get(level);
  if (!deflater) known.set(level, (deflater = reusedDeflater(level) ?? portableDeflater(level)));
  return deflater;
}
