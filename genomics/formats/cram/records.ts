/** The reads of CRAM as records of BAM, container by container. Slower than BAM: each value is decoded by itself. */
import { createHash } from 'node:crypto';
import type { CramRecord } from '@gmod/cram';
import { BadInput } from '../../../core/errors.ts';
import type { Source } from '../../../core/job.ts';
import type { Text } from '../../kernels/text.ts';
import type { Contig } from '../bam.ts';
import { flag } from '../record.ts';
import { several } from './containers.ts';
import { codeOf } from '../../kernels/letters.ts';
import { encode } from './encode.ts';
import { openCram, within } from './file.ts';
import { createLetters, type Fetch, type Reference, type Stretches } from './letters.ts';
import { matesOf } from './mates.ts';
import { createSpelled, NoReference, type Region, spell } from './spell.ts';

/** What bases are spelled with. */
export type Spelling = {
  readonly reference: Reference | undefined;
  readonly stretches: Stretches;
  readonly contigs: readonly Contig[];
};

/** Containers to be read: those that start in `[from, to)`, but none behind contig `last`, where that is told. */
export type Reach = { readonly from: number; readonly to: number; readonly last?: number };

/** What the library gives for a slice. */
type Slice = ReturnType<
  ReturnType<Awaited<ReturnType<typeof openCram>>['getContainerAtPosition']>['getSlice']
>;

/**
 * Chunks of records, valid until the next one is asked for. Without `spelling` bases are not asked for, and are N.
 * @throws BadInput for damage, and where bases hang on a reference that was not given, or is another one
 */
export async function* cramRecords(
  source: Source,
  name: string,
  { from, to, last = Infinity }: Reach,
  spelling: Spelling | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reference = spelling?.reference;
  const letters =
    spelling && reference
      ? createLetters(reference, spelling.stretches, spelling.contigs, signal)
      : undefined;
  const file = await openCram(source);
  // Names that are not kept are made from the file's, as htslib does.
  const stem = name.slice(name.lastIndexOf('/') + 1);
  const read = createSpelled();
  const out: Text = { bytes: new Uint8Array(1 << 20), fill: 0 };
  try {
    for (let at = from; at < to;) {
      signal.throwIfAborted();
      const container = file.getContainerAtPosition(at);
      const place = `the container at byte ${at}`;
      const header = await within(name, place, () => container.getHeader());
      const { landmarks, length, numRecords, refSeqId } = header;
      const isBehind = refSeqId !== several && (refSeqId > last || (refSeqId < 0 && last < Infinity));
      if (numRecords > 0 && isBehind) return;
      const scheme = await within(name, place, () => container.getCompressionScheme());
      let count = 0;
      for (const [i, start] of numRecords > 0 ? landmarks.entries() : []) {
        out.fill = 0;
        await spelled(name, place, async () => {
          const slice = container.getSlice(start, (landmarks[i + 1] ?? length) - start);
          const records = await slice.getRecords(() => true, { decodeTags: spelling !== undefined });
          count += records.length;
          const regions = spelling
            ? await regionsOf(slice, records, letters?.fetch, `${place} of ${name}`)
            : undefined;
          const { recordCounter = 0 } = (await slice.getHeader()).parsedContent as SliceHeader;
          if (refSeqId >= 0) checkExtent(header, records);
          const mates = matesOf(records, (k) => `${stem}:${recordCounter + k + 1}`);
          records.forEach((record, k) => {
            const region = spelling ? regions?.get(record.sequenceId) : unasked;
            spell(record, region, scheme!.substitutionMatrix, read);
            encode(record, read, spelling !== undefined && region !== undefined, mates[k]!, out);
          });
        });
        yield out.bytes.subarray(0, out.fill);
      }
      if (count !== numRecords)
        throw new BadInput(
          `CRAM: container at byte ${at} of ${name} has ${count} records, expected ${numRecords}; the file is damaged, copy it again`,
        );
      at = header._endPosition + length;
      if (at > to)
        throw new BadInput(
          `CRAM: ${place} of ${name} reaches over byte ${to}, where another one should start; its index is another file's, index it again with samtools index`,
        );
    }
  } finally {
    await letters?.close();
  }
}

/** Plans rest on what containers say of their reads, but for those that hang over a contig's end. @throws Error where one starts outside */
function checkExtent(
  { refSeqStart, alignmentSpan }: { readonly refSeqStart: number; readonly alignmentSpan: number },
  records: readonly CramRecord[],
): void {
  const end = refSeqStart + Math.max(1, alignmentSpan);
  for (const { alignmentStart } of records)
    if (alignmentStart < refSeqStart || alignmentStart >= end)
      throw new Error(
        `a read at base ${alignmentStart}, outside of ${refSeqStart} to ${end - 1}, which its container claims`,
      );
}

const isPlaced = ({ flags }: CramRecord): boolean => (flags & flag.unmapped) === 0;

/** Stands for the letters of the reference where nobody looks at bases. */
const unasked: Region = { start: 1, codes: new Uint8Array(0) };

type SliceHeader = {
  readonly refSeqId?: number;
  readonly refSeqStart?: number;
  readonly refSeqSpan?: number;
  readonly refBaseBlockId?: number;
  readonly recordCounter?: number;
  readonly md5?: readonly number[];
};

const spelled = (name: string, place: string, act: () => Promise<void>): Promise<void> =>
  within(name, place, () =>
    act().catch((error: unknown) => {
      if (!(error instanceof NoReference)) throw error;
      throw new BadInput(
        `CRAM: ${name} does not hold its bases, expected the reference that it was written with; add --reference FILE.fa`,
      );
    }),
  );

/** The letters that the records of a slice lie on, by contig; undefined where there are none to be had. */
async function regionsOf(
  slice: Slice,
  records: readonly CramRecord[],
  fetch: Fetch | undefined,
  place: string,
): Promise<Map<number, Region> | undefined> {
  const header = (await slice.getHeader()).parsedContent as SliceHeader;
  const { refSeqId: contig = -1, refSeqStart: start = 1, refSeqSpan: span = 0, refBaseBlockId = -1 } = header;
  if (contig >= 0 && refBaseBlockId >= 0) {
    const block = await slice.getBlockByContentId(refBaseBlockId);
    return new Map([[contig, { start, codes: codesOf(block?.content ?? new Uint8Array(0)) }]]);
  }
  if (!fetch) return undefined;
  if (contig >= 0) {
    const letters = span > 0 ? await fetch(contig, start, start + span - 1) : new Uint8Array(0);
    const sum = Buffer.from(header.md5 ?? []);
    if (sum.some((byte) => byte !== 0) && !createHash('md5').update(letters).digest().equals(sum))
      throw new BadInput(
        `CRAM: ${place} was written with another reference: bases ${start} to ${start + span - 1} of its contig have another MD5; give the one that it was written with`,
      );
    return new Map([[contig, { start, codes: codesOf(letters) }]]);
  }
  const extents = new Map<number, { start: number; end: number }>();
  for (const { sequenceId, alignmentStart, lengthOnRef = 1 } of records.filter(isPlaced)) {
    const end = alignmentStart + lengthOnRef - 1;
    const extent = extents.get(sequenceId);
    if (!extent) extents.set(sequenceId, { start: alignmentStart, end });
    else {
      extent.start = Math.min(extent.start, alignmentStart);
      extent.end = Math.max(extent.end, end);
    }
  }
  const regions = new Map<number, Region>();
  for (const [id, extent] of [...extents].sort(([a], [b]) => a - b))
    if (id >= 0 && extent.end >= extent.start)
      regions.set(id, { start: extent.start, codes: codesOf(await fetch(id, extent.start, extent.end)) });
  return regions;
}

const codesOf = (letters: Uint8Array): Uint8Array => letters.map((letter) => codeOf[letter]!);
