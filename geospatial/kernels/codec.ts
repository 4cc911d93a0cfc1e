/** The LAZ kernel: chunks and records to columns and back, in WebAssembly; its source is in ../assembly. */

type Exports = {
  readonly memory: WebAssembly.Memory;
  start(): void;
  setUp(chunk: number, bytes: number, extra: number, points: number, output: number): number;
  aim(set: number, at: number): void;
  column(number: number): number;
  decodeSequential(bytes: number, pdrf: number, length: number, count: number): number;
  decodeLayered(bytes: number, pdrf: number, isV4: number, count: number, wanted: number): number;
  unpack(pdrf: number, length: number, count: number, isPlace: number): void;
  promoteAngles(count: number): void;
  encode(pdrf: number, count: number, at: number): number;
  pack(pdrf: number, count: number, at: number): number;
  reclass(pdrf: number, bytes: number, count: number, at: number): number;
  packParcel(pdrf: number, count: number, at: number): number;
  unpackParcel(pdrf: number, count: number): number;
  encodeTable(chunks: number, isVarying: number): number;
  sortPoints(from: number, to: number): void;
  gatherPoints(at: number, count: number): void;
};

/** An instance of the kernel, which one part uses at a time. */
export type Codec = { readonly exports: Exports; readonly module: WebAssembly.Module; room: Room };

/** What there is room for: points and bytes of a chunk, extra bytes of a point, points of the second set, bytes to be written. */
export type Room = {
  readonly chunk: number;
  readonly bytes: number;
  readonly extra: number;
  readonly points: number;
  readonly output: number;
};

/** How the points of a file are stored. */
export type PointFormat = {
  readonly pdrf: number;
  /** Bytes of a record, extra bytes included. */
  readonly recordLength: number;
  /** Those of them that are extra bytes. */
  readonly extra: number;
  /** Of LAZ: colours and extra bytes are items of version 4. */
  readonly isV4: boolean;
};

/** Fields that may be left out where layers of their own hold them, as bits; x, y and returns always come. */
export const fields = {
  z: 1,
  class: 2,
  flags: 4,
  intensity: 8,
  angle: 16,
  user: 32,
  source: 64,
  time: 128,
  color: 256,
  nir: 512,
  extra: 1024,
} as const;
export const allFields = 2047;

/** Columns of points: views of the kernel's memory, valid until it next decodes, or makes room. */
export type Points = {
  readonly count: number;
  /** Raw coordinates. */
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly z: Int32Array;
  /** Return number in the low four bits, number of returns in the high ones. */
  readonly returns: Uint8Array;
  /** Bits 0 to 3 synthetic, key-point, withheld, overlap; 4 and 5 scanner channel; 6 scan direction; 7 edge of flight line. */
  readonly flags: Uint8Array;
  readonly classes: Uint8Array;
  readonly intensity: Uint16Array;
  /** Of formats 6 to 10 in 0.006 degrees, of others in degrees. */
  readonly angle: Int16Array;
  readonly user: Uint8Array;
  readonly source: Uint16Array;
  readonly time: Float64Array;
  readonly red: Uint16Array;
  readonly green: Uint16Array;
  readonly blue: Uint16Array;
  readonly nir: Uint16Array;
  /** The extra bytes, point by point. */
  readonly extra: Uint8Array;
};

/** What a chunk that does not decode is refused for. */
export const faults: { readonly [status: number]: string } = {
  [-1]: 'it is shorter than its header',
  [-2]: 'its layers do not fill it',
  [-3]: 'it has another number of points',
  [-4]: 'it ends before its last point',
  [-5]: 'it goes on after its last point',
};

// An instance that is at rest: a memory that was used has its pages.
let idle: Codec | undefined;

/** An instance with room for nothing. */
export function takeCodec(module: WebAssembly.Module): Codec {
  const found = idle?.module === module ? idle : undefined;
  if (found) idle = undefined;
  return found ?? createCodec(module);
}

/** Takes back an instance. */
export function returnCodec(codec: Codec): void {
  idle = codec;
}

export function createCodec(module: WebAssembly.Module): Codec {
  const exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  exports.start();
  return { exports, module, room: { chunk: 0, bytes: 0, extra: -1, points: 0, output: 0 } };
}

/**
 * Makes room, keeping what there is where it is enough. Columns and output that were written before are lost, and so are views of them.
 * @throws RangeError where the memory cannot be had
 */
export function makeRoom(
  codec: Codec,
  { chunk, bytes, extra, points = 0, output = 0 }: Partial<Room> & Pick<Room, 'chunk' | 'bytes' | 'extra'>,
): void {
  const { room, exports } = codec;
  const isEnough =
    room.chunk >= chunk &&
    room.bytes >= bytes &&
    room.extra === extra &&
    room.points >= points &&
    room.output >= output;
  if (isEnough) return;
  if (exports.setUp(chunk, bytes, extra, points, output) !== 0)
    throw new RangeError(
      `Array buffer allocation failed: a LAZ kernel for ${chunk} points, ${bytes} bytes and ${points} points`,
    );
  codec.room = { chunk, bytes, extra, points, output };
}

/** Where input is to be laid: `bytes` of it, at most as many as there is room for. */
export const inputOf = ({ exports, room }: Codec): Uint8Array =>
  new Uint8Array(exports.memory.buffer, exports.column(18), room.bytes);

/** `[from, to)` of what was written. */
export const outputOf = ({ exports }: Codec, from: number, to: number): Uint8Array =>
  new Uint8Array(exports.memory.buffer, exports.column(19) + from, to - from);

/** Aims decoding and encoding at point `at` of a set: 0 has room for a chunk, 1 for `points`. */
export function aim({ exports }: Codec, set: 0 | 1, at = 0): void {
  exports.aim(set, at);
}

/** Decodes the chunk of `bytes` bytes that was laid as input to where `aim` said; 0, or the number of a fault. */
export function decode(
  { exports }: Codec,
  { pdrf, recordLength, isV4 }: PointFormat,
  bytes: number,
  count: number,
  wanted: number,
): number {
  const found =
    pdrf < 6
      ? exports.decodeSequential(bytes, pdrf, recordLength, count)
      : exports.decodeLayered(bytes, pdrf, isV4 ? 1 : 0, count, wanted);
  return found === count ? 0 : found < 0 ? found : -3;
}

/** Takes `count` records that were laid as input to where `aim` said. */
export function unpack(
  { exports }: Codec,
  { pdrf, recordLength }: PointFormat,
  count: number,
  wanted: number,
): void {
  const isPlace = (wanted & ~(fields.z | fields.class | fields.flags)) === 0;
  exports.unpack(pdrf, recordLength, count, isPlace ? 1 : 0);
}

/** The columns that are aimed at, `count` points of them. */
export function pointsOf({ exports, room }: Codec, count: number): Points {
  const { buffer } = exports.memory;
  const at = (column: number): number => exports.column(column);
  return {
    count,
    x: new Int32Array(buffer, at(0), count),
    y: new Int32Array(buffer, at(1), count),
    z: new Int32Array(buffer, at(2), count),
    returns: new Uint8Array(buffer, at(3), count),
    flags: new Uint8Array(buffer, at(4), count),
    classes: new Uint8Array(buffer, at(5), count),
    intensity: new Uint16Array(buffer, at(6), count),
    angle: new Int16Array(buffer, at(7), count),
    user: new Uint8Array(buffer, at(8), count),
    source: new Uint16Array(buffer, at(9), count),
    time: new Float64Array(buffer, at(10), count),
    red: new Uint16Array(buffer, at(11), count),
    green: new Uint16Array(buffer, at(12), count),
    blue: new Uint16Array(buffer, at(13), count),
    nir: new Uint16Array(buffer, at(14), count),
    extra: new Uint8Array(buffer, at(15), count * Math.max(0, room.extra)),
  };
}

/** Bytes that a chunk of `count` points with `extra` extra bytes may take when it is encoded. */
export const encodeBound = (count: number, extra: number): number => 8192 + (128 + 3 * extra) * count;

/**
 * Encodes the `count` points that are aimed at, as many as a chunk may have, as a chunk of format 6, 7 or 8 (item version 3), to the output behind `at` bytes of
 * it; gives the bytes. Equal points give equal bytes.
 */
export const encode = ({ exports }: Codec, pdrf: number, count: number, at: number): number =>
  exports.encode(pdrf, count, at);

/** Writes the points that are aimed at as records of format 6, 7 or 8, in the same way. */
export const pack = ({ exports }: Codec, pdrf: number, count: number, at: number): number =>
  exports.pack(pdrf, count, at);

/**
 * Writes the chunk of format 6, 7 or 8 that was decoded last, with its classes, anew with the classes that are aimed at now, in the same way; its other layers stay byte for byte. `bytes` are those it had.
 */
export const reclass = ({ exports }: Codec, pdrf: number, bytes: number, count: number, at: number): number =>
  exports.reclass(pdrf, bytes, count, at);

/** Packs the points that are aimed at for a later stage, in the same way: a tenth of the time of `encode`, about twice the bytes. */
export const packParcel = ({ exports }: Codec, pdrf: number, count: number, at: number): number =>
  exports.packParcel(pdrf, count, at);

/** Takes `count` points that `packParcel` left, `bytes` bytes which were laid as input, to where `aim` said; false where they are others. */
export const unpackParcel = ({ exports }: Codec, pdrf: number, count: number, bytes: number): boolean =>
  exports.unpackParcel(pdrf, count) === bytes;

/** Turns the angles that are aimed at from degrees, as formats 0 to 5 have them, to 0.006 degrees. */
export function promoteAngles({ exports }: Codec, count: number): void {
  exports.promoteAngles(count);
}

/** The code of a chunk table, for chunks with these points and bytes; the points are in it only where they vary. */
export function encodeTable(
  codec: Codec,
  points: Uint32Array,
  bytes: Uint32Array,
  isVarying: boolean,
): Uint8Array {
  const pairs = new Uint32Array(2 * points.length);
  for (let i = 0; i < points.length; i++) pairs.set([points[i]!, bytes[i]!], 2 * i);
  makeRoom(codec, { chunk: 1, bytes: pairs.byteLength, extra: 0, output: 64 + 24 * points.length });
  inputOf(codec).set(new Uint8Array(pairs.buffer));
  return outputOf(codec, 0, codec.exports.encodeTable(points.length, isVarying ? 1 : 0)).slice();
}

/** Numbers of points of set 1, as many as there is room for: the order that `sort` and `gather` go by. */
export const orderOf = ({ exports, room }: Codec): Uint32Array =>
  new Uint32Array(exports.memory.buffer, exports.column(16), room.points);

/**
 * Sorts `[from, to)` of the order: by time, return number, place, then every other field, so that nothing but the points themselves shows in it. Sorted runs cost
 * one look a point.
 */
export function sort({ exports }: Codec, from: number, to: number): void {
  exports.sortPoints(from, to);
}

/** Copies the points that `count` numbers from `at` of the order on name to set 0, at which it aims. */
export function gather({ exports }: Codec, at: number, count: number): void {
  exports.gatherPoints(at, count);
}
