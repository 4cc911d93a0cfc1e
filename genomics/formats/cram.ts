/** Reads what counts of reads need from CRAM 2.1 to 3.1 (CRAM spec): flags, places and mapping qualities. No bases, and so no reference. */
import type { CramFile } from '@gmod/cram';
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { field } from './record.ts';
import type { Header } from './bam.ts';
import { contigsOf } from './samheader.ts';

/** Bytes of the file's definition. */
const definitionSize = 26;
/** Bytes of a record of BAM with a name of nothing, no operations and no bases. */
const recordSize = 37;

/** A container of records: its bytes in the file, with its header, and its number of records. */
type Container = { readonly from: number; readonly to: number; readonly records: number };

/** Errors of the library say what is wrong, not where. */
async function within<T>(name: string, place: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof BadInput) throw error;
    const why = (error as Error).message.split('\n')[0];
    throw new BadInput(
      `CRAM: ${place} of ${name} cannot be read: ${why}; the file is damaged, copy it again`,
    );
  }
}

async function openCram(source: Source): Promise<CramFile> {
  const { CramFile: Opened } = await import('@gmod/cram');
  const filehandle = {
    read: (length: number, position: number) =>
      source.read(Math.min(position, source.size), Math.min(position + length, source.size)),
    stat: async () => ({ size: source.size }),
    readFile: () => source.read(0, source.size),
    close: async () => {},
  };
  // A slice is read once.
  return new Opened({ filehandle: filehandle as never, checkSequenceMD5: false, cacheSize: 1 });
}

/** Reads the header. @throws BadInput where it is damaged, or of a version that is not read */
export async function readCramHeader(source: Source, name: string): Promise<Header> {
  const file = await openCram(source);
  const { majorVersion, minorVersion } = await within(name, 'the definition', () => file.getDefinition());
  if (majorVersion < 2 || majorVersion > 3)
    throw new BadInput(
      `CRAM: ${name} is of version ${majorVersion}.${minorVersion}, expected 2.1 to 3.1; convert it with samtools view -b`,
    );
  const text = (await within(name, 'the header', () => file.getHeaderText())) ?? '';
  return { text, contigs: contigsOf(text.replace(/\0+$/, ''), name), first: [definitionSize, 0] };
}

/**
 * The containers with records, by their headers alone.
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
    isEnd = !isFirst && header.numRecords === 0 && header.refSeqId === -1;
    // The first one is the header's.
    if (!isFirst && header.numRecords > 0) out.push({ from: at, to, records: header.numRecords });
    isFirst = false;
    at = to;
  }
  if (!isEnd)
    throw new BadInput(
      `CRAM: ${name} (${source.size} bytes) has no end-of-file container: it is truncated; copy or write it again`,
    );
  return out;
}

/** The reads of the containers in `[from, to)` as chunks of BAM records, that have FLAG, places and mapping quality only. */
export async function* cramRecords(
  source: Source,
  name: string,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const file = await openCram(source);
  for (let at = from; at < to;) {
    signal.throwIfAborted();
    const container = file.getContainerAtPosition(at);
    const header = await within(name, `the container at byte ${at}`, () => container.getHeader());
    const { landmarks, length, numRecords } = header;
    let count = 0;
    for (const [i, start] of numRecords > 0 ? landmarks.entries() : []) {
      const size = (landmarks[i + 1] ?? length) - start;
      const records = await within(name, `the container at byte ${at}`, () =>
        container.getSlice(start, size).getRecords(() => true, { decodeTags: false }),
      );
      count += records.length;
      yield pack(records);
    }
    if (count !== numRecords)
      throw new BadInput(
        `CRAM: container at byte ${at} of ${name} has ${count} records, expected ${numRecords}; the file is damaged, copy it again`,
      );
    at = header._endPosition + length;
  }
}

type Record = {
  readonly flags: number;
  readonly sequenceId: number;
  readonly alignmentStart: number;
  readonly mappingQuality: number | undefined;
  readonly mate?: { readonly sequenceId: number; readonly alignmentStart: number };
};

function pack(records: readonly Record[]): Uint8Array {
  const bytes = new Uint8Array(recordSize * records.length);
  const view = new DataView(bytes.buffer);
  records.forEach(({ flags, sequenceId, alignmentStart, mappingQuality = 0, mate }, i) => {
    const at = i * recordSize;
    view.setInt32(at, recordSize - 4, true);
    view.setInt32(at + field.refId, sequenceId, true);
    view.setInt32(at + field.pos, alignmentStart - 1, true);
    view.setUint8(at + field.nameLength, 1);
    view.setUint8(at + field.mapq, mappingQuality);
    view.setUint16(at + field.flag, flags, true);
    view.setInt32(at + field.nextRefId, mate?.sequenceId ?? -1, true);
    view.setInt32(at + field.nextPos, (mate?.alignmentStart ?? 0) - 1, true);
  });
  return bytes;
}
