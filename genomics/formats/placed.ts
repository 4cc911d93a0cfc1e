/** Reads the records of a part of the genome, in order: of one file as they come, of several merged by their places. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset, Source } from '../../core/job.ts';
import { type Header, records } from './bam.ts';
import type { Virtual } from './bgzf.ts';
import type { Reference, Stretches } from './cram/letters.ts';
import { cramRecords, type Spelling } from './cram/records.ts';
import { gatheredRecords } from './gathered.ts';
import type { Span } from './lookup.ts';
import { field, flag } from './record.ts';
import { headingOf } from './remembered.ts';

/** What reading takes. */
export type Reading = {
  /** The files of the input. */
  readonly files: readonly { readonly source: Source; readonly name: string }[];
  /** Of the first one. */
  readonly header: () => Promise<Header>;
  /** Whether bases are looked at, and what CRAM spells them with. */
  readonly hasBases: boolean;
  readonly reference: Reference | undefined;
  /** The scan kernel, by which BAM is read; zlib without it. */
  readonly scan?: WebAssembly.Module | undefined;
  readonly signal: AbortSignal;
};

/** Opens the files of an input. */
export async function openReading(
  files: readonly Dataset[],
  reference: Dataset | undefined,
  hasBases: boolean,
  context: Pick<Context, 'open' | 'signal'>,
  scan?: WebAssembly.Module,
): Promise<Reading> {
  const open = async (file: Dataset): Promise<Reference> => ({
    source: await context.open(file),
    name: file.uri,
  });
  return {
    files: await Promise.all(files.map(open)),
    header: async () => (await headingOf(files[0]!, context)).header,
    hasBases,
    reference: reference && (await open(reference)),
    scan,
    signal: context.signal,
  };
}

/** What bases of CRAM are spelled with; undefined where nobody looks at them. */
export async function spellingOf(
  { hasBases, reference, header }: Reading,
  stretches: Stretches,
): Promise<Spelling | undefined> {
  return hasBases ? { reference, stretches, contigs: (await header()).contigs } : undefined;
}

/** Bytes of merged records that are given at once. */
const chunkSize = 1 << 20;

/**
 * Chunks of whole records, valid until the next one is asked for: all of the spans, and perhaps some before. Ends where no more
 * lie on the spans' contigs; whoever has seen enough stops asking. `total`: contigs of the header. `owners`, of several files, is filled with the file of
 * each record of a chunk.
 */
export function placedRecords(
  spans: readonly Span[],
  total: number,
  reading: Reading,
  owners: number[] = [],
): AsyncGenerator<Uint8Array> {
  const files = [...new Set(spans.map(({ file }) => file))];
  const streams = files.map((file) =>
    inOne(
      spans.filter((span) => span.file === file),
      total,
      reading,
    ),
  );
  return streams.length === 1
    ? streams[0]!
    : merge(
        streams,
        files.map((file) => reading.files[file]!.name),
        files,
        owners,
      );
}

/** The records of one file. */
async function* inOne(spans: readonly Span[], total: number, reading: Reading): AsyncGenerator<Uint8Array> {
  for (const span of spans)
    for await (const bytes of recordsFrom(span, total, reading)) {
      const end = endOf(bytes, span);
      if (end > 0) yield bytes.subarray(0, end);
      if (end < bytes.length) break;
    }
}

async function* recordsFrom(
  { file, kind, from, last, to, letters }: Span,
  total: number,
  reading: Reading,
): AsyncGenerator<Uint8Array> {
  const { source, name } = reading.files[file]!;
  const { signal } = reading;
  if (kind === 'bam') yield* bamRecords(reading, file, total, from, undefined, to);
  else {
    const reach = { from: from[0], to: source.size, last };
    yield* cramRecords(source, name, reach, await spellingOf(reading, letters), signal);
  }
}

/** The records of a BAM file that start in `[from, to)`, `to` undefined: the end of the file. */
export function bamRecords(
  { files, scan, signal }: Reading,
  file: number,
  total: number,
  from: Virtual,
  to: Virtual | undefined,
  hint?: number,
): AsyncGenerator<Uint8Array> {
  const { source, name } = files[file]!;
  return scan
    ? gatheredRecords(scan, source, name, total, from, to, signal, hint)
    : records(source, name, total, from, to, signal, hint);
}

/** Where the first record lies that is behind a span, or has no place; the chunk's end without one. */
function endOf(bytes: Uint8Array, { last, until }: Span): number {
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const id = view.getInt32(at + field.refId, true);
    if (id < 0 || id > last || (id === last && view.getInt32(at + field.pos, true) >= until)) break;
    at += 4 + view.getInt32(at, true);
  }
  return at;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where a stream stands: a chunk of it, the record at `at` there, its place, and 1 for a read of the reverse strand. */
type Head = {
  readonly stream: AsyncGenerator<Uint8Array>;
  readonly name: string;
  readonly file: number;
  bytes: Uint8Array;
  view: DataView;
  at: number;
  contig: number;
  pos: number;
  strand: number;
};

/**
 * Merges sorted streams by place. Of one place forward reads come first, and of these the first file's, as samtools merge has it.
 * @throws BadInput where a stream is not in order
 */
async function* merge(
  streams: readonly AsyncGenerator<Uint8Array>[],
  names: readonly string[],
  files: readonly number[],
  owners: number[],
): AsyncGenerator<Uint8Array> {
  const heads: Head[] = [];
  let out = new Uint8Array(chunkSize);
  let fill = 0;
  try {
    for (const [i, stream] of streams.entries()) {
      const bytes = new Uint8Array(0);
      const head = {
        stream,
        name: names[i]!,
        file: files[i]!,
        bytes,
        view: viewOf(bytes),
        at: 0,
        contig: 0,
        pos: -1,
        strand: 0,
      };
      if (await advance(head)) heads.push(head);
    }
    while (heads.length > 0) {
      let first = heads[0]!;
      for (const head of heads) if (isBefore(head, first)) first = head;
      const size = 4 + first.view.getInt32(first.at, true);
      if (fill + size > out.length) {
        if (fill > 0) yield out.subarray(0, fill);
        owners.length = 0;
        fill = 0;
        if (size > out.length) out = new Uint8Array(size);
      }
      out.set(first.bytes.subarray(first.at, first.at + size), fill);
      owners.push(first.file);
      fill += size;
      first.at += size;
      const isLeft = first.at < first.bytes.length ? turn(first) : await advance(first);
      if (!isLeft) heads.splice(heads.indexOf(first), 1);
    }
    if (fill > 0) yield out.subarray(0, fill);
  } finally {
    for (const stream of streams) await stream.return(undefined);
  }
}

function isBefore(a: Head, b: Head): boolean {
  if (a.contig !== b.contig) return a.contig < b.contig;
  return a.pos < b.pos || (a.pos === b.pos && a.strand < b.strand);
}

/** Takes the next chunk; false at the end. */
async function advance(head: Head): Promise<boolean> {
  const { value, done } = await head.stream.next();
  if (done) return false;
  head.bytes = value;
  head.view = viewOf(value);
  head.at = 0;
  return turn(head);
}

/** Reads the place of the record at `at`. */
function turn(head: Head): boolean {
  const contig = head.view.getInt32(head.at + field.refId, true);
  const pos = head.view.getInt32(head.at + field.pos, true);
  if (contig < head.contig || (contig === head.contig && pos < head.pos))
    throw new BadInput(
      `BAM: ${head.name} has a read at base ${pos + 1} of contig number ${contig + 1} after one at base ${head.pos + 1} of number ${head.contig + 1}, expected them in order; sort it with samtools sort`,
    );
  head.contig = contig;
  head.pos = pos;
  head.strand = head.view.getUint16(head.at + field.flag, true) & flag.reverse ? 1 : 0;
  return true;
}
