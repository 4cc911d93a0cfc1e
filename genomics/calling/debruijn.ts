/** The De Bruijn graph of a stretch of the reference and the reads over it: where reads leave the reference, and where they come back. */
import { leastQuality, other } from './pool.ts';

/** Of the reference `[from, to)` is left out, and `bases` (codes) are in its place. */
export type Detour = { readonly from: number; readonly to: number; readonly bases: Uint8Array };

/** Codes of bases with their qualities. */
export type Strand = { readonly bases: Uint8Array; readonly quals: Uint8Array };

/** The longest k: two words of 16 bases. */
export const longestWord = 32;
/** Nodes of a graph at most, bases of a detour, detours, and steps along them. */
const most = { nodes: 1 << 15, bases: 400, detours: 24, steps: 20_000 };

export type Graph = {
  /** By node: its bases, 2 bits each, the last 16 and those before; reads that go on with each base; where it is in the reference, or -1. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly weights: Uint16Array;
  readonly place: Int32Array;
  /** Nodes by the hash of their bases, from 1 on. */
  readonly table: Int32Array;
  count: number;
};

export const createGraph = (): Graph => ({
  low: new Int32Array(most.nodes),
  high: new Int32Array(most.nodes),
  weights: new Uint16Array(4 * most.nodes),
  place: new Int32Array(most.nodes),
  table: new Int32Array(4 * most.nodes),
  count: 0,
});

/**
 * The detours that `least` reads take, in the order of where they leave. Undefined where words of `k` bases are too short to tell: the reference has one twice, reads go
 * round in circles, or there are more words than a graph holds. A detour that comes back before where it left repeats what lies between: an insertion.
 */
export function detoursOf(
  graph: Graph,
  reference: Uint8Array,
  reads: readonly Strand[],
  k: number,
  least: number,
): Detour[] | undefined {
  graph.count = 0;
  graph.table.fill(0);
  const nodes = new Int32Array(reference.length).fill(-1);
  const add = createReader(graph, k);
  let isClear = add(reference, undefined, (node, end) => {
    const start = end - k;
    if (graph.place[node]! >= 0) return false;
    graph.place[node] = start;
    nodes[start] = node;
    return true;
  });
  for (const { bases, quals } of reads) isClear &&= add(bases, quals, undefined);
  if (!isClear) return undefined;

  const found: Detour[] = [];
  const path: number[] = [];
  const isOnPath = new Set<number>();
  let [isRound, steps] = [false, 0];
  const follow = (start: number, node: number): void => {
    const back = graph.place[node]!;
    if (back >= 0) {
      found.push(detourOf(reference, start + k, back + k, path));
      return;
    }
    if (isOnPath.has(node)) isRound = true;
    if (isRound || path.length > most.bases || ++steps > most.steps) return;
    isOnPath.add(node);
    for (const base of waysOf(graph, node, least)) {
      if (found.length === most.detours) break;
      path.push(base);
      follow(start, nextOf(graph, node, base, k));
      path.pop();
    }
    isOnPath.delete(node);
  };
  for (const [start, node] of nodes.entries()) {
    if (node < 0) continue;
    for (const base of waysOf(graph, node, least)) {
      if (base === reference[start + k] || found.length === most.detours) continue;
      path.push(base);
      follow(start, nextOf(graph, node, base, k));
      path.pop();
    }
  }
  return isRound ? undefined : found;
}

function detourOf(reference: Uint8Array, left: number, back: number, path: readonly number[]): Detour {
  if (back >= left) return { from: left, to: back, bases: Uint8Array.from(path) };
  return { from: left, to: left, bases: Uint8Array.of(...path, ...reference.subarray(back, left)) };
}

/** The bases that at least so many reads go on with, the commonest first. */
function waysOf({ weights }: Graph, node: number, least: number): number[] {
  const weightOf = (base: number): number => weights[4 * node + base]!;
  return [0, 1, 2, 3]
    .filter((base) => weightOf(base) >= least)
    .sort((a, b) => weightOf(b) - weightOf(a) || a - b);
}

/** What comes out of the words of `bases`: false where the graph is full, or `visit` says so of a node and the end of its word. */
type Reader = (
  bases: Uint8Array,
  quals: Uint8Array | undefined,
  visit: ((node: number, end: number) => boolean) | undefined,
) => boolean;

/** Words of reads are counted by the edges between them; those of the reference, which has no qualities, are not. */
function createReader(graph: Graph, k: number): Reader {
  return (bases, quals, visit) => {
    let [low, high, run, before] = [0, 0, 0, -1];
    const [lowMask, highMask] = [maskOf(k), maskOf(k - 16)];
    for (let i = 0; i < bases.length; i++) {
      const base = bases[i]!;
      if (base === other || (quals && quals[i]! < leastQuality)) {
        [run, before] = [0, -1];
        continue;
      }
      high = ((high << 2) | (low >>> 30)) & highMask;
      low = ((low << 2) | base) & lowMask;
      if (++run < k) continue;
      const node = nodeOf(graph, low, high);
      if (node < 0 || visit?.(node, i + 1) === false) return false;
      if (quals && before >= 0 && graph.weights[4 * before + base]! < 65535)
        graph.weights[4 * before + base]!++;
      before = node;
    }
    return true;
  };
}

/** Bits of up to so many bases, no more than 16. */
const maskOf = (bases: number): number => (bases >= 16 ? -1 : (1 << Math.max(0, 2 * bases)) - 1);

function nextOf(graph: Graph, node: number, base: number, k: number): number {
  const [low, high] = [graph.low[node]!, graph.high[node]!];
  return nodeOf(graph, ((low << 2) | base) & maskOf(k), ((high << 2) | (low >>> 30)) & maskOf(k - 16));
}

/** The node of a word, a new one where there is none; -1 where there is no room for it. */
function nodeOf(graph: Graph, low: number, high: number): number {
  const { table } = graph;
  const last = table.length - 1;
  let hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  hash ^= hash >>> 15;
  for (let at = hash & last; ; at = (at + 1) & last) {
    const node = table[at]! - 1;
    if (node < 0) {
      const added = graph.count;
      if (added === most.nodes) return -1;
      table[at] = added + 1;
      graph.low[added] = low;
      graph.high[added] = high;
      graph.weights.fill(0, 4 * added, 4 * added + 4);
      graph.place[added] = -1;
      graph.count++;
      return added;
    }
    if (graph.low[node] === low && graph.high[node] === high) return node;
  }
}
