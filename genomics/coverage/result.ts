/** What is known of an interval of the genome, and how neighbours become one. */
import type { Context, Stored } from '../../core/job.ts';
import { columns } from '../../core/codec.ts';
import type { Measure } from '../kernels/row.ts';
import type { Swept } from '../kernels/regions.ts';
import { createTallies, type Tallies } from '../kernels/tally.ts';
import { type Chunks, closeOpen, type Open, type Piece } from '../kernels/track.ts';
import { joinRegions, type Patches } from './seam.ts';

/** Rows in the store: a blob of `blocks` bytes of BGZF, then their chunks as `chunkCodec` writes them. */
export type StoredPiece = { readonly stored: Stored; readonly blocks: number };
export const chunkCodec = columns<Chunks>();

/** The rows of one file that end in the interval. */
export type Rows = {
  readonly pieces: readonly StoredPiece[];
  /** Where the row ends that was open at the interval's start; -1 when that is not known: or there was none. */
  readonly closes: number;
  /** The row that is open at the interval's end. */
  readonly open: Open | null;
};

/** The regions of the interval. */
export type Regions = Swept & {
  /** Numbers of the regions that start in the interval, `strideOf` each, as Float64Array; NaN where a patch has them. */
  readonly values: readonly Stored[];
  readonly patches: Patches;
};

/** A position of the genome; `isEnd`: it is the contig's end. */
export type Border = { readonly contig: number; readonly pos: number; readonly isEnd: boolean };

export type Coverage = {
  readonly from: Border;
  readonly to: Border;
  /** Reads that start in the interval. */
  readonly records: number;
  readonly tallies: Tallies;
  /** Contigs on which reads lie. */
  readonly seen: Int32Array<ArrayBuffer>;
  readonly perBase: Rows | null;
  readonly quantized: Rows | null;
  readonly regions: Regions | null;
};

/** Puts rows into the store. */
export async function storePiece(
  { blocks, chunks }: Piece,
  context: Pick<Context, 'put'>,
): Promise<StoredPiece> {
  const stored = await context.put(Buffer.concat([blocks, chunkCodec.encode(chunks)]));
  return { stored, blocks: blocks.length };
}

/** Joins neighbours, in order. `isWindows`: regions are windows, counted by their means. */
export async function join(
  results: readonly Coverage[],
  measure: Measure,
  isWindows: boolean,
  context: Pick<Context, 'put'>,
): Promise<Coverage> {
  let whole = results[0]!;
  const tallies = createTallies();
  tallies.pushAll(whole.tallies);
  const seen = new Set(whole.seen);
  for (const next of results.slice(1)) {
    tallies.pushAll(next.tallies);
    for (const contig of next.seen) seen.add(contig);
    whole = {
      from: whole.from,
      to: next.to,
      records: whole.records + next.records,
      // Set below: these are joined all at once.
      tallies: next.tallies,
      seen: next.seen,
      perBase: await joinRows(whole.perBase, next.perBase, context),
      quantized: await joinRows(whole.quantized, next.quantized, context),
      regions: whole.regions && next.regions && joinRegions(whole, next, measure, isWindows),
    };
  }
  return { ...whole, tallies: tallies.build(), seen: Int32Array.from(seen) };
}

async function joinRows(a: Rows | null, b: Rows | null, context: Pick<Context, 'put'>): Promise<Rows | null> {
  if (!a || !b) return null;
  const pieces = [...a.pieces];
  let { open } = a;
  if (open && b.closes >= 0) {
    pieces.push(await storePiece(closeOpen(open, b.closes), context));
    open = null;
  }
  // Where no row starts or ends, the open one goes on.
  return {
    pieces: [...pieces, ...b.pieces],
    closes: a.closes < 0 ? b.closes : a.closes,
    open: open ?? b.open,
  };
}
