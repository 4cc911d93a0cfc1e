/** Files that every step of a job looks into: read once, and remembered. */
import type { Context, Dataset, Source } from '../../core/job.ts';
import { readAlignments } from './heading.ts';
import { readHeader } from './bam.ts';
import { readBed } from './bed.ts';
import { readVcfHeading } from './vcffile.ts';

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

/** The header of a VCF, and whether it is bgzipped. */
export const vcfHeadingOf = remembering(readVcfHeading);
