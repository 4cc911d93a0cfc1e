/** Contigs of an index in the making as columns, and back: what parts of a file give and merges join. */
import type { Virtual } from './bgzf.ts';
import type { BinnedContig, Chunks } from './binning.ts';

/** All that `BinnedContig`s hold, one after the other. */
export type BinnedColumns = {
  readonly contig: Int32Array<ArrayBuffer>;
  readonly mapped: Float64Array<ArrayBuffer>;
  readonly unmapped: Float64Array<ArrayBuffer>;
  /** How many bins and windows each contig has, and chunks each bin. */
  readonly bins: Int32Array<ArrayBuffer>;
  readonly windows: Int32Array<ArrayBuffer>;
  readonly bin: Float64Array<ArrayBuffer>;
  readonly chunks: Int32Array<ArrayBuffer>;
  /** Virtual offsets: start and end of each contig, from and to of each chunk, then of each window; block -1: none. */
  readonly block: Float64Array<ArrayBuffer>;
  readonly within: Uint16Array<ArrayBuffer>;
};

export function columnsOf(contigs: ReadonlyMap<number, BinnedContig>): BinnedColumns {
  const all = [...contigs].sort(([a], [b]) => a - b);
  const bins = all.map(([, contig]) => [...contig.bins].sort(([a], [b]) => a - b));
  const flat = bins.flat();
  const places: (Virtual | undefined)[] = [];
  for (const [, { start, end }] of all) places.push(start, end);
  for (const [, chunks] of flat) for (const [from, to] of chunks) places.push(from, to);
  // By index: windows may be missing.
  for (const [, { windows }] of all) for (let i = 0; i < windows.length; i++) places.push(windows[i]);
  return {
    contig: Int32Array.from(all, ([id]) => id),
    mapped: Float64Array.from(all, ([, { mapped }]) => mapped),
    unmapped: Float64Array.from(all, ([, { unmapped }]) => unmapped),
    bins: Int32Array.from(bins, ({ length }) => length),
    windows: Int32Array.from(all, ([, { windows }]) => windows.length),
    bin: Float64Array.from(flat, ([bin]) => bin),
    chunks: Int32Array.from(flat, ([, { length }]) => length),
    block: Float64Array.from(places, (at) => at?.[0] ?? -1),
    within: Uint16Array.from(places, (at) => at?.[1] ?? 0),
  };
}

export function contigsOf(columns: BinnedColumns): Map<number, BinnedContig> {
  let at = 0;
  const next = (): Virtual => [columns.block[at]!, columns.within[at++]!];
  const out = new Map<number, BinnedContig>();
  columns.contig.forEach((id, i) => {
    const [start, end] = [next(), next()];
    const [mapped, unmapped] = [columns.mapped[i]!, columns.unmapped[i]!];
    out.set(id, { bins: new Map(), windows: [], mapped, unmapped, start, end });
  });
  let k = 0;
  columns.contig.forEach((id, i) => {
    for (const stop = k + columns.bins[i]!; k < stop; k++) {
      const chunks: Chunks = Array.from({ length: columns.chunks[k]! }, () => [next(), next()]);
      out.get(id)!.bins.set(columns.bin[k]!, chunks);
    }
  });
  columns.contig.forEach((id, i) => {
    const { windows } = out.get(id)!;
    for (let window = 0; window < columns.windows[i]!; window++) {
      const place = next();
      if (place[0] >= 0) windows[window] = place;
      else windows.length = window + 1;
    }
  });
  return out;
}

/** Joins what neighbours in the file found. */
export function joinColumns(all: readonly BinnedColumns[]): BinnedColumns {
  const joined = new Map<number, BinnedContig>();
  for (const [id, contig] of all.flatMap((columns) => [...contigsOf(columns)])) {
    const before = joined.get(id);
    if (!before) {
      joined.set(id, contig);
      continue;
    }
    before.mapped += contig.mapped;
    before.unmapped += contig.unmapped;
    before.end = contig.end;
    for (const [bin, chunks] of contig.bins)
      before.bins.set(bin, [...(before.bins.get(bin) ?? []), ...chunks]);
    // By index: windows may be missing.
    for (let i = 0; i < contig.windows.length; i++) before.windows[i] ??= contig.windows[i];
  }
  return columnsOf(joined);
}
