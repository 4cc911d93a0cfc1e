/** Alignments of any format that is read here, in any order. */
import type { Dataset, Planning } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import type { Virtual } from './bgzf.ts';
import { readContainers } from './cram/containers.ts';
import { readCrai } from './cram/crai.ts';
import { cramCost, lettersOf, placeContainers } from './cram/places.ts';
import type { Stretches } from './cram/letters.ts';
import { cramRecords } from './cram/records.ts';
import type { FastaIndex } from './fasta.ts';
import type { Heading, Kind } from './heading.ts';
import { landings } from './landing.ts';
import { bamRecords, type Reading, spellingOf } from './placed.ts';
import { samRecords } from './sam.ts';
import { rangesOf } from './textlines.ts';

/** Reads in the order of a file, the one of that place in the input: those that start in `[from, to)`. */
export type Stretch = {
  readonly file: number;
  readonly kind: Kind;
  readonly from: Virtual;
  readonly to: Virtual;
  /** CRAM: where the reference of its contigs lies. */
  readonly letters: Stretches;
};

/** Cuts a file without an index into stretches of about `split` bytes. `fasta` is asked for where the letters of CRAM lie. */
export async function stretchesOf(
  planning: Planning,
  reads: Dataset,
  { kind, header }: Heading,
  file: number,
  split: number,
  fasta?: FastaIndex,
): Promise<Stretch[]> {
  const source = await planning.open(reads);
  if (kind === 'cram') {
    // Where on the genome they lie is asked for their reference only.
    const placed = fasta ? await placeContainers(planning, reads) : await readCrai(planning, reads);
    const containers = placed ?? (await readContainers(source, reads.uri));
    const sizes = containers.map(({ from, to }) => to - from);
    return splitWeighted(sizes, split / cramCost).map(({ start, end }) => ({
      file,
      kind,
      from: [containers[start]!.from, 0],
      to: [containers[end - 1]!.to, 0],
      letters: placed && fasta ? lettersOf(placed.slice(start, end), header.contigs, fasta) : [],
    }));
  }
  if (kind !== 'bam') {
    const ranges = await rangesOf(source, kind !== 'sam', split);
    return ranges.map(({ from, to }) => ({ file, kind, from: [from, 0], to: [to, 0], letters: [] }));
  }
  const starts = await landings(source, reads, header, split);
  return starts.slice(1).map((to, i) => ({ file, kind, from: starts[i]!, to, letters: [] }));
}

/** The reads of a stretch as chunks of BAM records. `total`: contigs of the header. */
export async function* alignmentsOf(
  { file, kind, from, to, letters }: Stretch,
  total: number,
  reading: Reading,
): AsyncGenerator<Uint8Array> {
  const { source, name } = reading.files[file]!;
  const { signal } = reading;
  if (kind === 'bam') yield* bamRecords(reading, file, total, from, to);
  else if (kind === 'cram') {
    const spelling = await spellingOf(reading, letters);
    yield* cramRecords(source, name, { from: from[0], to: to[0] }, spelling, signal);
  } else {
    const range = { from: from[0], to: to[0] };
    yield* samRecords(source, name, (await reading.header()).contigs, range, kind !== 'sam', signal);
  }
}
