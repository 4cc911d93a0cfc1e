/** The contigs that a run looks at, and their regions. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Header } from '../formats/bam.ts';
import type { Bed } from '../formats/bed.ts';
import { someOf } from '../formats/names.ts';
import { listedRows, type Rows, windowRows } from '../kernels/regions.ts';
import type { Params, Settings } from './settings.ts';

/** A contig of the header; `id` is its place there. */
export type Contig = { readonly id: number; readonly name: string; readonly length: number };

/**
 * In the order of the header.
 * @throws BadUsage when there is no such contig, BadInput when there is none at all, or no region lies on any
 */
export function selectContigs(
  header: Header,
  reads: string,
  { chrom }: Pick<Params, 'chrom'>,
  settings: Settings,
  bed: Bed | undefined,
): Contig[] {
  const all = header.contigs.map(({ name, length }, id) => ({ id, name, length }));
  if (all.length === 0)
    throw new BadInput(
      `BAM: ${reads} has no contig in its header, expected alignments to some; align it first`,
    );
  const chosen = chrom === '' ? all : all.filter(({ name }) => name === chrom).slice(-1);
  if (chosen.length === 0 && chrom !== '')
    throw new BadUsage(
      `option chrom: ${reads} has no contig ${chrom}; it has ${all.length} contigs: ${someOf(all.map(({ name }) => name))}`,
    );
  if (!bed) return chosen;
  if (!all.some(({ name }) => bed.contigs.has(name))) {
    const found = someOf([...bed.contigs.keys()]) || 'no region';
    throw new BadInput(
      `BED: no region lies on a contig of ${reads}; found ${found}, expected names as there; it has ${all.length} contigs: ${someOf(all.map(({ name }) => name))}`,
    );
  }
  return chosen.filter(({ name }) => isLookedAt(name, settings, bed));
}

/** Contigs without a region are left out when nothing but regions is asked for, as mosdepth does. */
export function isLookedAt(
  contig: string,
  { hasPerBase, bins, measure }: Settings,
  bed: Bed | undefined,
): boolean {
  const isOptional = bed !== undefined && !hasPerBase && !bins && measure.thresholds.length === 0;
  return !isOptional || bed.contigs.has(contig);
}

/** The regions of a contig. */
export function rowsOf({ name, length }: Contig, { window }: Settings, bed: Bed | undefined): Rows {
  return window > 0 ? windowRows(length, window) : listedRows(length, bed?.contigs.get(name));
}
