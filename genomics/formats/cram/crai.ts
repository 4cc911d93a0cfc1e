/** Where the reads of each contig lie in a CRAM file, from its index (CRAM spec 12): two requests instead of one a container. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { BadInput } from '../../../core/errors.ts';
import type { Dataset, Planning, Source } from '../../../core/job.ts';
import { companions } from '../bai.ts';
import type { Extent, Placed } from './containers.ts';
import { definitionSize, openCram, within } from './file.ts';

/** Bytes of an index, which is held in memory. */
const maxSize = 2 ** 30;
const inflate = promisify(gunzip);

/** The containers as x.cram.crai or x.crai has them; undefined where there is none. @throws BadInput where it is damaged, or another file's as far as that shows */
export async function readCrai(planning: Planning, reads: Dataset): Promise<Placed[] | undefined> {
  for (const name of companions(reads.uri, 'cram', ['crai'])) {
    const found = await planning.find(name);
    if (!found) continue;
    const text = await readText(await planning.open(found), found.uri);
    const placed = parse(text, found.uri, reads.size);
    await checkEnds(await planning.open(reads), reads.uri, placed, found.uri);
    return placed;
  }
  return undefined;
}

async function readText(source: Source, name: string): Promise<string> {
  if (source.size > maxSize)
    throw new BadInput(`CRAI: ${name} has ${source.size} bytes, expected at most ${maxSize}`);
  const bytes = await source.read(0, source.size);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return Buffer.from(bytes).toString('latin1');
  try {
    return (await inflate(bytes, { maxOutputLength: maxSize })).toString('latin1');
  } catch (error) {
    throw new BadInput(
      `CRAI: ${name} cannot be inflated: ${(error as Error).message}; index the CRAM again with samtools index`,
    );
  }
}

/** Lines of contig, first base, bases, container, slice, and the slice's bytes. `end`: of the file. */
function parse(text: string, name: string, end: number): Placed[] {
  const containers: { from: number; extents: Map<number, { contig: number; start: number; end: number }> }[] =
    [];
  text.split('\n').forEach((line, i) => {
    if (line === '') return;
    const fields = line.split('\t').map(Number);
    const [contig, first, span, from] = fields as [number, number, number, number];
    const last = containers.at(-1);
    const isGood = fields.length >= 6 && fields.every((n) => Number.isSafeInteger(n) && n >= -1);
    if (!isGood || from < (last?.from ?? definitionSize) || from >= end)
      throw new BadInput(
        `CRAI: line ${i + 1} of ${name} is ${JSON.stringify(line.slice(0, 60))}, expected contig, start, span, offsets of a container, up to ${end}, and of a slice, and its size; index the CRAM again with samtools index`,
      );
    if (last?.from !== from) containers.push({ from, extents: new Map() });
    const { extents } = containers.at(-1)!;
    const extent = { contig, start: first - 1, end: first - 1 + span };
    const known = extents.get(contig);
    extents.set(
      contig,
      known
        ? { contig, start: Math.min(known.start, extent.start), end: Math.max(known.end, extent.end) }
        : extent,
    );
  });
  return containers.map(({ from, extents }, i) => ({
    from,
    to: containers[i + 1]?.from ?? end,
    extents: sorted([...extents.values()]),
  }));
}

/** In the order of the header, those without a contig last. */
export function sorted(extents: readonly Extent[]): Extent[] {
  const rank = ({ contig }: Extent): number => (contig < 0 ? Infinity : contig);
  return extents.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

/**
 * The first container follows the header's, and behind the last one are none but empty ones: an index of an older file lacks some.
 * @throws BadInput otherwise, and where the file does not end with an empty one: it is truncated
 */
async function checkEnds(
  source: Source,
  name: string,
  placed: readonly Placed[],
  index: string,
): Promise<void> {
  const file = await openCram(source);
  const headerAt = (at: number): Promise<{ end: number; isEmpty: boolean }> =>
    within(name, `the container at byte ${at}`, async () => {
      const { _endPosition, length, numRecords } = await file.getContainerAtPosition(at).getHeader();
      return { end: _endPosition + length, isEmpty: numRecords === 0 };
    });
  const first = (await headerAt(definitionSize)).end;
  const last = placed.at(-1);
  const known = last ? (await headerAt(last.from)).end : first;
  let end = known;
  let isIndexed = (placed[0]?.from ?? first) === first;
  while (end < source.size && isIndexed) {
    const next = await headerAt(end);
    isIndexed = next.isEmpty && next.end > end;
    end = next.end;
  }
  if (!isIndexed)
    throw new BadInput(
      `CRAI: ${index} has containers from byte ${placed[0]?.from ?? first} to ${known}, expected from ${first} to the last one: it is not the index of ${name}; index it again with samtools index`,
    );
  if (end !== source.size || end === known)
    throw new BadInput(
      `CRAM: ${name} (${source.size} bytes) has no end-of-file container: it is truncated; copy or write it again`,
    );
}
