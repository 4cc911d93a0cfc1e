/** Where the records of a region of a sorted VCF or BCF lie, by its index: TBI or CSI (Tabix and CSI specs). */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Planning, Source } from '../../core/job.ts';
import { companions } from './bai.ts';
import { compareVirtual, formatVirtual, inflate, type Virtual } from './bgzf.ts';
import { blockLimit, eofMarker, hex } from './block.ts';
import { cursorOf, readCount } from './cursor.ts';
import { type ContigIndex, type Index, parseBinned, parseLinear, readShape, unpacked } from './indexbody.ts';

/** Bases of a contig, from 1, the last one included; `to` may be Infinity. */
export type Region = { readonly contig: string; readonly from: number; readonly to: number };

/** By name of contig. */
export type VcfIndex = {
  readonly uri: string;
  readonly window: number;
  readonly contigs: ReadonlyMap<string, ContigIndex>;
};

/**
 * The index beside a file, .tbi or .csi; undefined where there is none, or one that ends before the file does: regions are found without it, too.
 * @throws BadInput when it is damaged, or another file's as far as that shows
 */
export async function findVcfIndex(
  planning: Planning,
  file: Dataset,
  names: readonly string[],
): Promise<VcfIndex | undefined> {
  const format = /\.(vcf\.b?gz|bcf)(?=$|[?#])/i.exec(file.uri)?.[1] ?? 'vcf.gz';
  for (const uri of companions(file.uri, format, ['tbi', 'csi'])) {
    const found = await planning.find(uri);
    if (!found) continue;
    const index = await readVcfIndex(await planning.open(found), found.uri, file, names);
    return (await isWhole(index, file, await planning.open(file))) ? index : undefined;
  }
  return undefined;
}

/** Whether the records that an index knows reach the end of the file: those of a file that has grown since do not, nor has an empty one any. */
async function isWhole({ contigs }: VcfIndex, { uri, size }: Dataset, source: Source): Promise<boolean> {
  let last: Virtual | undefined;
  for (const { end } of contigs.values()) if (end && (!last || compareVirtual(end, last) > 0)) last = end;
  if (!last || last[0] >= size - eofMarker.length) return last !== undefined;
  // Writers that index as they go tell the end of a block as a place in it.
  for await (const _ of inflate(source, uri, last, undefined, { chunk: blockLimit, hint: 0 })) return false;
  return true;
}

/** `names`: the contigs of the header, which are those of a CSI that does not say them, as BCF has it. */
async function readVcfIndex(
  source: Source,
  uri: string,
  file: Dataset,
  names: readonly string[],
): Promise<VcfIndex> {
  const bytes = await unpacked(source, uri);
  const magic = hex(bytes.subarray(0, 4));
  const isTbi = magic === '54424901';
  if (!isTbi && magic !== '43534901')
    throw new BadInput(
      `index: bad magic ${magic || '(empty file)'} in ${uri}, expected TBI or CSI; index ${file.uri} again with tabix or servermix run genomics/index`,
    );
  const cursor = cursorOf(isTbi ? 'TBI' : 'CSI', uri, bytes);
  let index: Index;
  let own: readonly string[];
  if (isTbi) {
    const count = readCount(cursor, 'n_ref', 8);
    own = namesOf(cursor);
    index = parseLinear(cursor, count);
  } else {
    const shape = readShape(cursor);
    const length = readCount(cursor, 'l_aux', 1);
    own = length >= 28 ? namesOf(cursor) : names;
    const count = readCount(cursor, 'n_ref', 4);
    index = parseBinned(cursor, shape, count);
  }
  if (own.length < index.contigs.length)
    throw cursor.fail(
      `found ${index.contigs.length} contigs, expected at most ${own.length}, as there are names,`,
    );
  for (const [i, { end }] of index.contigs.entries())
    if (end && end[0] > file.size)
      throw new BadInput(
        `index: offset ${formatVirtual(end)} of contig ${own[i]} in ${uri} is past the end of ${file.uri} (${file.size} bytes): it is not its index; index it again`,
      );
  return {
    uri,
    window: index.window,
    contigs: new Map(index.contigs.map((contig, i) => [own[i]!, contig])),
  };
}

/** The names that Tabix puts behind six numbers, each with a zero. */
function namesOf(cursor: ReturnType<typeof cursorOf>): readonly string[] {
  cursor.skip(24);
  const length = readCount(cursor, 'l_nm', 1);
  return cursor.text(length).split('\0').slice(0, -1);
}

/** Where the records that overlap a region lie: from the first one, or one before it, up to bytes `end` of the file, or `last`, where those of the contig end; undefined where there are none. */
export function placesOfRegion(
  { window, contigs }: VcfIndex,
  { contig: name, from, to }: Region,
): { readonly first: Virtual; readonly end: number; readonly last: Virtual } | undefined {
  const contig = contigs.get(name);
  if (!contig?.start || !contig.end) return undefined;
  const { block, within, next, start, end } = contig;
  const at = Math.floor(Math.max(0, from - 1) / window);
  // Behind the last window that has an entry nothing begins, but what began before may reach there.
  const last = Math.min(at, block.length - 1);
  const first: Virtual = last < 0 ? start : [block[last]!, within[last]!];
  const behind = to === Infinity ? Infinity : Math.floor((to - 1) / window) + 1;
  const stop = behind < next.length ? next[behind]! : end[0];
  return { first, end: Math.max(stop, first[0]) + 1, last: end };
}
