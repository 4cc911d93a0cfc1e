/** Files that every step of a job looks into: read once, and remembered. */
import type { Context, Dataset, Source } from '../../core/job.ts';
import { readAlignments } from './heading.ts';
import { readHeader } from './bam.ts';
import { readBed } from './bed.ts';
import { readVcfHeading } from './vcffile.ts';

/** Reads with `read`, or gives what was read when the same dataset was asked for among the last `kept` others: its id names its content. */
function remembering<T>(read: (source: Source, name: string) => Promise<T>, kept = 1) {
  const last = new Map<string, Promise<T>>();
  return (dataset: Dataset, host: Pick<Context, 'open'>): Promise<T> => {
    const id = `${dataset.uri}#${dataset.id}`;
    const known = last.get(id);
    if (known) return known;
    const value = host.open(dataset).then((source) => read(source, dataset.uri));
    if (last.size >= kept) last.delete([...last.keys()][0]!);
    last.set(id, value);
    value.catch(() => last.delete(id));
    return value;
  };
}

/** The regions of a BED file. Parts of a run follow each other in a worker and share them. */
export const bedOf = remembering(readBed);

/** The header of a BAM file. Who plans and who writes share it. */
export const headerOf = remembering(readHeader);

/** The header of a file of alignments, and what it is. */
export const headingOf = remembering(readAlignments);

/** The header of a VCF, and whether it is bgzipped. Jobs over many files come back to each. */
export const vcfHeadingOf = remembering(readVcfHeading, 256);
