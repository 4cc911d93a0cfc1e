/** The map side of a shuffle of whole points: a run of one file, its points put into groups, each group sorted and packed. */
import type { Context, Dataset, Planning, Stored } from '../../core/job.ts';
import { joinPlaces } from '../../core/tables.ts';
import type { Run } from '../formats/points.ts';
import { cutRuns, memoryOf, readRun, roomOf } from '../formats/points.ts';
import {
  aim,
  allFields,
  type Codec,
  encodeBound,
  gather,
  inputOf,
  makeRoom,
  orderOf,
  outputOf,
  packParcel,
  type Points,
  pointsOf,
  returnCodec,
  sort,
  takeCodec,
  unpackParcel,
} from '../kernels/codec.ts';
import type { Cloud } from './clouds.ts';
import { pointsAt } from './slices.ts';
import type { Shape } from './shape.ts';
import { conform, stepsOf } from './shape.ts';

/** A run of points of one file, and the form that all points take. Plain JSON. */
export type SpillPart = { readonly file: number; readonly run: Run; readonly shape: Shape };

/** A manifest: sorted pieces of groups. One element a piece: its group, which has two numbers; whether its points are copies; its blob, bytes there, points. */
export type Spilled = {
  /** Points that were read. */
  readonly points: number;
  readonly blobs: readonly Stored[];
  readonly pieces: {
    readonly a: Int32Array<ArrayBuffer>;
    readonly b: Int32Array<ArrayBuffer>;
    readonly isCopy: Uint8Array<ArrayBuffer>;
    readonly blob: Uint32Array<ArrayBuffer>;
    readonly start: Float64Array<ArrayBuffer>;
    readonly end: Float64Array<ArrayBuffer>;
    readonly points: Uint32Array<ArrayBuffer>;
  };
};

/** A group of points: two numbers that name it, and whether it holds copies of points that other groups own. */
export type Group = { readonly a: number; readonly b: number; readonly isCopy: boolean };
/** Which point goes into which group, an element an entry: numbers of points, and of `groups`. */
export type Assignment = {
  readonly numbers: Uint32Array;
  readonly group: Uint32Array;
  readonly groups: readonly Group[];
};
/** It may change what is not of the order of the points, such as their classes, before they are sorted. */
export type Assign = (points: Points, shape: Shape) => Assignment | Promise<Assignment>;

const piecePoints = 50_000;
// Of the flags: left out of what is computed from the points.
const withheld = 4;

/** Runs of all files. */
export async function spillParts(
  clouds: readonly Cloud[],
  shape: Shape,
  split: number,
  planning: Pick<Planning, 'signal'>,
): Promise<SpillPart[]> {
  const parts: SpillPart[] = [];
  for (const { file, source, las } of clouds) {
    planning.signal.throwIfAborted();
    for (const run of await cutRuns(source, las, split)) parts.push({ file, run, shape });
  }
  return parts;
}

/** Upper bound of the memory of a run whose points come up to `copies` times. */
export const spillMemory = ({ run, shape }: SpillPart, copies: number): number =>
  memoryOf(run) + (70 + shape.extra) * run.points + 20 * copies * run.points + 32 * 2 ** 20;

/** Reads a run, and stores its points by group, packed (../assembly/parcel.ts): within a group sorted, copies flagged as withheld. An entry comes at most `copies` times. */
export async function spillRun(
  { file, run, shape }: SpillPart,
  files: readonly Dataset[],
  copies: number,
  assign: Assign,
  context: Context,
): Promise<Spilled> {
  const dataset = files[file]!;
  const codec = takeCodec(await context.module('laz'));
  const room = roomOf(run);
  const chunk = Math.max(room.chunk, Math.min(piecePoints, copies * run.points));
  makeRoom(codec, {
    ...room,
    chunk,
    extra: shape.extra,
    points: copies * run.points,
    output: encodeBound(piecePoints, shape.extra),
  });
  const steps = stepsOf({ ...run, name: dataset.uri }, shape);
  const adapt = (found: Points): void => conform(codec, found, run.format, steps);
  const reading = readRun(await context.open(dataset), run, dataset.uri, codec, allFields, adapt, {
    set: 1,
    at: 0,
    isOver: false,
  });
  for await (const _ of reading) context.signal.throwIfAborted();
  const { numbers, group, groups } = await assign(pointsAt(codec, 0, run.points), shape);
  const starts = sortByGroup(numbers, group, groups.length, orderOf(codec));
  const chunks: Uint8Array[] = [];
  const pieces: { group: Group; bytes: number; points: number }[] = [];
  for (const [i, one] of groups.entries()) {
    context.signal.throwIfAborted();
    const [from, to] = [starts[i]!, starts[i + 1]!];
    sort(codec, from, to);
    for (let at = from; at < to; at += piecePoints) {
      const count = Math.min(piecePoints, to - at);
      gather(codec, at, count);
      if (one.isCopy) flagCopies(codec, count);
      const bytes = packParcel(codec, shape.pdrf, count, 0);
      chunks.push(outputOf(codec, 0, bytes).slice());
      pieces.push({ group: one, bytes, points: count });
    }
  }
  returnCodec(codec);
  const end = new Float64Array(pieces.length);
  let total = 0;
  for (const [i, { bytes }] of pieces.entries()) end[i] = total += bytes;
  return {
    points: run.points,
    blobs: total === 0 ? [] : [await context.put(Buffer.concat(chunks))],
    pieces: {
      a: Int32Array.from(pieces, ({ group: { a } }) => a),
      b: Int32Array.from(pieces, ({ group: { b } }) => b),
      isCopy: Uint8Array.from(pieces, ({ group: { isCopy } }) => (isCopy ? 1 : 0)),
      blob: new Uint32Array(pieces.length),
      start: end.map((to, i) => to - pieces[i]!.bytes),
      end,
      points: Uint32Array.from(pieces, ({ points }) => points),
    },
  };
}

function flagCopies(codec: Codec, count: number): void {
  const { flags } = pointsOf(codec, count);
  for (let i = 0; i < count; i++) flags[i] = flags[i]! | withheld;
}

/** Writes the numbers to `order`, the groups one behind the other; gives where each starts, and the end. */
function sortByGroup(
  numbers: Uint32Array,
  group: Uint32Array,
  groups: number,
  order: Uint32Array,
): Uint32Array {
  const starts = new Uint32Array(groups + 1);
  for (let i = 0; i < group.length; i++) starts[group[i]! + 1]!++;
  for (let g = 0; g < groups; g++) starts[g + 1]! += starts[g]!;
  const next = starts.slice();
  for (let i = 0; i < group.length; i++) order[next[group[i]!]!++] = numbers[i]!;
  return starts;
}

/** The pieces of all, in order. */
export function mergeSpilled(parts: readonly Spilled[]): Spilled {
  const pieces = joinPlaces(
    parts.map((part) => part.pieces),
    parts.map(({ blobs }) => blobs),
  );
  return {
    points: parts.reduce((sum, { points }) => sum + points, 0),
    blobs: parts.flatMap((part) => part.blobs),
    pieces,
  };
}

/** A piece as a later part reads it: number of the blob among the part's, bytes there, points. */
export type Gathered = readonly [number, number, number, number];
/** What a part reads: pieces, and the blobs that they lie in. Plain JSON. */
export type Gathering = { readonly blobs: readonly Stored[]; readonly pieces: readonly Gathered[] };

/** Where pieces of a manifest lie. */
type Lying = Pick<Spilled['pieces'], 'blob' | 'start' | 'end' | 'points'>;

/** Some pieces of a manifest, with the blobs that they need. */
export function gatheringOf(
  { blobs, pieces }: { readonly blobs: readonly Stored[]; readonly pieces: Lying },
  numbers: readonly number[],
): Gathering {
  const used = [...new Set(numbers.map((i) => pieces.blob[i]!))].sort((a, b) => a - b);
  const place = new Map(used.map((blob, i) => [blob, i]));
  return {
    blobs: used.map((i) => blobs[i]!),
    pieces: numbers.map((i): Gathered => [
      place.get(pieces.blob[i]!)!,
      pieces.start[i]!,
      pieces.end[i]!,
      pieces.points[i]!,
    ]),
  };
}

export const pointsIn = ({ pieces }: Gathering): number =>
  pieces.reduce((sum, [, , , points]) => sum + points, 0);
/** Upper bound of the memory that `readGathering` takes. */
export const gatheringMemory = (given: Gathering, shape: Shape): number =>
  (66 + shape.extra) * pointsIn(given) + 80 * 2 ** 20;

/** Reads pieces into the kernel's set 1, one behind the other, with room for `output` bytes; the order is that of the pieces. */
export async function readGathering(
  { blobs, pieces }: Gathering,
  shape: Shape,
  codec: Codec,
  output: number,
  context: Pick<Context, 'get' | 'signal'>,
): Promise<number> {
  const bytes = pieces.reduce((most, [, start, end]) => Math.max(most, end - start), 0);
  const total = pieces.reduce((sum, [, , , points]) => sum + points, 0);
  makeRoom(codec, { chunk: Math.max(piecePoints, total), bytes, extra: shape.extra, points: total, output });
  let at = 0;
  for (const [blob, start, end, points] of pieces) {
    context.signal.throwIfAborted();
    inputOf(codec).set(await context.get(blobs[blob]!, start, end));
    aim(codec, 1, at);
    if (!unpackParcel(codec, shape.pdrf, points, end - start))
      throw new Error(`piece of ${blobs[blob]!.key}: other bytes than its points take`);
    at += points;
  }
  const order = orderOf(codec);
  for (let i = 0; i < total; i++) order[i] = i;
  return total;
}
