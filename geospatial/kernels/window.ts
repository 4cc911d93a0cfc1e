/** Rectangles of cells. */

/** Cells `[left, left + width)` by `[top, top + height)` of a grid. Plain JSON. */
export type Window = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};
