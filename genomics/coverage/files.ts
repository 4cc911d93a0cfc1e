/** Writes the BED files of a run, bgzipped and with an index, in a bounded amount of memory. */
import { ahead } from '../../core/ahead.ts';
import type { Context, FileSink, Output } from '../../core/job.ts';
import type { Bed } from '../formats/bed.ts';
import { createIndex, type IndexBuilder } from '../formats/binning.ts';
import type { Virtual } from '../formats/bgzf.ts';
import { type Bgzip, bgzip } from '../formats/bgzip.ts';
import { decimal } from '../formats/mosdepth.ts';
import { strideOf } from '../kernels/row.ts';
import { unitSize } from '../kernels/units.ts';
import { type Contig, rowsOf } from './contigs.ts';
import { chunkCodec, type Regions, type Rows } from './result.ts';
import type { Settings } from './settings.ts';

/** Bytes that are read from the store at once; a multiple of 8. */
const readSize = 1 << 20;
const minShift = 14;

/** What all files share. */
export type Shared = {
  /** All contigs of the header, which number the contigs of an index. */
  readonly header: readonly { readonly name: string; readonly length: number }[];
  readonly output: Output;
  readonly context: Pick<Context, 'get'>;
};

type BedFile = {
  readonly suffix: string;
  readonly sink: FileSink;
  readonly out: Bgzip;
  readonly index: IndexBuilder;
};

/** Bases that an index of so many levels reaches. */
const reachOf = (depth: number): number => 2 ** (minShift + 3 * depth);

function depthOf(header: Shared['header']): number {
  const longest = header.reduce((most, { length }) => Math.max(most, length), 0);
  let depth = 0;
  while (reachOf(depth) < longest) depth++;
  return depth;
}

async function create({ header, output }: Shared, suffix: string): Promise<BedFile> {
  const sink = await output.file(suffix);
  return { suffix, sink, out: bgzip(sink), index: createIndex({ minShift, depth: depthOf(header) }) };
}

async function finish(
  { suffix, out, index }: Omit<BedFile, 'sink'>,
  { header, output }: Shared,
): Promise<void> {
  await out.finish();
  const sink = await output.file(`${suffix}.csi`);
  await sink.write(index.toCsi(header.map(({ name }) => name)));
}

/** A file of rows that kernels compressed. */
export async function writeRows(rows: Rows, suffix: string, shared: Shared): Promise<void> {
  const file = await create(shared, suffix);
  const pieces = ahead(rows.pieces, async ({ stored, blocks }) => ({
    stored,
    blocks,
    chunks: chunkCodec.decode(await shared.context.get(stored, blocks, stored.size)),
  }));
  for await (const { stored, blocks, chunks } of pieces) {
    const { contig, beg, end, block, within } = chunks;
    const [base] = file.out.tell();
    await file.out.append(blocks, () => file.sink.append(stored, 0, blocks));
    const place = (i: number): Virtual =>
      i < contig.length ? [base + block[i]!, within[i]!] : [base + blocks, 0];
    contig.forEach((id, i) => file.index.add(id, beg[i]!, end[i]!, place(i), place(i + 1), true));
  }
  await finish(file, shared);
}

/** The files of regions and of thresholds. */
export async function writeRegions(
  { seen, regions }: { readonly seen: Int32Array; readonly regions: Regions },
  contigs: readonly Contig[],
  settings: Settings,
  bed: Bed | undefined,
  digits: number,
  shared: Shared,
): Promise<void> {
  const { thresholds } = settings.measure;
  const hasReads = new Set(seen);
  const stride = strideOf(settings.measure);
  const numbers = readNumbers(regions, stride, shared.context);
  const reach = reachOf(depthOf(shared.header));
  const means = createRowWriter(await create(shared, '.regions.bed.gz'), reach);
  const counts =
    thresholds.length > 0 ? createRowWriter(await create(shared, '.thresholds.bed.gz'), reach) : undefined;
  await counts?.file.out.write(
    Buffer.from(`#chrom\tstart\tend\tregion\t${thresholds.map((depth) => `${depth}X`).join('\t')}\n`),
  );
  const print = createPrinter(digits);
  for (const contig of contigs) {
    const { id } = contig;
    const rows = rowsOf(contig, settings, bed);
    const listed = bed?.contigs.get(contig.name);
    const name = latin1(Buffer.from(contig.name));
    for (let row = 0; row < rows.count; row++) {
      if (numbers.left() === 0) await numbers.load();
      const [values, at] = numbers.take(id, row);
      const [start, end] = [rows.start(row), rows.end(row)];
      const label = listed ? latin1(bed!.text.subarray(listed.nameStart[row]!, listed.nameEnd[row]!)) : '';
      const place = `${name}\t${start}\t${end}\t`;
      const wait = means.add(id, start, end, `${place}${label && `${label}\t`}${print(values[at]!)}\n`);
      if (wait) await wait;
      if (!counts) continue;
      // Without reads on the contig mosdepth has 0 for a threshold of 0 as well.
      const reaching = hasReads.has(id) ? values.subarray(at + 1, at + stride) : new Float64Array(stride - 1);
      await counts.add(id, start, end, `${place}${label || 'unknown'}\t${reaching.join('\t')}\n`);
    }
  }
  for (const writer of counts ? [means, counts] : [means]) {
    await writer.flush();
    await finish(writer.file, shared);
  }
}

/** Numbers as text; in a row of equal ones, as where no reads are, only the first one is work. */
function createPrinter(digits: number): (value: number) => string {
  let last = 0;
  let text = decimal(last, digits);
  return (value) => {
    if (value !== last) [last, text] = [value, decimal(value, digits)];
    return text;
  };
}

/** Bytes as characters, as they are written. */
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** The numbers of regions, in order. */
function readNumbers({ values, patches }: Regions, stride: number, context: Shared['context']) {
  const rowsOfRead = Math.max(1, Math.floor(readSize / (8 * stride)));
  // In the order of the regions, as the numbers are.
  const order = Array.from(patches.row, (_, i) => i).sort(
    (i, j) => patches.contig[i]! - patches.contig[j]! || patches.row[i]! - patches.row[j]!,
  );
  let patched = 0;
  let [blob, byte] = [0, 0];
  let block = new Float64Array(0);
  let next = 0;
  return {
    /** Numbers that are there to be taken. */
    left: () => block.length - next,
    async load(): Promise<void> {
      while (blob < values.length && byte === values[blob]!.size) [blob, byte] = [blob + 1, 0];
      const stored = values[blob];
      if (!stored) throw new RangeError('coverage: fewer regions were measured than there are');
      const end = Math.min(byte + 8 * stride * rowsOfRead, stored.size);
      const bytes = await context.get(stored, byte, end);
      // A copy, since numbers must lie at a multiple of 8.
      block = new Float64Array(new Uint8Array(bytes).buffer);
      next = 0;
      byte = end;
    },
    /** The next region's, from a place of a column on. */
    take(contig: number, row: number): readonly [values: Float64Array, at: number] {
      const at = next;
      next += stride;
      if (!Number.isNaN(block[at]!)) return [block, at];
      const i = order[patched++]!;
      if (patches.contig[i] !== contig || patches.row[i] !== row)
        throw new RangeError(`coverage: region ${row} of contig ${contig} is not complete`);
      return [patches.values, i * stride];
    },
  };
}

/** Writes rows; neighbours within one bin of the deepest level go to the index as one. */
function createRowWriter(file: BedFile, reach: number) {
  let text = '';
  let [contig, beg, end, window] = [-1, 0, 0, -1];
  const flush = (): Promise<void> | undefined => {
    if (text === '') return undefined;
    const from = file.out.tell();
    const wait = file.out.write(Buffer.from(text, 'latin1'));
    // A region may lie behind all that the bins reach.
    file.index.add(contig, Math.min(beg, reach - 1), Math.min(end, reach), from, file.out.tell(), true);
    text = '';
    return wait;
  };
  return {
    file,
    flush,
    add(id: number, start: number, stop: number, line: string): Promise<void> | undefined {
      const bin = Math.floor(start / unitSize);
      const isInside = stop <= (bin + 1) * unitSize;
      const isSame = id === contig && bin === window && isInside && text.length < 1 << 15;
      const wait = isSame ? undefined : flush();
      if (text === '') [contig, beg, end, window] = [id, start, stop, isInside ? bin : -1];
      text += line;
      end = Math.max(end, stop);
      return wait;
    },
  };
}
