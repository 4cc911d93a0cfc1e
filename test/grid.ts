/** Tiles of a plane, each with a margin to read: the way toy jobs cut a field. */

/** Axis-aligned box in the units of the coordinate system; min inclusive, max exclusive. */
type Box = {
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
