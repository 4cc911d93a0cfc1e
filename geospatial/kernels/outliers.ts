/** Points that are no surface: far below the others of their cell, or far from all others. */

/** Coordinates of points. */
export type Spread = { readonly x: Float64Array; readonly y: Float64Array; readonly z: Float64Array };

/**
 * Numbers of the points that lie `threshold` or more below the next higher one of their cell, and so on upwards: Chen et al. 2012, extended local minimum. Cells are squares of `side` from the
 * origin of the coordinates on; only those count for which `isWanted` holds, of which all points must be there.
 */
export function lowPoints(
  { x, y, z }: Spread,
  side: number,
  threshold: number,
  isWanted: (column: number, row: number) => boolean,
): number[] {
  const cells = new Map<string, number[]>();
  for (let i = 0; i < x.length; i++) {
    const [column, row] = [Math.floor(x[i]! / side), Math.floor(y[i]! / side)];
    if (!isWanted(column, row)) continue;
    const key = `${column},${row}`;
    const found = cells.get(key);
    if (found) found.push(i);
    else cells.set(key, [i]);
  }
  const out: number[] = [];
  for (const found of cells.values()) {
    found.sort((a, b) => z[a]! - z[b]!);
    for (let i = 0; i + 1 < found.length; i++) {
      if (z[found[i + 1]!]! - z[found[i]!]! < threshold) break;
      out.push(found[i]!);
    }
  }
  return out;
}

/**
 * For each of the first `owned` points the mean distance to its `k` nearest others; none counts for farther than `reach`, within which all points must be there. `side` is that of the squares in
 * which points are searched: a few points each.
 */
export function meanDistances(
  { x, y, z }: Spread,
  owned: number,
  k: number,
  reach: number,
  side: number,
): Float64Array {
  const [west, south] = [least(x), least(y)];
  const columns = Math.floor((most(x) - west) / side) + 1;
  const rows = Math.floor((most(y) - south) / side) + 1;
  const columnOf = (i: number): number => Math.floor((x[i]! - west) / side);
  const rowOf = (i: number): number => Math.floor((y[i]! - south) / side);
  const starts = new Uint32Array(columns * rows + 1);
  for (let i = 0; i < x.length; i++) starts[rowOf(i) * columns + columnOf(i) + 1]!++;
  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
  const next = starts.slice(0, -1);
  // By square, so that a search goes over neighbours in memory.
  const numbers = new Uint32Array(x.length);
  const [xs, ys, zs] = [0, 1, 2].map(() => new Float64Array(x.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < x.length; i++) {
    const at = next[rowOf(i) * columns + columnOf(i)]!++;
    numbers[at] = i;
    xs[at] = x[i]!;
    ys[at] = y[i]!;
    zs[at] = z[i]!;
  }
  const out = new Float64Array(owned);
  const nearest = new Float64Array(k);
  const rings = Math.ceil(reach / side);
  for (let i = 0; i < owned; i++) {
    const [px, py, pz, column, row] = [x[i]!, y[i]!, z[i]!, columnOf(i), rowOf(i)];
    nearest.fill(reach * reach);
    for (let ring = 0; ring <= rings; ring++) {
      // What is farther out is farther than this from the point.
      const seen = (ring - 1) * side;
      if (ring > 0 && nearest[k - 1]! <= seen * seen) break;
      for (let r = Math.max(0, row - ring); r <= Math.min(rows - 1, row + ring); r++) {
        const isEdge = r === row - ring || r === row + ring;
        const by = isEdge ? 1 : Math.max(1, 2 * ring);
        for (let c = column - ring; c <= column + ring; c += by) {
          if (c < 0 || c >= columns) continue;
          for (let at = starts[r * columns + c]!; at < starts[r * columns + c + 1]!; at++) {
            const [dx, dy, dz] = [xs[at]! - px, ys[at]! - py, zs[at]! - pz];
            const square = dx * dx + dy * dy + dz * dz;
            if (square >= nearest[k - 1]! || numbers[at] === i) continue;
            let slot = k - 1;
            for (; slot > 0 && nearest[slot - 1]! > square; slot--) nearest[slot] = nearest[slot - 1]!;
            nearest[slot] = square;
          }
        }
      }
    }
    let sum = 0;
    for (let j = 0; j < k; j++) sum += Math.sqrt(nearest[j]!);
    out[i] = sum / k;
  }
  return out;
}

const least = (column: Float64Array): number => column.reduce((a, b) => Math.min(a, b), Infinity);
const most = (column: Float64Array): number => column.reduce((a, b) => Math.max(a, b), -Infinity);

/** A set of points by their raw coordinates. */
export type PointSet = { readonly size: number; has(x: number, y: number, z: number): boolean };

export function pointSet(x: Int32Array, y: Int32Array, z: Int32Array): PointSet {
  const slots = 2 ** Math.ceil(Math.log2(2 * x.length + 1));
  const table = new Int32Array(slots).fill(-1);
  const slotOf = (a: number, b: number, c: number): number => {
    const mixed = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d);
    return (mixed ^ (mixed >>> 15)) & (slots - 1);
  };
  for (let i = 0; i < x.length; i++) {
    let slot = slotOf(x[i]!, y[i]!, z[i]!);
    while (table[slot]! >= 0) slot = (slot + 1) & (slots - 1);
    table[slot] = i;
  }
  return {
    size: x.length,
    has(a, b, c) {
      for (let slot = slotOf(a, b, c); ; slot = (slot + 1) & (slots - 1)) {
        const i = table[slot]!;
        if (i < 0) return false;
        if (x[i] === a && y[i] === b && z[i] === c) return true;
      }
    },
  };
}
