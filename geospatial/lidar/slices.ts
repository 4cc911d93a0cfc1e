/** The points of several files as one sequence, cut so that every part makes whole chunks of a new file. */
import type { Planning } from '../../core/job.ts';
import { splitInterval } from '../../core/partition.ts';
import type { Run } from '../formats/points.ts';
import { memoryOf, readRun, roomOf, wholeRun } from '../formats/points.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { allFields, makeRoom, type Codec, type Points, pointsOf, aim } from '../kernels/codec.ts';
import type { Cloud } from './clouds.ts';
import type { Shape } from './shape.ts';
import { conform, stepsOf } from './shape.ts';

/** Points of a chunk that is written, but for the last one: as LASzip has it. */
export const chunkPoints = 50_000;

/** Points `[skip, skip + take)` of a run. Only the first piece of a slice skips any. */
type Piece = { readonly file: number; readonly run: Run; readonly skip: number; readonly take: number };
/** Neighbours in the sequence: whole chunks of the new file. Plain JSON. */
export type Slice = { readonly pieces: readonly Piece[]; readonly points: number };

/** Slices of about `split` points, each point in one; none for no points. */
export async function cutSlices(
  clouds: readonly Cloud[],
  split: number,
  planning: Pick<Planning, 'signal'>,
): Promise<Slice[]> {
  const total = clouds.reduce((sum, { las }) => sum + las.count, 0);
  const size = Math.max(1, Math.round(split / chunkPoints)) * chunkPoints;
  const pieces: Piece[][] = splitInterval(total, size).map(() => []);
  let before = 0;
  for (const { file, source, las } of clouds) {
    planning.signal.throwIfAborted();
    if (las.count === 0) continue;
    const cut = await wholeRun(source, las);
    const end = before + las.count;
    for (let i = Math.floor(before / size); i * size < end; i++) {
      const from = Math.max(before, i * size) - before;
      const to = Math.min(end, (i + 1) * size) - before;
      const run = cut(from, to);
      pieces[i]!.push({ file, run, skip: from - run.first, take: to - from });
    }
    before = end;
  }
  return pieces.map((some) => ({ pieces: some, points: some.reduce((sum, { take }) => sum + take, 0) }));
}

/** Upper bound of the memory that reading a slice takes, in bytes. */
export const sliceMemory = ({ pieces, points }: Slice, { extra }: Shape): number =>
  pieces.reduce((most, { run }) => Math.max(most, memoryOf(run) + (54 + extra) * run.points), 0) +
  (54 + extra) * points;

/**
 * Reads a slice into the kernel's set 1, in the form of `shape`, and gives where its first point stands there. `output` bytes of room are made for what is written.
 * @throws BadInput for a chunk that does not decode
 */
export async function readSlice(
  { pieces, points }: Slice,
  files: readonly Dataset[],
  shape: Shape,
  codec: Codec,
  output: number,
  context: Pick<Context, 'open' | 'signal'>,
): Promise<number> {
  const lead = pieces[0]!.skip;
  const rooms = pieces.map(({ run }) => roomOf(run));
  const most = (of: 'chunk' | 'bytes'): number => rooms.reduce((a, room) => Math.max(a, room[of]), 0);
  const chunk = Math.max(chunkPoints, most('chunk'));
  makeRoom(codec, {
    chunk,
    bytes: most('bytes'),
    extra: shape.extra,
    points: lead + points + most('chunk'),
    output,
  });
  let at = 0;
  for (const { file, run, skip, take } of pieces) {
    const dataset = files[file]!;
    const steps = stepsOf({ ...run, name: dataset.uri }, shape);
    const adapt = (found: Points): void => conform(codec, found, run.format, steps);
    const reading = readRun(await context.open(dataset), run, dataset.uri, codec, allFields, adapt, {
      set: 1,
      at,
      isOver: false,
    });
    for await (const _ of reading) context.signal.throwIfAborted();
    at += skip + take;
  }
  return lead;
}

/** Points `[from, to)` of the kernel's set 1. */
export function pointsAt(codec: Codec, from: number, to: number): Points {
  aim(codec, 1, from);
  return pointsOf(codec, to - from);
}
