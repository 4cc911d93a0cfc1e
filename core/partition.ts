/** Ways to cut work into parts: every unit of the whole is owned by exactly one part. */

/** Half-open integer interval. */
export type Interval = { readonly start: number; readonly end: number };

/** Splits `[0, length)` into intervals of `size`, the last one shorter. */
export function splitInterval(length: number, size: number): Interval[] {
  if (!(size > 0)) throw new RangeError(`part size must be positive, found ${size}`);
  const out: Interval[] = [];
  for (let start = 0; start < length; start += size) out.push({ start, end: Math.min(start + size, length) });
  return out;
}

/**
 * Cuts a profile of costs into runs of neighbours whose costs are as equal as a greedy pass makes them.
 * `cost[i]` is the cost of item i (compressed bytes of a window, points of a chunk); `target` the cost wanted for a part.
 * Gives intervals of items that cover `[0, cost.length)` in order; none is empty.
 */
export function splitWeighted(cost: ArrayLike<number>, target: number): Interval[] {
  if (!(target > 0)) throw new RangeError(`part size must be positive, found ${target}`);
  let total = 0;
  for (let i = 0; i < cost.length; i++) total += cost[i]!;
  // Aim at equal shares rather than full parts and a small rest.
  const share = total / Math.max(1, Math.round(total / target));
  const out: Interval[] = [];
  let start = 0;
  let sum = 0;
  let goal = share;
  for (let i = 0; i < cost.length; i++) {
    const next = sum + cost[i]!;
    // Cut before item i when that leaves the part nearer to its goal than taking the item.
    if (i > start && next > goal && next - goal > goal - sum) {
      out.push({ start, end: i });
      start = i;
      while (goal <= sum) goal += share;
      if (next > goal && goal - sum < share / 2) goal += share;
    }
    sum = next;
  }
  if (start < cost.length) out.push({ start, end: cost.length });
  return out;
}

/** Axis-aligned box in the units of the coordinate system; min inclusive, max exclusive. */
export type Box = {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
};

/** A box that owns its cells, and the margin around it to read but not to emit. */
export type Tile = Box & { readonly halo: number };

/** Covers `bounds`, snapped outwards to multiples of `align`, with disjoint tiles of at most `size`, row by row from the south. */
export function splitGrid(
  bounds: Box,
  size: number,
  { align, halo = 0 }: { align: number; halo?: number },
): Tile[] {
  const cells = Math.round(size / align);
  if (cells < 1 || Math.abs(cells * align - size) > 1e-9 * size)
    throw new RangeError(`tile size ${size} is not a multiple of ${align}`);
  // Counted in whole cells, so that neighbours share an edge to the bit.
  const [west, south] = [Math.floor(bounds.minX / align), Math.floor(bounds.minY / align)];
  const [east, north] = [Math.ceil(bounds.maxX / align), Math.ceil(bounds.maxY / align)];
  const out: Tile[] = [];
  for (let y = south; y < north; y += cells) {
    for (let x = west; x < east; x += cells) {
      const [right, top] = [Math.min(x + cells, east), Math.min(y + cells, north)];
      out.push({ minX: x * align, minY: y * align, maxX: right * align, maxY: top * align, halo });
    }
  }
  return out;
}

/** The box with a margin of `by` on every side. */
export const grow = ({ minX, minY, maxX, maxY }: Box, by: number): Box => ({
  minX: minX - by,
  minY: minY - by,
  maxX: maxX + by,
  maxY: maxY + by,
});
