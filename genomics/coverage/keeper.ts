/** Keeps what a swept part of coverage gives: finished rows go to the store while the part goes on. */
import type { Context, Stored } from '../../core/job.ts';
import { takePiece } from '../kernels/track.ts';
import type { Part } from './plan.ts';
import { type Coverage, type Rows, storePiece } from './result.ts';
import { noPatches } from './seam.ts';
import type { PartSweep, Rest } from './sweep.ts';

/** Compressed rows and bytes of numbers that a kernel holds before they go to the store. */
const pieceSize = 8 << 20;

/** What a swept part gives. */
export async function buildCoverage(
  { contigs, from, to }: Part,
  sweep: PartSweep,
  kept: Keeper,
): Promise<Coverage> {
  const whole = sweep.finish();
  const { perBase, quantized, values } = await kept.rest(sweep);
  const last = contigs.at(-1);
  return {
    ...whole,
    from: { contig: contigs[0]?.[0] ?? -1, pos: from, isEnd: false },
    to: { contig: last?.[0] ?? -1, pos: to, isEnd: to === last?.[2] },
    perBase,
    quantized,
    regions: sweep.regions ? { ...sweep.regions.build(), values, patches: noPatches() } : null,
  };
}

export type Keeper = ReturnType<typeof keeper>;

const files = ['perBase', 'quantized'] as const;

/** Moves what is finished into the store while the part goes on, so that memory does not grow with it. */
export function keeper(context: Pick<Context, 'put'>) {
  type Pieces = Rows['pieces'][number][];
  const pieces: { perBase: Pieces; quantized: Pieces } = { perBase: [], quantized: [] };
  const store = async (rest: Rest | undefined, to: Pieces, limit: number): Promise<void> => {
    if (rest && rest.track.size >= limit) to.push(await storePiece(takePiece(rest.track), context));
  };
  const storeAll = async (sweep: PartSweep, limit: number): Promise<void> => {
    for (const file of files) await store(sweep[file], pieces[file], limit);
  };
  return {
    /** Forgets what was kept. */
    clear(): void {
      for (const file of files) pieces[file] = [];
    },
    /** A promise when a file has more than it should hold. */
    spill(sweep: PartSweep): Promise<void> | undefined {
      const isFull = files.some((file) => (sweep[file]?.track.size ?? 0) >= pieceSize);
      return isFull ? storeAll(sweep, pieceSize) : undefined;
    },
    async rest(
      sweep: PartSweep,
    ): Promise<{ perBase: Rows | null; quantized: Rows | null; values: readonly Stored[] }> {
      await storeAll(sweep, 1);
      const numbers = sweep.regions?.takeValues();
      const values: Stored[] = [];
      if (numbers && numbers.length > 0)
        values.push(
          await context.put(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)),
        );
      const rowsOf = (file: (typeof files)[number]): Rows | null => {
        const rest = sweep[file];
        return rest ? { pieces: pieces[file], closes: rest.track.closes, open: rest.open } : null;
      };
      return { perBase: rowsOf('perBase'), quantized: rowsOf('quantized'), values };
    },
  };
}
