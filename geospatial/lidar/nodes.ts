/** Encoded nodes of an octree in the store. */
import type { Context, Stored } from '../../core/job.ts';
import { joinPlaces } from '../../core/tables.ts';
import type { NodeKey } from '../kernels/octree.ts';
import type { Tally } from '../kernels/tally.ts';
import { mergeTallies } from '../kernels/tally.ts';

/** A manifest, one element a node or a piece of one: its key, its blob, bytes there, points. */
export type NodeTable = {
  readonly level: Int32Array<ArrayBuffer>;
  readonly x: Int32Array<ArrayBuffer>;
  readonly y: Int32Array<ArrayBuffer>;
  readonly z: Int32Array<ArrayBuffer>;
  readonly blob: Uint32Array<ArrayBuffer>;
  readonly start: Float64Array<ArrayBuffer>;
  readonly end: Float64Array<ArrayBuffer>;
  readonly points: Uint32Array<ArrayBuffer>;
};
/** Whole nodes, and pieces of nodes of which other parts have pieces, too. */
export type Nodes = {
  readonly blobs: readonly Stored[];
  readonly nodes: NodeTable;
  readonly pieces: NodeTable;
  readonly tally: Tally;
};

/** An encoded node that waits to be stored. */
export type Made = { readonly key: NodeKey; readonly chunk: Uint8Array; readonly points: number };

/** Stores nodes and pieces in one blob. */
export async function storeNodes(
  nodes: readonly Made[],
  pieces: readonly Made[],
  tally: Tally,
  { put }: Pick<Context, 'put'>,
): Promise<Nodes> {
  const all = [...nodes, ...pieces];
  let at = 0;
  const ends = all.map(({ chunk }) => (at += chunk.length));
  const tableOf = (some: readonly Made[], first: number): NodeTable => ({
    level: Int32Array.from(some, ({ key }) => key[0]),
    x: Int32Array.from(some, ({ key }) => key[1]),
    y: Int32Array.from(some, ({ key }) => key[2]),
    z: Int32Array.from(some, ({ key }) => key[3]),
    blob: new Uint32Array(some.length),
    start: Float64Array.from(some, ({ chunk }, i) => ends[first + i]! - chunk.length),
    end: Float64Array.from(some, (_, i) => ends[first + i]!),
    points: Uint32Array.from(some, ({ points }) => points),
  });
  return {
    blobs: at === 0 ? [] : [await put(Buffer.concat(all.map(({ chunk }) => chunk)))],
    nodes: tableOf(nodes, 0),
    pieces: tableOf(pieces, nodes.length),
    tally,
  };
}

/** All of them, in order. */
export function mergeNodes(parts: readonly Nodes[]): Nodes {
  const blobs = parts.map((part) => part.blobs);
  return {
    blobs: blobs.flat(),
    nodes: joinPlaces(
      parts.map((part) => part.nodes),
      blobs,
    ),
    pieces: joinPlaces(
      parts.map((part) => part.pieces),
      blobs,
    ),
    tally: mergeTallies(parts.map(({ tally }) => tally)),
  };
}

export const keyAt = ({ level, x, y, z }: NodeTable, i: number): NodeKey => [level[i]!, x[i]!, y[i]!, z[i]!];
