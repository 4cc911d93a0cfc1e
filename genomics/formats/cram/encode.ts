/** A record of CRAM as one of BAM. */
import type { CramRecord } from '@gmod/cram';
import { makeRoom, type Text } from '../../kernels/text.ts';
import { reg2bin } from '../bin.ts';
import { field, flag } from '../record.ts';
import type { Mate } from './mates.ts';
import { code, type Spelled } from './spell.ts';

/** Operations that a field of 16 bits counts. */
const maxOps = 65535;
const isReference = (operation: number): boolean =>
  (operation & 15) === code.M || (operation & 15) === code.D || (operation & 15) === code.N;

/**
 * Appends a record that was spelled. Of its tags it has those that are text, and NM: the one that was stored, or as the reference tells,
 * if it `isSpelled` with one.
 */
export function encode(
  record: CramRecord,
  spelled: Spelled,
  isSpelled: boolean,
  mate: Mate,
  out: Text,
): void {
  const { ops, count, bases, qualities, length, mismatches } = spelled;
  const isLong = count > maxOps;
  let extent = 0;
  for (let i = 0; i < count; i++) if (isReference(ops[i]!)) extent += ops[i]! >>> 4;
  makeRoom(out, field.name + 256 + 4 * count + 16 + 2 * length);
  const { fill: start } = out;
  let { bytes } = out;
  let at = start + field.name;
  at += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(mate.name, at, 254, 'latin1');
  const nameLength = at + 1 - start - field.name;
  bytes[at++] = 0;
  let view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // More operations than the field can count go to a tag (SAM spec 4.2.2).
  const shown = isLong ? Uint32Array.of(length * 16 + code.S, extent * 16 + code.N) : ops;
  const shownCount = isLong ? 2 : count;
  for (let i = 0; i < shownCount; i++, at += 4) view.setUint32(at, shown[i]!, true);
  for (let i = 0; i < length; i += 2) bytes[at++] = (bases[i]! << 4) | (i + 1 < length ? bases[i + 1]! : 0);
  bytes.set(qualities.subarray(0, length), at);
  out.fill = at + length;
  const isCounted = isSpelled && length > 0 && (record.flags & flag.unmapped) === 0;
  addTags(record, isCounted ? mismatches : undefined, out);
  if (isLong) addOperations(ops.subarray(0, count), out);
  ({ bytes } = out);
  view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pos = record.alignmentStart - 1;
  const reach = record.flags & flag.unmapped ? 1 : Math.max(1, extent);
  view.setInt32(start, out.fill - start - 4, true);
  view.setInt32(start + field.refId, record.sequenceId, true);
  view.setInt32(start + field.pos, pos, true);
  bytes[start + field.nameLength] = nameLength;
  bytes[start + field.mapq] = record.mappingQuality ?? 0;
  view.setUint16(start + field.bin, reg2bin(pos, pos + reach), true);
  view.setUint16(start + field.cigarLength, shownCount, true);
  view.setUint16(start + field.flag, mate.flags, true);
  view.setInt32(start + field.seqLength, length, true);
  view.setInt32(start + field.nextRefId, mate.contig, true);
  view.setInt32(start + field.nextPos, mate.pos, true);
  view.setInt32(start + field.templateLength, mate.templateLength, true);
}

function addTags({ tags }: CramRecord, mismatches: number | undefined, out: Text): void {
  for (const name in tags) {
    const value = tags[name];
    if (typeof value === 'string') append(Buffer.from(`${name}Z${value}\0`, 'latin1'), out);
  }
  const stored = tags['NM'];
  const count = typeof stored === 'number' ? stored : mismatches;
  if (count === undefined) return;
  append(countTag, out);
  new DataView(out.bytes.buffer, out.bytes.byteOffset).setInt32(out.fill - 4, count, true);
}

const countTag = Buffer.from('NMi....', 'latin1');
const operationsTag = Buffer.from('CGBI....', 'latin1');

function addOperations(ops: Uint32Array, out: Text): void {
  append(operationsTag, out);
  new DataView(out.bytes.buffer, out.bytes.byteOffset).setUint32(out.fill - 4, ops.length, true);
  append(new Uint8Array(ops.slice().buffer), out);
}

function append(bytes: Uint8Array, out: Text): void {
  makeRoom(out, bytes.length);
  out.bytes.set(bytes, out.fill);
  out.fill += bytes.length;
}
