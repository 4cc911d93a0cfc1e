/** The reads that lie over a stretch of the genome, as columns: places, bases, qualities and operations, in the order of the file. */
import { roomFor } from '../../core/room.ts';
import { field, flag } from '../formats/record.ts';
import { isReference, operations, stepsRead } from '../kernels/cigar.ts';

/** Codes of bases: A 0, C 1, G 2, T 3, any other 4. */
export const other = 4;
/** The letters of codes. What is ambiguous in a reference is shown as N, for which htslib takes it, and nothing is called there. */
export const shown = 'ACGTN';

/** Codes of the letters of a reference. */
export const referenceCodes = Uint8Array.from({ length: 256 }, (_, byte) => {
  const code = 'ACGT'.indexOf(String.fromCharCode(byte).toUpperCase());
  return code < 0 ? other : code;
});
/** By bytes of BAM, which have two bases: the codes of the first and the second. */
const codeOf = (nibble: number): number =>
  nibble === 0 || nibble & (nibble - 1) ? other : Math.log2(nibble);
const firstCodes = Uint8Array.from({ length: 256 }, (_, byte) => codeOf(byte >> 4));
const secondCodes = Uint8Array.from({ length: 256 }, (_, byte) => codeOf(byte & 15));
/** The quality of bases in reads that have none. */
const unknownQuality = 20;
/** A base of a worse quality is no evidence. */
export const leastQuality = 10;

export type Pool = {
  count: number;
  /** `[pos, end)` on the reference; no less than one base. */
  pos: Int32Array;
  end: Int32Array;
  flag: Uint16Array;
  mapq: Uint8Array;
  sample: Int32Array;
  /** Where bases and qualities begin in `bases` and `quals`, and how many there are. */
  base: Int32Array;
  length: Int32Array;
  /** Where operations begin in `ops`, and how many there are. */
  op: Int32Array;
  opCount: Int32Array;
  /** A hash of the name, of 53 bits. */
  name: Float64Array;
  /** Where the read was followed to: an operation, and where it starts on the reference and in the read. */
  atOp: Int32Array;
  atRef: Int32Array;
  atQuery: Int32Array;
  bases: Uint8Array;
  quals: Uint8Array;
  ops: Uint32Array;
  basesFill: number;
  opsFill: number;
  /** Bases of the longest read on the reference. */
  span: number;
};

export function createPool(): Pool {
  const size = 1024;
  const ints = (): Int32Array => new Int32Array(size);
  return {
    count: 0,
    pos: ints(),
    end: ints(),
    flag: new Uint16Array(size),
    mapq: new Uint8Array(size),
    sample: ints(),
    base: ints(),
    length: ints(),
    op: ints(),
    opCount: ints(),
    name: new Float64Array(size),
    atOp: ints(),
    atRef: ints(),
    atQuery: ints(),
    bases: new Uint8Array(size << 8),
    quals: new Uint8Array(size << 8),
    ops: new Uint32Array(size << 2),
    basesFill: 0,
    opsFill: 0,
    span: 0,
  };
}

const perRead = [
  'pos',
  'end',
  'flag',
  'mapq',
  'sample',
  'base',
  'length',
  'op',
  'opCount',
  'name',
  'atOp',
  'atRef',
  'atQuery',
] as const;

/** A hash of a read's name, the same for both mates. */
function nameHash(bytes: Uint8Array, view: DataView, at: number): number {
  let a = 0x811c9dc5 | 0;
  let b = 0x9747b28c | 0;
  const end = at + field.name + view.getUint8(at + field.nameLength) - 1;
  for (let i = at + field.name; i < end; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x01000193);
    b = (Math.imul(b ^ bytes[i]!, 0x5bd1e995) + i - at) | 0;
  }
  return (a >>> 0) * 2 ** 21 + ((b ^ (b >>> 13)) & 0x1fffff);
}

/** Takes the record at a byte; gives its place in the pool. */
export function take(pool: Pool, bytes: Uint8Array, view: DataView, at: number, sample: number): number {
  const i = pool.count++;
  if (i >= pool.pos.length) for (const key of perRead) pool[key] = roomFor(pool[key], i + 1) as never;
  const { at: opsAt, count } = operations(view, at);
  const length = view.getInt32(at + field.seqLength, true);
  pool.bases = roomFor(pool.bases, pool.basesFill + length);
  pool.quals = roomFor(pool.quals, pool.basesFill + length);
  pool.ops = roomFor(pool.ops, pool.opsFill + count);
  const { bases, quals, ops, basesFill, opsFill } = pool;
  const pos = view.getInt32(at + field.pos, true);
  let extent = 0;
  let steps = 0;
  for (let k = 0; k < count; k++) {
    const op = view.getUint32(opsAt + 4 * k, true);
    ops[opsFill + k] = op;
    if (isReference(op)) extent += op >>> 4;
    if (stepsRead(op)) steps += op >>> 4;
  }
  const seq =
    at + field.name + view.getUint8(at + field.nameLength) + 4 * view.getUint16(at + field.cigarLength, true);
  let fill = basesFill;
  for (let k = seq, end = seq + (length >>> 1); k < end; k++) {
    const two = bytes[k]!;
    bases[fill++] = firstCodes[two]!;
    bases[fill++] = secondCodes[two]!;
  }
  if (length & 1) bases[fill] = firstCodes[bytes[seq + (length >>> 1)]!]!;
  const qual = seq + ((length + 1) >>> 1);
  if (length > 0 && bytes[qual] === 255) quals.fill(unknownQuality, basesFill, basesFill + length);
  else for (let k = 0; k < length; k++) quals[basesFill + k] = bytes[qual + k]!;
  pool.pos[i] = pos;
  pool.end[i] = pos + Math.max(1, extent);
  pool.flag[i] = view.getUint16(at + field.flag, true);
  pool.mapq[i] = view.getUint8(at + field.mapq);
  pool.sample[i] = sample;
  pool.base[i] = basesFill;
  // Operations that ask for more bases than there are have none to show.
  pool.length[i] = steps <= length ? length : 0;
  pool.op[i] = opsFill;
  pool.opCount[i] = steps <= length ? count : 0;
  pool.name[i] = nameHash(bytes, view, at);
  pool.atOp[i] = 0;
  pool.atRef[i] = pos;
  pool.atQuery[i] = 0;
  pool.basesFill += length;
  pool.opsFill += count;
  pool.span = Math.max(pool.span, extent);
  return i;
}

/** Keeps the reads for which `isKept` holds, in their order, from read `first` on. */
export function keep(pool: Pool, isKept: (i: number) => boolean, first = 0): void {
  let kept = first;
  let basesFill = first < pool.count ? pool.base[first]! : pool.basesFill;
  let opsFill = first < pool.count ? pool.op[first]! : pool.opsFill;
  const total = pool.count;
  for (let i = first; i < total; i++) {
    if (!isKept(i)) continue;
    const [base, op] = [pool.base[i]!, pool.op[i]!];
    const baseEnd = i + 1 < total ? pool.base[i + 1]! : pool.basesFill;
    const opEnd = i + 1 < total ? pool.op[i + 1]! : pool.opsFill;
    pool.bases.copyWithin(basesFill, base, baseEnd);
    pool.quals.copyWithin(basesFill, base, baseEnd);
    pool.ops.copyWithin(opsFill, op, opEnd);
    for (const key of perRead) pool[key][kept] = pool[key][i]!;
    pool.base[kept] = basesFill;
    pool.op[kept] = opsFill;
    basesFill += baseEnd - base;
    opsFill += opEnd - op;
    kept++;
  }
  pool.count = kept;
  pool.basesFill = basesFill;
  pool.opsFill = opsFill;
}

/** The first read that starts at a position or behind it. */
export function firstFrom({ pos, count }: Pool, at: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pos[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Calls `visit` with each read that overlaps `[from, to)`, in their order. */
export function overlapping(pool: Pool, from: number, to: number, visit: (i: number) => void): void {
  for (let i = firstFrom(pool, from - pool.span); i < pool.count && pool.pos[i]! < to; i++)
    if (pool.end[i]! > from) visit(i);
}

/**
 * The base of the read over a position, as its place among the read's; where a gap lies there, minus one more than the place of the base before it.
 * Positions are best asked for in their order.
 */
export function queryAt(pool: Pool, i: number, position: number): number {
  if (position < pool.atRef[i]!) {
    pool.atOp[i] = 0;
    pool.atRef[i] = pool.pos[i]!;
    pool.atQuery[i] = 0;
  }
  const { ops } = pool;
  const first = pool.op[i]!;
  const count = pool.opCount[i]!;
  let op = pool.atOp[i]!;
  let ref = pool.atRef[i]!;
  let query = pool.atQuery[i]!;
  let found = -1;
  for (; op < count; op++) {
    const value = ops[first + op]!;
    const size = value >>> 4;
    const steps = isReference(value);
    if (steps && position < ref + size) {
      found = stepsRead(value) ? query + position - ref : -1 - query;
      break;
    }
    if (steps) ref += size;
    if (stepsRead(value)) query += size;
  }
  if (op === count) return -1 - query;
  pool.atOp[i] = op;
  pool.atRef[i] = ref;
  pool.atQuery[i] = query;
  return found;
}

/** Whether a read is one of a pair whose mate may overlap it. */
export const mayOverlap = (bits: number): boolean =>
  (bits & flag.paired) !== 0 && (bits & flag.mateUnmapped) === 0;

/**
 * Where two mates cover the same positions, one observation is made of the two: of bases that agree the first one keeps the better quality, of bases that
 * differ the better one keeps the difference; the others are none.
 */
export function settle(pool: Pool, a: number, b: number): void {
  const { bases, quals } = pool;
  const [from, to] = [Math.max(pool.pos[a]!, pool.pos[b]!), Math.min(pool.end[a]!, pool.end[b]!)];
  for (let position = from; position < to; position++) {
    const x = queryAt(pool, a, position);
    const y = queryAt(pool, b, position);
    if (x < 0 || y < 0) continue;
    const i = pool.base[a]! + x;
    const j = pool.base[b]! + y;
    const p = quals[i]!;
    const q = quals[j]!;
    if (bases[i] === bases[j]) {
      quals[i] = Math.max(p, q);
      quals[j] = 0;
    } else {
      quals[i] = p > q ? p - q : 0;
      quals[j] = q > p ? q - p : 0;
    }
  }
}
