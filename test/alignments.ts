/** Small alignment files made for a test, the shared real ones, and what a job needs to run without the engine. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { joining } from '../core/run.ts';
import { compile } from '../core/task.ts';
import type { AnyJob, Context, Dataset, Inputs, Planning, Source } from '../core/job.ts';
import { describeFile } from '../core/sources/file.ts';
import { memorySource } from './memorysource.ts';
import type { Virtual } from '../genomics/formats/bgzf.ts';
import { eofMarker } from '../genomics/formats/bgzf.ts';
import { field, flag } from '../genomics/formats/record.ts';
import { shared } from './shared.ts';

/** A BGZF block of `bytes`, at most 64 KiB; level 0 stores them. `extra`: a subfield before BC. */
export function blockOf(bytes: Uint8Array, level = 6, extra: Uint8Array = new Uint8Array(0)): Uint8Array {
  const deflated = deflateRawSync(bytes, { level });
  const head = Buffer.from('1f8b08040000000000ff0000', 'hex');
  head.writeUInt16LE(extra.length + 6, 10);
  const bc = Buffer.from('424302000000', 'hex');
  bc.writeUInt16LE(head.length + extra.length + bc.length + deflated.length + 8 - 1, 4);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, extra, bc, deflated, tail]);
}

/** A BGZF file with blocks that begin at `cuts` of `bytes` (ascending, repeated for empty blocks), and the blocks' offsets. */
export function bgzfOf(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
  level = 6,
): { file: Uint8Array; offsets: number[] } {
  const edges = [0, ...cuts, bytes.length];
  const blocks = edges.slice(1).map((end, i) => blockOf(bytes.subarray(edges[i], end), level));
  let at = 0;
  const offsets = [...blocks, eofMarker].map((block) => (at += block.length) - block.length);
  return { file: Buffer.concat([...blocks, eofMarker]), offsets };
}

export type Read = {
  readonly name?: string;
  readonly flag?: number;
  readonly refId?: number;
  readonly pos?: number;
  readonly mapq?: number;
  readonly nextRefId?: number;
  readonly nextPos?: number;
  /** Length of the sequence, and of its one CIGAR operation M. */
  readonly length?: number;
};

/** An alignment record (SAM spec 4.2). */
export function recordOf(read: Read): Buffer {
  const { name = 'r', flag: bits = 0, refId = 0, pos = 0, mapq = 60, length = 4 } = read;
  const cigar = length > 0 && refId >= 0 ? 1 : 0;
  const size = 32 + name.length + 1 + 4 * cigar + ((length + 1) >> 1) + length;
  const out = Buffer.alloc(4 + size);
  out.writeInt32LE(size, 0);
  out.writeInt32LE(refId, field.refId);
  out.writeInt32LE(pos, field.pos);
  out.writeUInt8(name.length + 1, field.nameLength);
  out.writeUInt8(mapq, field.mapq);
  out.writeUInt16LE(cigar, field.cigarLength);
  out.writeUInt16LE(bits, field.flag);
  out.writeInt32LE(length, field.seqLength);
  out.writeInt32LE(read.nextRefId ?? -1, field.nextRefId);
  out.writeInt32LE(read.nextPos ?? -1, field.nextPos);
  out.write(name, field.name);
  if (cigar) out.writeUInt32LE(length << 4, field.name + name.length + 1);
  out.fill(0x11, field.name + name.length + 1 + 4 * cigar, out.length - length);
  out.fill(30, out.length - length);
  return out;
}

/** The inflated header of a BAM. */
export function headerOf(contigs: readonly (readonly [name: string, length: number])[]): Buffer {
  const text = contigs.map(([name, length]) => `@SQ\tSN:${name}\tLN:${length}\n`).join('');
  const i32 = (value: number): Buffer => {
    const out = Buffer.alloc(4);
    out.writeInt32LE(value);
    return out;
  };
  const parts = [Buffer.from('BAM\x01'), i32(text.length), Buffer.from(text), i32(contigs.length)];
  for (const [name, length] of contigs) {
    parts.push(i32(name.length + 1), Buffer.from(`${name}\0`), i32(length));
  }
  return Buffer.concat(parts);
}

/** Where the records of a chunk begin. */
export function startsOf(records: Uint8Array): number[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const out: number[] = [];
  for (let at = 0; at < records.length; at += 4 + view.getInt32(at, true)) out.push(at);
  return out;
}

export type Placed = {
  readonly refId: number;
  readonly pos: number;
  readonly end: number;
  readonly isMapped: boolean;
};

/** Contig, interval and state of the record that begins at a byte of a chunk; an unmapped one covers a base (SAM spec 4.2.1). */
export function placedOf(records: Uint8Array, at: number): Placed {
  const view = new DataView(records.buffer, records.byteOffset + at, records.length - at);
  const pos = view.getInt32(field.pos, true);
  const isMapped = (view.getUint16(field.flag, true) & flag.unmapped) === 0;
  const cigar = field.name + view.getUint8(field.nameLength);
  let length = 0;
  for (let i = 0; i < view.getUint16(field.cigarLength, true); i++) {
    const operation = view.getUint32(cigar + 4 * i, true);
    if ([0, 2, 3, 7, 8].includes(operation & 15)) length += operation >>> 4;
  }
  const end = pos + (isMapped && length > 0 ? length : 1);
  return { refId: view.getInt32(field.refId, true), pos, end, isMapped };
}

/** Local files, held in memory; `hide` names endings that are not found, `instead` replaces a companion. */
export function localPlanning({
  hide = [],
  instead = {},
}: { hide?: readonly string[]; instead?: { readonly [uri: string]: string } } = {}): Planning {
  const opened = new Map<string, Source>();
  return {
    signal: new AbortController().signal,
    async open({ uri }) {
      const source = opened.get(uri) ?? memorySource(readFileSync(uri));
      opened.set(uri, source);
      return source;
    },
    async find(uri) {
      const path = instead[uri] ?? uri;
      return existsSync(path) && !hide.some((ending) => uri.endsWith(ending)) ? datasetOf(path) : undefined;
    },
  };
}

export async function datasetOf(path: string): Promise<Dataset> {
  return { ...(await describeFile(path)), format: path.slice(path.lastIndexOf('.') + 1) };
}

/** Runs a job that keeps no blobs: partition, kernels, merge; tasks and results go through their encodings. */
export async function runJob<R>(
  job: AnyJob,
  inputs: Inputs,
  { split = job.split, json = false, planning = localPlanning() } = {},
): Promise<{ result: R; encoded: Uint8Array; text: string; parts: number; promised: number | undefined }> {
  const { parts, records } = await job.partition(inputs, {}, split, planning);
  const open = (dataset: Dataset): Promise<Source> => planning.open(dataset);
  const module = (name: string): Promise<WebAssembly.Module> => compile(job.modules![name]!());
  const context = { open, module, signal: planning.signal } as unknown as Context;
  const results: R[] = [];
  for (const part of JSON.parse(JSON.stringify(parts)))
    results.push(job.result.decode(job.result.encode(await job.kernel(part, inputs, {}, context))));
  const result = (await job.merge(results, {}, context)) as R;
  let text = '';
  const sink = {
    write: async (bytes: Uint8Array) => {
      text += new TextDecoder().decode(bytes);
    },
  };
  await job.write!(
    result,
    { file: async () => joining(sink, context) },
    { inputs, params: {}, json },
    context,
  );
  return { result, encoded: job.result.encode(result), text, parts: parts.length, promised: records };
}

const root = shared();
export const data = root && join(root, 'data', 'genomics');

/** Whether a program is there; a test that needs it is skipped otherwise, with the reason printed. */
export function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`skipped: ${program} is not installed`);
    return false;
  }
}

export const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 30 }).toString();

/** Every BAM among the shared data, by its path below them, that is complete. */
export function sharedBams(): string[] {
  if (!data) {
    console.warn('skipped: no shared data');
    return [];
  }
  // One lacks its end-of-file marker, one has a damaged header: both on purpose.
  return readdirSync(data, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.bam') && !/badeof|badheader/.test(path))
    .sort();
}

/** The contig with most reads of a large genome. */
export function longContigOf(bam: string): string | undefined {
  const contigs = run('samtools', 'idxstats', bam)
    .split('\n')
    .map((line) => line.split('\t'));
  const bases = contigs.reduce((sum, [, length]) => sum + Number(length ?? 0), 0);
  const most = contigs.reduce((best, contig) => (Number(contig[2] ?? 0) > Number(best[2]) ? contig : best));
  return bases > 3e7 && !most[0]!.includes(':') ? most[0]! : undefined;
}

/**
 * A copy at `out`, with an index, of what lies on a long contig: moved near to the contig's begin, by a number of whole windows of an index, and the contig cut
 * behind it. A peer that holds a number for each base of a contig takes seconds for the original.
 */
export function nearBegin(bam: string, contig: string, out: string): void {
  const [margin, step] = [100_000, 16_384];
  const lines = run('samtools', 'view', '-h', bam, contig).trimEnd().split('\n');
  const rows = lines.filter((line) => !line.startsWith('@')).map((line) => line.split('\t'));
  const sizeOf = (cigar: string): number =>
    [...cigar.matchAll(/(\d+)[MDN=X]/g)].reduce((sum, [, length]) => sum + Number(length), 0);
  const [first, end] = rows.reduce(
    ([from, to], row) => [Math.min(from, Number(row[3])), Math.max(to, Number(row[3]) + sizeOf(row[5]!))],
    [Infinity, 0],
  );
  const shift = Math.floor(Math.max(0, first - margin) / step) * step;
  const own = lines.find((line) => line.startsWith('@SQ') && line.includes(`\tSN:${contig}\t`))!;
  const length = Math.min(Number(/\tLN:(\d+)/.exec(own)![1]), end + margin) - shift;
  const text = lines.map((line) => {
    if (line === own) return line.replace(/\tLN:\d+/, `\tLN:${length}`);
    if (line.startsWith('@')) return line;
    const row = line.split('\t');
    row[3] = `${Number(row[3]) - shift}`;
    // A mate that is far away, of which there is no record, is still outside of the reads.
    if ((row[6] === '=' || row[6] === contig) && row[7] !== '0')
      row[7] = `${Math.min(Math.max(1, Number(row[7]) - shift), length)}`;
    return row.join('\t');
  });
  execFileSync('samtools', ['view', '--no-PG', '-b', '-o', out, '-'], {
    input: `${text.join('\n')}\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  execFileSync('samtools', ['index', out], { stdio: 'ignore' });
}

export const isIndexed = (path: string): boolean =>
  [`${path}.bai`, path.replace(/\.bam$/, '.bai'), `${path}.csi`].some((name) => existsSync(name));

export const later = (a: Virtual, b: Virtual): boolean => a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);

/** The message of what a promise is rejected with; undefined when it is not. */
export const messageFrom = async (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
