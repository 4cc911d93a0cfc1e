/** Cells that several rasters have: the first value, the last, their mean, or one weighed by how deep in its raster each lies. */

export const seamRules = ['first', 'last', 'mean', 'feather'] as const;
export type Seams = (typeof seamRules)[number];

/** Values of a tile, one raster after the other: in their order, or for `last` in the reverse one. */
export type Blend = {
  /** Values a band, NaN for none; weights of cells, of `feather`. May keep the arrays. */
  add(bands: readonly Float64Array[], weights?: Float64Array): void;
  /** Whether nothing that is added would show. */
  isFull(): boolean;
  values(): readonly Float64Array[];
};

// Cells at a raster's very edge count where no other raster has them.
const leastWeight = 1e-3;

/** Starts a tile of `cells` cells and some bands. */
export const blend = (seams: Seams, cells: number, bands: number): Blend =>
  seams === 'first' || seams === 'last' ? covered(cells, bands) : weighed(cells, bands);

function covered(cells: number, bands: number): Blend {
  let kept: readonly Float64Array[] | undefined;
  const hasAll = (): boolean => {
    for (const band of kept!) for (let i = 0; i < cells; i++) if (band[i] !== band[i]) return false;
    return true;
  };
  return {
    add(values) {
      if (kept)
        for (const [k, band] of kept.entries()) {
          const other = values[k]!;
          for (let i = 0; i < cells; i++) if (band[i] !== band[i]) band[i] = other[i]!;
        }
      else kept = values;
    },
    isFull: () => kept !== undefined && hasAll(),
    values: () => kept ?? nothing(cells, bands),
  };
}

function weighed(cells: number, bands: number): Blend {
  const sums = Array.from({ length: bands }, () => new Float64Array(cells));
  const shares = Array.from({ length: bands }, () => new Float64Array(cells));
  return {
    add(values, weights) {
      for (const [k, band] of values.entries()) {
        const [sum, share] = [sums[k]!, shares[k]!];
        for (let i = 0; i < cells; i++) {
          const value = band[i]!;
          if (value !== value) continue;
          const weight = weights ? Math.max(leastWeight, weights[i]!) : 1;
          sum[i]! += weight * value;
          share[i]! += weight;
        }
      }
    },
    isFull: () => false,
    // 0 / 0 is NaN, as values have it for none.
    values: () => sums.map((sum, k) => sum.map((value, i) => value / shares[k]![i]!)),
  };
}

const nothing = (cells: number, bands: number): Float64Array[] =>
  Array.from({ length: bands }, () => new Float64Array(cells).fill(NaN));
