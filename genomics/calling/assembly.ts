/** Haplotypes that no CIGAR shows: assembled from the reads where many of them are clipped. */
import { createGraph, detoursOf, type Graph, type Strand } from './debruijn.ts';
import { differencesOf } from './differences.ts';
import { witnessesOf } from './haplotypes.ts';
import type { Mark } from './marks.ts';
import type { Pool } from './pool.ts';
import { type Edit, keyOf, mostGone, shiftLeft, type Signals, type Slice } from './signals.ts';
import type { Rules } from './column.ts';

/** Tiles lie at multiples of their size; reads are looked at over them and this much on either side. */
const [tileSize, pad] = [128, 192];
/** Words of the graph: the next longer ones where the shorter go round in circles. */
const words = [15, 21, 27, 32];
/** The part of reads that must show a detour, and no fewer than two of them. */
const least = { part: 0.1, count: 2 };
/** Of more reads over a tile, every second, third, ... is taken. */
const mostReads = 2000;
/** The longest insertion. */
const mostAdded = 400;

/**
 * Haplotypes as edits in order, each moved left; of them single edits that are marked already are left out. Tiles are taken whose reads all lie in the slice; `length`: of the contig.
 */
export function assemble(
  pool: Pool,
  slice: Slice,
  marks: readonly Mark[],
  { depth, from }: Signals,
  length: number,
  { isEvidence }: Pick<Rules, 'isEvidence'>,
): Edit[][] {
  let graph: Graph | undefined;
  const known = new Set(marks.flatMap(({ edit }) => (edit ? keyOf(edit) : [])));
  const found = new Map<string, Edit[]>();
  for (const tile of tilesOf(marks)) {
    const [low, high] = [Math.max(0, tile - pad), Math.min(length, tile + tileSize + pad)];
    if (low < slice.from || high > slice.to) continue;
    graph ??= createGraph();
    const region = { low, high };
    const reads = witnessesOf(pool, { from: low, to: high }, region, slice, isEvidence);
    const deep = Math.max(
      ...depth.map((one) => Math.max(...one.subarray(tile - from, tile + tileSize - from))),
    );
    const step = Math.max(1, Math.ceil(reads.length / mostReads));
    const some = step > 1 ? reads.filter((_, i) => i % step === 0) : reads;
    const needed = Math.max(least.count, Math.ceil((least.part * deep) / step));
    for (const edits of editsOf(graph, slice, region, some, needed)) {
      const key = edits.map(keyOf).join();
      if (edits.length > 1 || !known.has(key)) found.set(key, edits);
    }
  }
  return [...found.values()];
}

/** Where tiles begin in which reads are clipped, in order. */
function tilesOf(marks: readonly Mark[]): Set<number> {
  const tiles = new Set<number>();
  for (const { from, to, edit } of marks)
    for (let tile = from - (from % tileSize); !edit && tile < to; tile += tileSize) tiles.add(tile);
  return tiles;
}

function* editsOf(
  graph: Graph,
  slice: Slice,
  { low, high }: { low: number; high: number },
  reads: readonly Strand[],
  needed: number,
): Generator<Edit[]> {
  const reference = slice.codes.subarray(low - slice.from, high - slice.from);
  for (const k of words) {
    const detours = detoursOf(graph, reference, reads, k, needed);
    for (const { from, to, bases } of detours ?? []) {
      const edits = differencesOf(reference.subarray(from, to), bases, low + from);
      if (edits?.every(({ size, bases }) => size <= mostGone && bases.length <= mostAdded))
        yield edits.map((edit) => shiftLeft(edit, slice));
    }
    if (detours) return;
  }
}
