/** Where the reads of each contig lie in a CRAM file, from its containers: what an index tells of BAM. */
import { BadInput } from '../../../core/errors.ts';
import type { Dataset, Planning, Source } from '../../../core/job.ts';
import type { ContigIndex, Index } from '../indexbody.ts';
import { type FastaIndex, stretchOf } from '../fasta.ts';
import { flag } from '../record.ts';
import { type Container, type Extent, type Placed, readContainers, several } from './containers.ts';
import { readCrai, sorted } from './crai.ts';
import { openCram, within } from './file.ts';
import type { Stretches } from './letters.ts';

/** How many compressed bytes of BAM take as long as one of CRAM. */
export const cramCost = 8;

/** Bases of a window, and windows of all contigs together, as in an index of BAM. */
const [window, maxWindows] = [16384, 2 ** 24];

/** The containers of a file, from its .crai if it has one. Without, those with reads of several contigs are decoded, as their headers do not tell. */
export async function placeContainers(planning: Planning, reads: Dataset): Promise<Placed[]> {
  const indexed = await readCrai(planning, reads);
  if (indexed) return indexed;
  const source = await planning.open(reads);
  const out: Placed[] = [];
  for (const container of await readContainers(source, reads.uri)) {
    const { from, to, contig, start, end } = container;
    const extents =
      contig === several ? await decode(source, reads.uri, container) : [{ contig, start, end }];
    out.push({ from, to, extents });
  }
  return out;
}

async function decode(source: Source, name: string, { from }: Container): Promise<Extent[]> {
  const file = await openCram(source);
  const container = file.getContainerAtPosition(from);
  const found = new Map<number, { contig: number; start: number; end: number }>();
  await within(name, `the container at byte ${from}`, async () => {
    const { landmarks, length } = await container.getHeader();
    for (const [i, start] of landmarks.entries()) {
      const slice = container.getSlice(start, (landmarks[i + 1] ?? length) - start);
      for (const record of await slice.getRecords(() => true, { decodeTags: false })) {
        const { sequenceId: contig, alignmentStart, lengthOnRef = 1, flags } = record;
        const pos = alignmentStart - 1;
        const end = pos + (flags & flag.unmapped ? 1 : Math.max(1, lengthOnRef));
        const extent = found.get(contig);
        if (!extent) found.set(contig, { contig, start: pos, end });
        else {
          extent.start = Math.min(extent.start, pos);
          extent.end = Math.max(extent.end, end);
        }
      }
    }
  });
  return sorted([...found.values()]);
}

/** Tells of the containers what an index would; undefined where they are not in the order of places. */
export function indexOf(name: string, containers: readonly Placed[], contigs: number): Index | undefined {
  const own: (Extent & { readonly from: number; readonly to: number })[][] = Array.from(
    { length: contigs },
    () => [],
  );
  let last = { contig: 0, start: -1 };
  for (const { from, to, extents } of containers)
    for (const { contig, start, end } of extents) {
      if (contig < 0) {
        last = { contig: Infinity, start: 0 };
        continue;
      }
      if (contig >= contigs || contig < last.contig || (contig === last.contig && start < last.start))
        return undefined;
      last = { contig, start };
      own[contig]!.push({ contig, start, end, from, to });
    }
  const windows = own.reduce(
    (sum, all) => sum + all.reduce((most, { start, end }) => Math.max(most, start, end), 0) / window,
    0,
  );
  if (windows > maxWindows)
    throw new BadInput(
      `CRAM: containers of ${name} claim reads on more than ${maxWindows * window} bases, expected less; the file or its index is damaged`,
    );
  return { uri: name, window, contigs: own.map(windowsOf) };
}

function windowsOf(
  extents: readonly (Extent & { readonly from: number; readonly to: number })[],
): ContigIndex {
  const first = extents[0];
  const last = extents.at(-1);
  if (!first || !last)
    return {
      mapped: 0,
      unmapped: 0,
      block: new Float64Array(0),
      within: new Uint16Array(0),
      next: new Float64Array(0),
    };
  const block: number[] = [];
  const next: number[] = [];
  for (const { start, end, from } of extents) {
    // The first container that reaches into a window, and the first one that begins in it or behind.
    while (block.length * window < end) block.push(from);
    while (next.length * window <= start) next.push(from);
  }
  return {
    block: Float64Array.from(block),
    within: new Uint16Array(block.length),
    next: Float64Array.from(next),
    start: [first.from, 0],
    end: [last.to, 0],
  };
}

/** Where the reference of the containers' contigs lies, of those in `wanted` if told, from the first base on that one has. */
export function lettersOf(
  containers: readonly Placed[],
  names: readonly { readonly name: string }[],
  fasta: FastaIndex,
  wanted?: ReadonlySet<number>,
): Stretches {
  const starts = new Map<number, number>();
  for (const { extents } of containers)
    for (const { contig, start } of extents)
      if (contig >= 0 && (wanted?.has(contig) ?? true))
        starts.set(contig, Math.min(starts.get(contig) ?? Infinity, start));
  return [...starts].map(([id, start]) => [id, stretchOf(fasta, names[id]!.name, start)]);
}
