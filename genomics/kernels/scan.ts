/** The scan kernel: compressed bytes in, counts of records or runs of depth out, in WebAssembly; its source is in ../assembly. */
import { crc32 } from 'node:zlib';
import type { Virtual } from '../formats/bgzf.ts';
import type { Runs } from './depth.ts';
import type { Tally as FlagTally } from './flagstat.ts';
import type { Filter } from './reads.ts';
import { countDepth, type Tally } from './tally.ts';

/** What a call of the kernel ended with; `fault` is anything that the reading in TypeScript is to explain. */
export type Status = 'hungry' | 'end' | 'elsewhere' | 'past' | 'full' | 'fault';
const statuses: readonly Status[] = ['hungry', 'end', 'elsewhere', 'past', 'full'];

/** What is done: records are counted by FLAG, or bases by depth, or records are gathered. */
export type Goal = 'flags' | 'depths' | 'records';
const goals = { flags: 1, depths: 2, records: 3 } as const;

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly input: WebAssembly.Global;
  readonly maxInput: WebAssembly.Global;
  readonly flags: WebAssembly.Global;
  readonly elsewhere: WebAssembly.Global;
  readonly runAt: WebAssembly.Global;
  readonly runDepth: WebAssembly.Global;
  readonly bins: WebAssembly.Global;
  scan(goal: number, contigs: number): number;
  startRange(skip: number, bytes: number, cut: number): void;
  keepInput(): number;
  addInput(length: number): void;
  startFlags(): void;
  startRecords(): void;
  recordsAt(): number;
  recordsSize(): number;
  passRecords(): void;
  filterReads(mapq: number, exclude: number, include: number, fast: boolean): void;
  watchRuns(wanted: boolean): void;
  turn(contig: number, length: number, from: number, to: number): void;
  passOver(contig: number): void;
  finishDepth(): void;
  readCount(): number;
  readSeen(): number;
  readLast(): number;
  readNext(): number;
  startTally(): void;
  tallyBases(): number;
  tallySum(): number;
  tallyLeast(): number;
  tallyMost(): number;
  tallyBins(): number;
};

/** An instance of the kernel, which one part uses at a time. */
export type Scanner = {
  readonly exports: Exports;
  readonly module: WebAssembly.Module;
  /** Who wants the runs of depth. */
  emit: ((runs: Runs) => void) | undefined;
};

// Instances that are at rest: a memory that was used has its pages.
const idle: Scanner[] = [];

/** An instance without traces of what it did before. */
export function takeScanner(module: WebAssembly.Module): Scanner {
  const at = idle.findIndex((scanner) => scanner.module === module);
  return at < 0 ? createScanner(module) : idle.splice(at, 1)[0]!;
}

/** Takes back an instance that came to an end without a fault; any other is left to the garbage collector. */
export function returnScanner(scanner: Scanner): void {
  scanner.emit = undefined;
  if (idle.length === 0) idle.push(scanner);
}

export function createScanner(module: WebAssembly.Module): Scanner {
  const host = {
    crc32: (at: number, length: number): number => crc32(new Uint8Array(exports.memory.buffer, at, length)),
    emit(count: number, end: number, before: number): void {
      const { buffer } = exports.memory;
      const at = new Int32Array(buffer, exports.runAt.value as number, count);
      const depth = new Int32Array(buffer, exports.runDepth.value as number, count);
      scanner.emit?.({ at, depth, count, end, before });
    },
  };
  const exports = new WebAssembly.Instance(module, { host }).exports as unknown as Exports;
  const scanner: Scanner = { exports, module, emit: undefined };
  return scanner;
}

/** Starts `[from, to)` of a file, which is read from block `from[0]` on. */
export function startRange({ exports }: Scanner, from: Virtual, to: Virtual): void {
  exports.startRange(from[1], to[0] - from[0], to[1]);
}

/** Hands over the range's next bytes, at most `1 MiB` at a time; they are copied. */
export function give({ exports }: Scanner, bytes: Uint8Array): void {
  const rest = exports.keepInput();
  const { memory, input, maxInput } = exports;
  if (rest + bytes.length > (maxInput.value as number))
    throw new RangeError(
      `scan kernel: found ${rest + bytes.length} bytes, expected at most ${maxInput.value}`,
    );
  new Uint8Array(memory.buffer, input.value as number).set(bytes, rest);
  exports.addInput(bytes.length);
}

/** Goes on with what was handed over. `contigs`: those of the header. */
export function scan({ exports }: Scanner, goal: Goal, contigs: number): Status {
  return statuses[exports.scan(goals[goal], contigs)] ?? 'fault';
}

/** Counts records by FLAG from zero. */
export function startFlags({ exports }: Scanner): void {
  exports.startFlags();
}

/** The counts, which are the scanner's no more. */
export function takeFlags({ exports: { memory, flags, elsewhere } }: Scanner): FlagTally {
  return {
    byFlag: Float64Array.from(new Uint32Array(memory.buffer, flags.value as number, 65536)),
    mateElsewhere: Float64Array.from(new Uint32Array(memory.buffer, elsewhere.value as number, 4)),
  };
}

/** Gathers records from the first one of the range on. */
export function startRecords({ exports }: Scanner): void {
  exports.startRecords();
}

/** The whole records that were gathered, in the kernel's memory: valid until they are passed, or the kernel goes on. */
export function gathered({ exports }: Scanner): Uint8Array {
  return new Uint8Array(exports.memory.buffer, exports.recordsAt(), exports.recordsSize());
}
export function passRecords({ exports }: Scanner): void {
  exports.passRecords();
}

/** Says which reads count for depth, and who takes the runs; nobody: they are tallied only. */
export function startDepths(
  scanner: Scanner,
  filter: Filter,
  emit: ((runs: Runs) => void) | undefined,
): void {
  const { mapq, exclude, include, fast } = filter;
  scanner.emit = emit;
  scanner.exports.filterReads(mapq, exclude, include, fast);
  scanner.exports.watchRuns(emit !== undefined);
}

/** Turns to `[from, to)` of a contig. */
export function turn({ exports }: Scanner, contig: number, length: number, from: number, to: number): void {
  exports.startTally();
  exports.turn(contig, length, from, to);
}

/** Ends the interval; its bases are added to `tally`. */
export function endInterval({ exports }: Scanner, tally: Tally): void {
  exports.finishDepth();
  const counted = exports.tallyBins();
  tally.bases += exports.tallyBases();
  tally.sum += exports.tallySum();
  if (counted === 0) return;
  tally.min = Math.min(tally.min, exports.tallyLeast());
  tally.max = Math.max(tally.max, exports.tallyMost());
  const bins = new Uint32Array(exports.memory.buffer, exports.bins.value as number, counted);
  for (let depth = 0; depth < counted; depth++) if (bins[depth] !== 0) countDepth(tally, depth, bins[depth]!);
}

/** What the records of the interval were. */
export const readsOf = ({
  exports,
}: Scanner): { readonly count: number; readonly isSeen: boolean; readonly last: number } => ({
  count: exports.readCount() >>> 0,
  isSeen: exports.readSeen() !== 0,
  last: exports.readLast(),
});

/** The contig of the record before which the kernel stopped; -1 for none. */
export const nextContig = ({ exports }: Scanner): number => exports.readNext();

/** Records of a contig are to be stepped over. */
export function passOver({ exports }: Scanner, contig: number): void {
  exports.passOver(contig);
}
