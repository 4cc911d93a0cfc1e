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
