/** Lines of SAM text as records of BAM (SAM spec 1.4, 4.2), with what htslib makes of reads that have no place. */
import { reg2bin } from '../formats/bin.ts';
import { field, flag } from '../formats/record.ts';
import { isReference, stepsRead } from './cigar.ts';
import { codeOf } from './letters.ts';
import { writeTag } from './samtags.ts';
import { makeRoom, type Text } from './text.ts';

/** What is wrong with a line: the field, what it has and what it should have. */
export type LineFault = { readonly field: string; readonly found: string; readonly expected: string };

/** Turns lines into records, which it appends to `out`. `[from, to)` is a line without its end. */
export type LineReader = (bytes: Uint8Array, from: number, to: number, out: Text) => LineFault | undefined;

const [tab, star, equals] = [9, 0x2a, 0x3d];
const maxPosition = 2 ** 31 - 1;
const operations = 'MIDNSHP=X';
const opOf = new Int8Array(256).fill(-1);
for (let code = 0; code < 9; code++) opOf[operations.charCodeAt(code)] = code;
const [isName, isBase, isQuality] = [new Uint8Array(256), new Uint8Array(256), new Uint8Array(256)];
isName.fill(1, 0x21, 0x7f)[0x40] = 0;
isQuality.fill(1, 0x21, 0x7f);
for (let c = 0; c < 26; c++) isBase[0x41 + c] = isBase[0x61 + c] = 1;
isBase[equals] = isBase[0x2e] = 1;

/** A field's bounds. */
type Span = { from: number; to: number };

/** `contigs`: numbers by name. */
export function createLineReader(contigs: ReadonlyMap<string, number>): LineReader {
  const spans: Span[] = Array.from({ length: 11 }, () => ({ from: 0, to: 0 }));
  const textOf = (bytes: Uint8Array, { from, to }: Span): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
  /** A whole number in `[least, most]`; NaN otherwise. */
  const numberOf = (bytes: Uint8Array, { from, to }: Span, least: number, most: number): number => {
    const isNegative = bytes[from] === 0x2d && least < 0;
    const isSigned = isNegative || (bytes[from] === 0x2b && least < 0);
    let value = 0;
    for (let i = isSigned ? from + 1 : from; i < to; i++) {
      const digit = bytes[i]! - 48;
      if (digit < 0 || digit > 9 || value > most + 1) return NaN;
      value = 10 * value + digit;
    }
    if (to === (isSigned ? from + 1 : from)) return NaN;
    const signed = isNegative ? -value : value;
    return signed >= least && signed <= most ? signed : NaN;
  };
  const isOne = (bytes: Uint8Array, { from, to }: Span, byte: number): boolean =>
    to === from + 1 && bytes[from] === byte;
  // Reads of a place follow each other.
  let last: { readonly name: string; readonly id: number } | undefined;
  const contigOf = (bytes: Uint8Array, span: Span): number | undefined => {
    const name = textOf(bytes, span);
    if (name !== last?.name) {
      const id = contigs.get(name);
      if (id === undefined) return undefined;
      last = { name, id };
    }
    return last.id;
  };

  return (bytes, from, to, out) => {
    const fail = (name: string, span: Span, expected: string): LineFault => ({
      field: name,
      found: JSON.stringify(textOf(bytes, { from: span.from, to: Math.min(span.to, span.from + 40) })),
      expected,
    });
    let at = from;
    for (let i = 0; i < 11; i++) {
      let stop = at;
      while (stop < to && bytes[stop] !== tab) stop++;
      if (stop === to && i < 10)
        return { field: 'line', found: `${i + 1} columns`, expected: 'at least 11 with tabs between' };
      spans[i]!.from = at;
      spans[i]!.to = stop;
      at = stop + 1;
    }
    const [name, flags, contig, place, quality, cigar, next, nextPlace, size, bases, qualities] =
      spans as unknown as readonly [Span, Span, Span, Span, Span, Span, Span, Span, Span, Span, Span];
    makeRoom(out, 2 * (to - from) + 128 + 4 * (cigar.to - cigar.from));
    const start = out.fill;
    const into = out.bytes;
    const view = new DataView(into.buffer, into.byteOffset, into.length);

    const nameLength = name.to - name.from;
    let isGood = nameLength >= 1 && nameLength <= 254;
    for (let i = name.from; i < name.to && isGood; i++) isGood = isName[bytes[i]!] === 1;
    if (!isGood) return fail('QNAME', name, "1 to 254 characters that can be printed, no '@'");
    let bits = numberOf(bytes, flags, 0, 65535);
    if (Number.isNaN(bits)) return fail('FLAG', flags, 'a whole number from 0 to 65535');
    const pos = numberOf(bytes, place, 0, maxPosition) - 1;
    if (Number.isNaN(pos)) return fail('POS', place, `a whole number from 0 to ${maxPosition}`);
    const named = isOne(bytes, contig, star) ? -1 : contigOf(bytes, contig);
    if (named === undefined) return fail('RNAME', contig, "'*' or a contig of the header (@SQ SN)");
    // Without a place a read is unmapped, and without a position it has no place.
    const id = pos < 0 ? -1 : named;
    if (id < 0) bits |= flag.unmapped;
    const mapq = numberOf(bytes, quality, 0, 255);
    if (Number.isNaN(mapq)) return fail('MAPQ', quality, 'a whole number from 0 to 255');
    const nextPos = numberOf(bytes, nextPlace, 0, maxPosition) - 1;
    if (Number.isNaN(nextPos)) return fail('PNEXT', nextPlace, `a whole number from 0 to ${maxPosition}`);
    const nextNamed = isOne(bytes, next, star) ? -1 : isOne(bytes, next, equals) ? id : contigOf(bytes, next);
    if (nextNamed === undefined) return fail('RNEXT', next, "'*', '=' or a contig of the header (@SQ SN)");
    const templateLength = numberOf(bytes, size, -maxPosition, maxPosition);
    if (Number.isNaN(templateLength))
      return fail('TLEN', size, `a whole number from -${maxPosition} to ${maxPosition}`);

    // Operations.
    let fill = start + field.name + nameLength + 1;
    let [count, extent, query] = [0, 0, 0];
    const opsAt = fill;
    if (isOne(bytes, cigar, star)) bits |= flag.unmapped;
    else {
      let length = -1;
      for (let i = cigar.from; i < cigar.to; i++) {
        const digit = bytes[i]! - 48;
        if (digit >= 0 && digit <= 9) {
          length = 10 * Math.max(0, length) + digit;
          if (length < 2 ** 28) continue;
        }
        const code = opOf[bytes[i]!]!;
        if (code < 0 || length < 0) return fail('CIGAR', cigar, "'*' or lengths and operations MIDNSHP=X");
        const op = length * 16 + code;
        view.setUint32(fill, op, true);
        if (isReference(op)) extent += length;
        if (stepsRead(op)) query += length;
        count++;
        fill += 4;
        length = -1;
      }
      if (length >= 0 || count === 0) return fail('CIGAR', cigar, "'*' or lengths and operations MIDNSHP=X");
      if (!areClipsOutside(view, opsAt, count)) return fail('CIGAR', cigar, 'clips at the ends only');
    }
    // More do not fit into their field: they go to a tag.
    const isLong = count > 65535;
    const longOps = isLong ? into.slice(opsAt, fill) : undefined;
    const length = isOne(bytes, bases, star) ? 0 : bases.to - bases.from;
    if (isLong) {
      view.setUint32(opsAt, length * 16 + 4, true);
      view.setUint32(opsAt + 4, extent * 16 + 3, true);
      fill = opsAt + 8;
    }
    if (length > 0 && count > 0 && query !== length)
      return {
        field: 'SEQ',
        found: `${length} bases`,
        expected: `${query}, as many as CIGAR takes`,
      };
    if (bases.to === bases.from) return fail('SEQ', bases, "'*' or bases");
    for (let i = 0; i < length; i += 2) {
      const [a, b] = [bytes[bases.from + i]!, i + 1 < length ? bytes[bases.from + i + 1]! : equals];
      if (isBase[a] === 0 || isBase[b] === 0) return fail('SEQ', bases, "'*' or letters, '=' and '.'");
      into[fill++] = (codeOf[a]! << 4) | (i + 1 < length ? codeOf[b]! : 0);
    }
    if (isOne(bytes, qualities, star)) {
      into.fill(255, fill, fill + length);
      fill += length;
    } else {
      if (qualities.to - qualities.from !== length)
        return {
          field: 'QUAL',
          found: `${qualities.to - qualities.from} qualities`,
          expected: `${length}, as many as SEQ has bases`,
        };
      for (let i = qualities.from; i < qualities.to; i++) {
        if (isQuality[bytes[i]!] === 0) return fail('QUAL', qualities, "characters from '!' to '~'");
        into[fill++] = bytes[i]! - 33;
      }
    }
    out.fill = fill;

    // Tags.
    const known = new Set<number>();
    for (let tag = qualities.to + 1; tag <= to && tag > qualities.to;) {
      let stop = tag;
      while (stop < to && bytes[stop] !== tab) stop++;
      const code = (bytes[tag]! << 8) | (bytes[tag + 1] ?? 0);
      const expected = known.has(code) ? 'each tag once' : writeTag(bytes, tag, stop, out);
      if (expected !== undefined) {
        out.fill = start;
        return fail('tag', { from: tag, to: stop }, expected);
      }
      known.add(code);
      tag = stop + 1;
      if (stop === to) break;
    }
    if (longOps) {
      into.set([0x43, 0x47, 0x42, 0x49], out.fill);
      view.setUint32(out.fill + 4, count, true);
      into.set(longOps, out.fill + 8);
      out.fill += 8 + longOps.length;
    }

    view.setInt32(start, out.fill - start - 4, true);
    view.setInt32(start + field.refId, id, true);
    view.setInt32(start + field.pos, pos, true);
    into[start + field.nameLength] = nameLength + 1;
    into[start + field.mapq] = mapq;
    const reach = (bits & flag.unmapped) !== 0 ? 1 : Math.max(1, extent);
    view.setUint16(start + field.bin, reg2bin(pos, pos + reach), true);
    view.setUint16(start + field.cigarLength, isLong ? 2 : count, true);
    view.setUint16(start + field.flag, bits, true);
    view.setInt32(start + field.seqLength, length, true);
    view.setInt32(start + field.nextRefId, nextPos < 0 ? -1 : nextNamed, true);
    view.setInt32(start + field.nextPos, nextPos, true);
    view.setInt32(start + field.templateLength, templateLength, true);
    into.set(bytes.subarray(name.from, name.to), start + field.name);
    into[start + field.name + nameLength] = 0;
    return undefined;
  };
}

/** Hard clips at the ends, and within them soft ones. */
function areClipsOutside(view: DataView, at: number, count: number): boolean {
  const codeAt = (i: number): number => view.getUint32(at + 4 * i, true) & 15;
  let [first, last] = [0, count - 1];
  for (const clip of [5, 4]) {
    while (first <= last && codeAt(first) === clip) first++;
    while (last > first && codeAt(last) === clip) last--;
  }
  for (let i = first; i <= last; i++) if (codeAt(i) === 4 || codeAt(i) === 5) return false;
  return true;
}
