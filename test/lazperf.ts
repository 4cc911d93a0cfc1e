/** Decodes chunks of LAZ by laz-perf 0.0.7, a WebAssembly module that holds one decoder a point format. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { createLazPerf } from 'laz-perf';
import { BadInput } from '../core/errors.ts';
import { recordLengths } from '../geospatial/formats/las.ts';

/** Where the package keeps its WebAssembly. */
export function lazPerfUrl(): URL {
  const entry = createRequire(import.meta.url).resolve('laz-perf');
  return new URL('laz-perf.wasm', pathToFileURL(entry));
}

/** A compressed chunk and where it comes from. */
export type Chunk = {
  readonly bytes: Uint8Array;
  readonly points: number;
  readonly pdrf: number;
  readonly recordLength: number;
  /** The file, the chunk's number there, and its first byte: for messages. */
  readonly name: string;
  readonly index: number;
  readonly start: number;
};

/** Takes `count` whole records, the first of them point `first` of the chunk; `records` is valid during the call only. */
export type Take = (records: Uint8Array, count: number, first: number) => void;

type Handle = {
  readonly $$: { readonly ptr: number };
  open(pdrf: number, length: number, at: number): void;
  delete(): void;
};
type LazPerf = {
  readonly HEAPU8: Uint8Array;
  readonly HEAPU32: Uint32Array;
  readonly ChunkDecoder: new () => Handle;
  _malloc(bytes: number): number;
  _free(at: number): void;
};
type Instance = { readonly laz: LazPerf; readonly getPoint: (self: number, to: number) => void };

// One instance a thread: its memory never shrinks.
let live: { readonly module: WebAssembly.Module; readonly instance: Instance } | undefined;

// Zeros behind a chunk: a decoder looks a few bytes ahead.
const slack = 64;
// Bytes of records handed over at once: they stay in the cache.
const batchBytes = 512 * 1024;
const largest = 1024 * 1024 * 1024;

/**
 * Decodes a chunk, records in the file's order; other chunks are not needed. With `only: 'xyz'` the fields after x, y, z of PDRF 6 to 8 are
 * left undecoded, and those bytes mean nothing.
 * @throws BadInput for a chunk whose layers do not fill it, that ends before its last point or goes on after it, or that the decoder trips over
 */
export function decodeChunk(module: WebAssembly.Module, chunk: Chunk, take: Take, only?: 'xyz'): void {
  const { bytes, points, pdrf, recordLength } = chunk;
  if (points === 0) return;
  if (bytes.length > largest)
    throw new BadInput(`${subject(chunk)}: found ${bytes.length} bytes, expected at most ${largest}`);
  const layered = pdrf >= 6 ? layersOf(chunk) : undefined;
  const { laz, getPoint } = instanceOf(module);
  const batch = Math.max(1, Math.min(points, Math.floor(batchBytes / recordLength)));
  const input = allocate(laz, bytes.length + slack);
  const output = allocate(laz, batch * recordLength);
  const decoder = new laz.ChunkDecoder();
  const self = decoder.$$.ptr;
  try {
    laz.HEAPU8.set(bytes, input);
    laz.HEAPU8.fill(0, input + bytes.length, input + bytes.length + slack);
    if (layered && only === 'xyz') dropLayers(laz.HEAPU8, input, layered);
    try {
      decoder.open(pdrf, recordLength, input);
    } catch (error) {
      throw trap(chunk, error);
    }
    for (let first = 0; first < points; first += batch) {
      const count = Math.min(batch, points - first);
      try {
        for (let to = output, end = output + count * recordLength; to < end; to += recordLength)
          getPoint(self, to);
      } catch (error) {
        throw trap(chunk, error);
      }
      if (!layered) checkEnd(chunk, consumed(laz, self) - input, first + count);
      take(laz.HEAPU8.subarray(output, output + count * recordLength), count, first);
    }
  } finally {
    if (live?.instance.laz === laz) {
      decoder.delete();
      laz._free(input);
      laz._free(output);
    }
  }
}

const subject = ({ name, index, start, bytes }: Chunk): string =>
  `LAZ: chunk ${index} (bytes ${start} to ${start + bytes.length}) of ${name}`;

/** After a trap the instance's memory is in doubt: the next chunk gets a new one. */
function trap(chunk: Chunk, error: unknown): BadInput {
  live = undefined;
  // What C++ throws comes as a number or as advice to compile it otherwise.
  const found = error instanceof Error ? error.message : 'an exception';
  return new BadInput(
    `${subject(chunk)}: the decoder stopped (${found}), expected ${chunk.points} points; get the file again`,
    { cause: error },
  );
}

/**
 * laz-perf reads on behind a chunk's end without a word. A chunk of points (PDRF 0 to 3) is one stream, whose last byte
 * the last point reads: anything else is a chunk that is cut off, or a count that is wrong.
 */
function checkEnd(chunk: Chunk, read: number, done: number): void {
  const size = chunk.bytes.length;
  if (read <= size && (done < chunk.points || read === size)) return;
  // What follows the end may have led the decoder anywhere.
  live = undefined;
  throw new BadInput(
    `${subject(chunk)}: ${done} points took ${read} bytes, expected ${chunk.points} points in ${size}; get the file again`,
  );
}

/** Bytes of the input that a decoder has read: ChunkDecoder -> chunk_decompressor -> Private { shared_ptr; const char* next }. */
const consumed = ({ HEAPU32 }: LazPerf, self: number): number =>
  HEAPU32[(HEAPU32[HEAPU32[self >> 2]! >> 2]! >> 2) + 2]!;

type Layers = { readonly sizesAt: number; readonly sizes: readonly number[] };

/**
 * The layers of a chunk of PDRF 6 to 8: a raw record, a u32 count of points, a u32 size of each layer, then the layers. Nine of the point (xy and
 * returns, z, class, flags, intensity, scan angle, user data, source, time), then colours, near infrared, and each extra byte.
 */
function layersOf(chunk: Chunk): Layers {
  const { bytes, pdrf, recordLength, points } = chunk;
  const count = 9 + (pdrf - 6) + (recordLength - recordLengths[pdrf]!);
  const sizesAt = recordLength + 4;
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = sizesAt + 4 * count;
  if (bytes.length < head)
    throw new BadInput(`${subject(chunk)}: found ${bytes.length} bytes, expected at least ${head}`);
  const found = at.getUint32(recordLength, true);
  if (found !== points) throw new BadInput(`${subject(chunk)}: found ${found} points, expected ${points}`);
  const sizes = Array.from({ length: count }, (_, i) => at.getUint32(sizesAt + 4 * i, true));
  const end = sizes.reduce((sum, size) => sum + size, head);
  if (end !== bytes.length)
    throw new BadInput(
      `${subject(chunk)}: layers of ${end} bytes, expected ${bytes.length}; get the file again`,
    );
  return { sizesAt, sizes };
}

/** Says that the layers after xy and z are empty: the decoder leaves their fields as they are. */
function dropLayers(heap: Uint8Array, input: number, { sizesAt, sizes }: Layers): void {
  heap.fill(0, input + sizesAt + 8, input + sizesAt + 4 * sizes.length);
}

function allocate(laz: LazPerf, bytes: number): number {
  const at = laz._malloc(bytes);
  if (at !== 0) return at;
  live = undefined;
  throw new RangeError(`Array buffer allocation failed: ${bytes} bytes for a LAZ chunk`);
}

function instanceOf(module: WebAssembly.Module): Instance {
  if (live?.module !== module) live = { module, instance: instantiate(module) };
  return live.instance;
}

type ClassFunction = [
  type: number,
  name: number,
  arguments: number,
  types: number,
  signature: number,
  invoker: number,
  context: number,
];

function instantiate(module: WebAssembly.Module): Instance {
  const methods: ClassFunction[] = [];
  let exports: WebAssembly.Exports | undefined;
  const laz = {
    instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
      const env = imports['env']!;
      const register = env['_embind_register_class_function'] as (...call: ClassFunction) => void;
      const spy = (...call: ClassFunction): void => {
        methods.push(call);
        register(...call);
      };
      const instance = new WebAssembly.Instance(module, {
        ...imports,
        env: { ...env, _embind_register_class_function: spy },
      });
      exports = instance.exports;
      done(instance);
      return exports;
    },
    print: () => {},
    // Emscripten writes a line for each trap; ours says more.
    printErr: () => {},
  } as unknown as LazPerf;
  // The factory fills in `laz` before it returns, and makes the process throw whatever any promise rejects with.
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.listeners(event as 'uncaughtException'));
  void createLazPerf(laz);
  for (const [i, event] of events.entries())
    for (const listener of process.listeners(event as 'uncaughtException'))
      if (!before[i]!.includes(listener)) process.removeListener(event, listener);
  // Called through embind a point costs a third more. Of the two getPoint the last one is ChunkDecoder's.
  const isGetPoint = (at: number): boolean =>
    Buffer.from(laz.HEAPU8.buffer, at, 9).toString('latin1') === 'getPoint\0';
  const [, , , , , invoker, context] = methods.findLast(([, name]) => isGetPoint(name))!;
  const table = exports!['__indirect_function_table'] as WebAssembly.Table;
  const call = table.get(invoker) as (context: number, self: number, to: number) => void;
  return { laz, getPoint: (self, to) => call(context, self, to) };
}
