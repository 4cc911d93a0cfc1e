/**
 * A cloth that is pulled up against the earth from below: where it comes to rest is the ground. Source: Zhang et al. 2016, "An easy-to-use airborne LiDAR data filtering method
 * based on cloth simulation", whose cloth falls upon the earth turned upside down; constants and the order of moves as in the authors' own implementation.
 */

const GRAVITY: f32 = 0.2;
const DAMPING: f32 = 0.01;
/** The cloth starts so far below everything, and rests when no part of it moves by so much in a step. */
const MARGIN: f32 = 0.05;
const REST: f32 = 0.005;
/** Steps between two looks at which cells can still move others. */
const LOOK: i32 = 8;
/** Patches that hang free are drawn to the earth when they have more cells than this. */
const LARGE: usize = 50;

/** Of `state`: free to move, resting on the earth, seen in the search for patches. */
const FREE: u8 = 0;
const FIXED: u8 = 1;
const SEEN: u8 = 2;

let w: i32 = 0;
let h: i32 = 0;
let position: usize = 0;
let state: usize = 0;
let bothMove: f32 = 0;
let oneMoves: f32 = 0;

@inline function at(plane: usize, i: usize): f32 { return load<f32>(plane + 4 * i); }

/** Draws two cells towards one another, as far as they are free. */
@inline function draw(i: usize, k: usize): void {
  const p = position + 4 * i;
  const q = position + 4 * k;
  const gap = load<f32>(q) - load<f32>(p);
  const isFree = load<u8>(state + i) == FREE;
  const isOtherFree = load<u8>(state + k) == FREE;
  if (isFree && isOtherFree) {
    store<f32>(p, load<f32>(p) + gap * bothMove);
    store<f32>(q, load<f32>(q) - gap * bothMove);
  } else if (isFree) store<f32>(p, load<f32>(p) + gap * oneMoves);
  else if (isOtherFree) store<f32>(q, load<f32>(q) - gap * oneMoves);
}

/** Draws a cell to those one or two (`by`) cells away, on all eight sides. */
@inline function drawAround(row: i32, column: i32, by: i32): void {
  const i = <usize>row * <usize>w + <usize>column;
  const down = <usize>by * <usize>w;
  const isLeft = column >= by;
  const isRight = column + by < w;
  if (row >= by) {
    if (isLeft) draw(i, i - down - <usize>by);
    draw(i, i - down);
    if (isRight) draw(i, i - down + <usize>by);
  }
  if (isLeft) draw(i, i - <usize>by);
  if (isRight) draw(i, i + <usize>by);
  if (row + by < h) {
    if (isLeft) draw(i, i + down - <usize>by);
    draw(i, i + down);
    if (isRight) draw(i, i + down + <usize>by);
  }
}

/**
 * Drapes a cloth under `earth`, a raster without gaps: `at_` is where its cells come to lie, `before` and `cells` (a byte each) are scratch, `lists` of 8 bytes a cell. `rigidness` 1 to 3 and more,
 * `step` of time; `difference`: with `isSmooth`, large patches that do not touch the earth are laid upon it from their edges on, as long as it rises by less than this from cell to cell.
 */
export function drape(
  earth: usize, at_: usize, before: usize, cells: usize, lists: usize, width: i32, height: i32,
  step: f32, rigidness: i32, iterations: i32, isSmooth: bool, difference: f32,
): void {
  w = width;
  h = height;
  position = at_;
  state = cells;
  const count = <usize>w * <usize>h;
  bothMove = 0.5 * (1 - <f32>Math.pow(0.4, <f64>rigidness));
  oneMoves = 1 - <f32>Math.pow(0.7, <f64>rigidness);
  let lowest: f32 = Infinity;
  for (let i: usize = 0; i < count; i++) lowest = min(lowest, at(earth, i));
  for (let i: usize = 0; i < count; i++) {
    store<f32>(position + 4 * i, lowest - MARGIN);
    store<f32>(before + 4 * i, lowest - MARGIN);
    store<u8>(state + i, FREE);
  }
  const pull = GRAVITY * step * step;
  for (let time = 0; time < iterations; time++) {
    for (let i: usize = 0; i < count; i++) {
      if (load<u8>(state + i)) continue;
      const now = at(position, i);
      store<f32>(position + 4 * i, now + (now - at(before, i)) * (1 - DAMPING) + pull);
      store<f32>(before + 4 * i, now);
    }
    // What rests stays at rest: a look now and then will do.
    if (time % LOOK == 0) findLoose(lists);
    for (let row = 0, i: usize = 0; row < h; row++)
      for (let column = 0; column < w; column++, i++) {
        if (!load<u8>(lists + i)) continue;
        drawAround(row, column, 1);
        drawAround(row, column, 2);
      }
    let most: f32 = 0;
    for (let i: usize = 0; i < count; i++) {
      if (load<u8>(state + i)) continue;
      most = max(most, abs(at(before, i) - at(position, i)));
      if (at(position, i) > at(earth, i)) {
        store<f32>(position + 4 * i, at(earth, i));
        store<u8>(state + i, FIXED);
      }
    }
    if (most != 0 && most < REST) break;
  }
  if (isSmooth) layPatches(earth, lists, lists + 4 * count, difference);
}

/** Marks the cells that are free, or have a free one within two cells: nothing draws at the others. */
function findLoose(marks: usize): void {
  memory.fill(marks, 0, <usize>w * <usize>h);
  for (let row = 0, i: usize = 0; row < h; row++)
    for (let column = 0; column < w; column++, i++) {
      if (load<u8>(state + i)) continue;
      const left = max(0, column - 2);
      const cells = <usize>(min(w - 1, column + 2) - left + 1);
      for (let r = max(0, row - 2); r <= min(h - 1, row + 2); r++)
        memory.fill(marks + <usize>r * <usize>w + <usize>left, 1, cells);
    }
}

/**
 * Gives cells for which `isGap` has 1 the value of the nearest other one, in steps from side to side: a cloth must not see slopes where nothing was measured. `queue` has room for the numbers of
 * all cells.
 */
export function spread(values: usize, isGap: usize, queue: usize, width: i32, height: i32): void {
  w = width;
  h = height;
  const count = <usize>w * <usize>h;
  let waiting: usize = 0;
  for (let i: usize = 0; i < count; i++) if (!load<u8>(isGap + i)) store<u32>(queue + 4 * waiting++, <u32>i);
  for (let k: usize = 0; k < waiting; k++) {
    const i = <usize>load<u32>(queue + 4 * k);
    for (let side = 0; side < 4; side++) {
      const other = neighbour(i, side);
      if (other == count || !load<u8>(isGap + other)) continue;
      store<u8>(isGap + other, 0);
      store<f32>(values + 4 * other, at(values, i));
      store<u32>(queue + 4 * waiting++, <u32>other);
    }
  }
}

/** Lays patches of free cells upon the earth from the cells that rest on it. `patch` and `open` have room for the numbers of all cells. */
function layPatches(earth: usize, patch: usize, open: usize, difference: f32): void {
  const count = <usize>w * <usize>h;
  for (let start: usize = 0; start < count; start++) {
    if (load<u8>(state + start) != FREE) continue;
    let found: usize = 0;
    store<u32>(patch, <u32>start);
    store<u8>(state + start, SEEN);
    found++;
    for (let k: usize = 0; k < found; k++) {
      const i = <usize>load<u32>(patch + 4 * k);
      for (let side = 0; side < 4; side++) {
        const other = neighbour(i, side);
        if (other == count || load<u8>(state + other) != FREE) continue;
        store<u8>(state + other, SEEN);
        store<u32>(patch + 4 * found++, <u32>other);
      }
    }
    if (found <= LARGE) continue;
    let waiting: usize = 0;
    for (let k: usize = 0; k < found; k++) {
      const i = <usize>load<u32>(patch + 4 * k);
      for (let side = 0; side < 4; side++) {
        const other = neighbour(i, side);
        if (other == count || load<u8>(state + other) != FIXED) continue;
        if (!(abs(at(earth, i) - at(earth, other)) < difference)) continue;
        if (load<u8>(state + i) == SEEN) {
          lay(earth, i);
          store<u32>(open + 4 * waiting++, <u32>i);
        }
      }
    }
    while (waiting) {
      const i = <usize>load<u32>(open + 4 * --waiting);
      for (let side = 0; side < 4; side++) {
        const other = neighbour(i, side);
        if (other == count || load<u8>(state + other) != SEEN) continue;
        if (!(abs(at(earth, i) - at(earth, other)) < difference)) continue;
        lay(earth, other);
        store<u32>(open + 4 * waiting++, <u32>other);
      }
    }
  }
}

@inline function lay(earth: usize, i: usize): void {
  store<f32>(position + 4 * i, at(earth, i));
  store<u8>(state + i, FIXED);
}

/** The cell on a side; the number of cells beyond the edges. */
function neighbour(i: usize, side: i32): usize {
  const column = <i32>(i % <usize>w);
  const count = <usize>w * <usize>h;
  if (side == 0) return column > 0 ? i - 1 : count;
  if (side == 1) return column + 1 < w ? i + 1 : count;
  if (side == 2) return i >= <usize>w ? i - <usize>w : count;
  return i + <usize>w < count ? i + <usize>w : count;
}
