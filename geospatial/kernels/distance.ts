/** Values between stations, by inverse distance. Source: Shepard 1968. */

/** Places of stations in cells of a raster, from its corner, and what they measured. */
export type Stations = {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly value: Float64Array;
};

/**
 * The mean of all stations weighed by 1 / distance^power at the middle of each of `count` cells of a row from `left`; at a station its own value. Distances are in units of
 * `across` a column and `down` a row. Sums go in the order of stations.
 */
export function interpolateRow(
  { x, y, value }: Stations,
  row: number,
  left: number,
  count: number,
  { across, down, power }: { readonly across: number; readonly down: number; readonly power: number },
  out: Float64Array,
): void {
  for (let i = 0; i < count; i++) {
    let [sum, weights] = [0, 0];
    for (let s = 0; s < x.length; s++) {
      const dx = (x[s]! - left - i - 0.5) * across;
      const dy = (y[s]! - row - 0.5) * down;
      const squared = dx * dx + dy * dy;
      if (squared === 0) {
        [sum, weights] = [value[s]!, 1];
        break;
      }
      const weight = power === 2 ? 1 / squared : squared ** (-power / 2);
      sum += weight * value[s]!;
      weights += weight;
    }
    out[i] = sum / weights;
  }
}
