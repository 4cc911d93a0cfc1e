/** Windows of cells: of tiles, and from one to another. */
import type { Window } from '../kernels/window.ts';
import type { Cells, Node, Pyramid } from '../kernels/pyramid.ts';

/** The cells of a tile of its own level, within the raster. */
export function tileOf({ level, column, row }: Node, { levels, side }: Pyramid): Window {
  const { width, height } = levels[level]!;
  const [left, top] = [column * side, row * side];
  return { left, top, width: Math.min(side, width - left), height: Math.min(side, height - top) };
}

/** What a window that starts at even cells is on the next level. */
export const halfOf = ({ left, top, width, height }: Window): Window => ({
  left: left / 2,
  top: top / 2,
  width: Math.ceil(width / 2),
  height: Math.ceil(height / 2),
});

/** Copies the cells that two windows share; those of `bands` lie side by side. */
export function copyCells(from: Cells, source: Window, to: Cells, target: Window, bands: number): void {
  const left = Math.max(source.left, target.left);
  const right = Math.min(source.left + source.width, target.left + target.width);
  const top = Math.max(source.top, target.top);
  const bottom = Math.min(source.top + source.height, target.top + target.height);
  if (right <= left) return;
  for (let y = top; y < bottom; y++) {
    const start = ((y - source.top) * source.width + left - source.left) * bands;
    const row = from.subarray(start, start + (right - left) * bands);
    to.set(row, ((y - target.top) * target.width + left - target.left) * bands);
  }
}
