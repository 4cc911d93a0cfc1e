/** The contigs that a run looks at, and their regions. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Context, Dataset, Source } from '../../core/job.ts';
import { readAlignments } from '../formats/alignments.ts';
import { type Header, readHeader } from '../formats/bam.ts';
import { type Bed, readBed } from '../formats/bed.ts';
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
    throw new BadUsage(`option chrom: ${reads} has no contig ${chrom}; ${someOf(all)}`);
  if (!bed) return chosen;
  if (!all.some(({ name }) => bed.contigs.has(name))) {
    const found = [...bed.contigs.keys()].slice(0, 3).join(', ') || 'no region';
    throw new BadInput(
      `BED: no region lies on a contig of ${reads}; found ${found}, expected names as there; ${someOf(all)}`,
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

const someOf = (contigs: readonly Contig[]): string =>
  `it has ${contigs.length} contigs: ${contigs
    .slice(0, 5)
    .map(({ name }) => name)
    .join(', ')}${contigs.length > 5 ? ', ...' : ''}`;

/** The regions of a contig. */
export function rowsOf({ name, length }: Contig, { window }: Settings, bed: Bed | undefined): Rows {
  return window > 0 ? windowRows(length, window) : listedRows(length, bed?.contigs.get(name));
}

/** Reads with `read`, or gives what was read last when that was the same dataset: its id names its content. */
function remembering<T>(read: (source: Source, name: string) => Promise<T>) {
  let last: { readonly id: string; readonly value: Promise<T> } | undefined;
  return (dataset: Dataset, host: Pick<Context, 'open'>): Promise<T> => {
    const id = `${dataset.uri}#${dataset.id}`;
    if (last?.id === id) return last.value;
    const value = host.open(dataset).then((source) => read(source, dataset.uri));
    last = { id, value };
    value.catch(() => (last = undefined));
    return value;
  };
}

/** The regions of a BED file. Parts of a run follow each other in a worker and share them. */
export const bedOf = remembering(readBed);

/** The header of a BAM file. Who plans and who writes share it. */
export const headerOf = remembering(readHeader);

/** The header of a file of alignments, and what it is. */
export const headingOf = remembering(readAlignments);
