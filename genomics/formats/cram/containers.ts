/** The containers of a CRAM file (CRAM spec 7), which say where their records lie. */
import { BadInput } from '../../../core/errors.ts';
import type { Source } from '../../../core/job.ts';
import { definitionSize, openCram, within } from './file.ts';

/** Reads of a contig, or without a place (-1), that start at `start` or behind it, and end at `end` at the latest. */
export type Extent = { readonly contig: number; readonly start: number; readonly end: number };

/** A container of records: its bytes in the file, with its header. */
export type Container = Extent & { readonly from: number; readonly to: number };

/** A container with the contigs on which its reads lie, in order. */
export type Placed = { readonly from: number; readonly to: number; readonly extents: readonly Extent[] };

/** What `Container.contig` says of one with reads of several contigs, or none. */
export const several = -2;

/**
 * The containers with records, by their headers alone; positions from 0.
 * @throws BadInput where the file does not end with an empty one: it is truncated
 */
export async function readContainers(source: Source, name: string): Promise<Container[]> {
  const file = await openCram(source);
  const out: Container[] = [];
  let at = definitionSize;
  let isFirst = true;
  let isEnd = false;
  while (at < source.size) {
    const header = await within(name, `the container at byte ${at}`, () =>
      file.getContainerAtPosition(at).getHeader(),
    );
    const to = header._endPosition + header.length;
    if (!(to > at) || to > source.size)
      throw new BadInput(
        `CRAM: container at byte ${at} of ${name} is cut short: found ${source.size - at} bytes, expected ${to - at}; the file is truncated, copy it again`,
      );
    const { numRecords: records, refSeqId: contig, refSeqStart, alignmentSpan } = header;
    isEnd = !isFirst && records === 0 && contig === -1;
    const start = refSeqStart - 1;
    // The first one is the header's.
    if (!isFirst && records > 0) out.push({ from: at, to, contig, start, end: start + alignmentSpan });
    isFirst = false;
    at = to;
  }
  if (!isEnd)
    throw new BadInput(
      `CRAM: ${name} (${source.size} bytes) has no end-of-file container: it is truncated; copy or write it again`,
    );
  return out;
}
