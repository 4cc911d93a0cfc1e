/** Encoded nodes of an octree in the store. */
import type { Context, Stored } from '../../core/job.ts';
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
  let blobs = 0;
  const before = parts.map((part) => (blobs += part.blobs.length) - part.blobs.length);
  const join = (tables: readonly NodeTable[]): NodeTable => {
    const total = tables.reduce((sum, { level }) => sum + level.length, 0);
    const integers = (name: 'level' | 'x' | 'y' | 'z'): Int32Array<ArrayBuffer> =>
      joined(
        new Int32Array(total),
        tables.map((t) => t[name]),
      );
    const numbers = (columns: readonly Uint32Array[]): Uint32Array<ArrayBuffer> =>
      joined(new Uint32Array(total), columns);
    const places = (name: 'start' | 'end'): Float64Array<ArrayBuffer> =>
      joined(
        new Float64Array(total),
        tables.map((t) => t[name]),
      );
    return {
      level: integers('level'),
      x: integers('x'),
      y: integers('y'),
      z: integers('z'),
      blob: numbers(tables.map((t, i) => t.blob.map((b) => b + before[i]!))),
      start: places('start'),
      end: places('end'),
      points: numbers(tables.map((t) => t.points)),
    };
  };
  return {
    blobs: parts.flatMap((part) => part.blobs),
    nodes: join(parts.map(({ nodes }) => nodes)),
    pieces: join(parts.map(({ pieces }) => pieces)),
    tally: mergeTallies(parts.map(({ tally }) => tally)),
  };
}

function joined<T extends Int32Array | Uint32Array | Float64Array>(
  out: T,
  columns: readonly ArrayLike<number>[],
): T {
  let at = 0;
  for (const column of columns) {
    out.set(column, at);
    at += column.length;
  }
  return out;
}

export const keyAt = ({ level, x, y, z }: NodeTable, i: number): NodeKey => [level[i]!, x[i]!, y[i]!, z[i]!];
