/** Reads what planning needs of a BAM's index, BAI or CSI: where the records of each window begin, and how many there are. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Planning, Source } from '../../core/job.ts';
import { withHead } from '../../core/sources/head.ts';
import type { Header } from './bam.ts';
import { chunks, compareVirtual, eofMarker, formatVirtual, type Virtual } from './bgzf.ts';
import { blockLimit, hex } from './block.ts';
import { type Cursor, cursorOf, readCount } from './cursor.ts';
import { type Index, largestIndex, parseBinned, parseLinear, readShape, unpacked } from './indexbody.ts';
import { field } from './record.ts';

/** Bytes of an index that are read before its kind is known: all of most, in one read. */
const headSize = 1 << 24;
/**
 * Finds the index of `reads` (x.bam.bai, x.bai, x.bam.csi, x.csi, in this order) and reads it.
 * @throws BadInput when there is none, and as `findIndex`
 */
export async function readIndex(planning: Planning, reads: Dataset, header: Header): Promise<Index> {
  const index = await findIndex(planning, reads, header);
  if (index) return index;
  const names = namesOf(reads.uri).map((name) => name.slice(name.lastIndexOf('/') + 1));
  throw new BadInput(
    `BAM: ${reads.uri} has no index, expected it as ${names.join(', ')}; make one with samtools index`,
  );
}

/** Where an index may be: behind a file's name, or in place of its ending `format`. */
export function companions(uri: string, format: string, kinds: readonly string[]): string[] {
  // Of an address, what follows the question mark stays behind the name.
  const mark = /^https?:/i.test(uri) ? uri.indexOf('?') : -1;
  const path = mark < 0 ? uri : uri.slice(0, mark);
  const query = uri.slice(path.length);
  const stem = path.endsWith(`.${format}`) ? path.slice(0, -format.length - 1) : path;
  return [...new Set(kinds.flatMap((kind) => [`${path}.${kind}${query}`, `${stem}.${kind}${query}`]))];
}
const namesOf = (uri: string): string[] => companions(uri, 'bam', ['bai', 'csi']);

/**
 * As `readIndex`; undefined where there is none.
 * @throws BadInput when it is damaged, or when it is another file's as far as that shows: another
 * number of contigs than in `header`, offsets outside the file or out of order, placed records before or behind all of its own
 */
export async function findIndex(
  planning: Planning,
  reads: Dataset,
  header: Header,
): Promise<Index | undefined> {
  for (const name of namesOf(reads.uri)) {
    const found = await planning.find(name);
    if (!found) continue;
    const cursor = await openIndex(await planning.open(found), found.uri);
    const index = parse(cursor, header);
    checkOffsets(index, reads, header);
    await checkReach(await planning.open(reads), index, reads, header);
    return index;
  }
  return undefined;
}

async function openIndex(source: Source, uri: string): Promise<Cursor> {
  const head = await source.read(0, Math.min(headSize, source.size));
  const magic = hex(head.subarray(0, 4));
  if (magic === '42414901') {
    if (source.size > largestIndex)
      throw new BadInput(`BAI: ${uri} has ${source.size} bytes, expected at most ${largestIndex}`);
    return cursorOf('BAI', uri, head.length === source.size ? head : await source.read(0, source.size));
  }
  if (!magic.startsWith('1f8b'))
    throw new BadInput(
      `BAI: bad magic ${magic || '(empty file)'} in ${uri}, expected 42414901 (BAI) or BGZF (CSI); index it again with samtools index`,
    );
  const bytes = await unpacked(withHead(source, head), uri);
  const inner = hex(bytes.subarray(0, 4));
  if (inner !== '43534901')
    throw new BadInput(
      `CSI: bad magic ${inner || '(empty file)'} in ${uri}, expected 43534901; index it again with samtools index`,
    );
  return cursorOf('CSI', uri, bytes);
}

function parse(cursor: Cursor, header: Header): Index {
  if (cursor.kind === 'BAI') return parseLinear(cursor, contigCount(cursor, header));
  const shape = readShape(cursor);
  cursor.skip(readCount(cursor, 'l_aux', 1));
  return parseBinned(cursor, shape, contigCount(cursor, header));
}

function contigCount(cursor: Cursor, header: Header): number {
  const n = readCount(cursor, 'n_ref', cursor.kind === 'BAI' ? 8 : 4);
  if (n !== header.contigs.length)
    throw cursor.fail(`found ${n} contigs, expected the ${header.contigs.length} of the BAM,`);
  return n;
}

/** What an index does not reach would be passed over: an empty one, or that of a file that has grown since. */
async function checkReach(source: Source, index: Index, reads: Dataset, header: Header): Promise<void> {
  const start = index.contigs.find((contig) => contig.start)?.start;
  const end = index.contigs.findLast((contig) => contig.end)?.end;
  const fail = (what: string): never => {
    throw new BadInput(
      `BAM: ${what} those in ${index.uri}, expected none: it is not the index of ${reads.uri}; index it again with samtools index`,
    );
  };
  const isKnown = start !== undefined && compareVirtual(start, header.first) === 0;
  if (!isKnown && (await isPlaced(source, reads.uri, header.first, start))) fail('records lie before');
  const isAll = end === undefined || end[0] >= reads.size - eofMarker.length;
  if (!isAll && (await isPlaced(source, reads.uri, end, undefined))) fail('placed records lie behind');
}

/** Whether a record with a place begins at `from`, and before `to`. */
async function isPlaced(
  source: Source,
  name: string,
  from: Virtual,
  to: Virtual | undefined,
): Promise<boolean> {
  const pieces = chunks(source, name, from, to, { chunk: blockLimit, hint: 0 });
  try {
    for (let kept = 0; ;) {
      const { value: piece, done } = await pieces.next(kept);
      if (done) return false;
      kept = piece.bytes.length;
      if (kept < field.nameLength) continue;
      const view = new DataView(piece.bytes.buffer, piece.bytes.byteOffset, kept);
      return view.getInt32(field.refId, true) >= 0 && view.getInt32(field.pos, true) >= 0;
    }
  } finally {
    await pieces.return();
  }
}

/** Offsets must lie in the file, after the header, and contig after contig. */
function checkOffsets(index: Index, reads: Dataset, header: Header): void {
  let last = header.first;
  const check = (contig: number, at: Virtual): void => {
    const place = `offset ${formatVirtual(at)} of contig ${header.contigs[contig]!.name}`;
    const advice = `${index.uri} is not the index of ${reads.uri}; index it again with samtools index`;
    if (at[0] > reads.size)
      throw new BadInput(`BAM: ${place} is past the end of the file (${reads.size} bytes): ${advice}`);
    if (compareVirtual(at, last) < 0)
      throw new BadInput(`BAM: ${place} lies before ${formatVirtual(last)}, where it should not: ${advice}`);
    last = at;
  };
  index.contigs.forEach(({ start, end, block, within }, i) => {
    if (!start || !end) return;
    check(i, start);
    if (block.length > 0) check(i, [block.at(-1)!, within.at(-1)!]);
    check(i, end);
  });
}
