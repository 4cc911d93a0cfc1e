/** Operations, bases and qualities of a read from its features (CRAM spec 10.6). */
import { roomFor } from '../../../core/room.ts';
import type { CramRecord } from '@gmod/cram';
import { codeOf } from '../../kernels/letters.ts';
import { flag } from '../record.ts';

/** Codes of the bases of a contig's reference (SAM spec 4.2.3), as far as it reaches; `start` from 1. */
export type Region = { readonly start: number; readonly codes: Uint8Array };

/** What letters A, C, G, T and N of the reference become by the number of a substitution. */
export type Substitutions = readonly (readonly (string | undefined)[])[];

/** A read is spelled with a reference that is not there. */
export class NoReference extends Error {}

/** A read as BAM has it; used again for the next one. */
export type Spelled = {
  /** Operations; `count` of them. */
  ops: Uint32Array;
  count: number;
  /** Codes of bases, and qualities; `length` of them. */
  bases: Uint8Array;
  qualities: Uint8Array;
  length: number;
  /** Bases that differ from the reference, with those inserted and deleted. */
  mismatches: number;
};

/** Bit of the CRAM flags: there are no bases. */
const noBases = 8;
export const code = { M: 0, I: 1, D: 2, N: 3, S: 4, H: 5, P: 6 } as const;
const [none, unknown] = [15, 255];
/** What htslib takes for a base without a quality in a read that has some. */
const usualQuality = 30;
/** In `Substitutions`, by the code of a base. */
const rowOf = Uint8Array.from({ length: 16 }, (_, base) => ({ 1: 0, 2: 1, 4: 2, 8: 3 })[base] ?? 4);

export const createSpelled = (): Spelled => ({
  ops: new Uint32Array(64),
  count: 0,
  bases: new Uint8Array(1024),
  qualities: new Uint8Array(1024),
  length: 0,
  mismatches: 0,
});

/** Bases of a read: more are none. */
const longest = 2 ** 28;

/** Spells a read; `region` is undefined where there is no reference. @throws Error where features do not fit into the read, NoReference */
export function spell(
  record: CramRecord,
  region: Region | undefined,
  substitutions: Substitutions,
  into: Spelled,
): void {
  const hasBases = (record.cramFlags & noBases) === 0;
  const length = hasBases ? record.readLength : 0;
  if (!(length >= 0 && length <= longest)) throw new Error(`a read of ${length} bases`);
  if (length > into.bases.length) {
    into.bases = new Uint8Array(length);
    into.qualities = new Uint8Array(length);
  }
  const { bases, qualities } = into;
  const codes = region?.codes;
  let ref = region ? record.alignmentStart - region.start : 0;
  let read = 0;
  into.length = length;
  into.count = 0;
  into.mismatches = 0;
  if (record.qualityScores) qualities.set(record.qualityScores.subarray(0, length));
  else qualities.fill(unknown, 0, length);

  const add = (size: number, operation: number): void => {
    const last = into.count - 1;
    if (size === 0) return;
    if (last >= 0 && (into.ops[last]! & 15) === operation) into.ops[last]! += size * 16;
    else {
      into.ops = roomFor(into.ops, into.count + 1);
      into.ops[into.count++] = size * 16 + operation;
    }
  };
  const need = (size: number, what: string): void => {
    if (hasBases && !(size >= 0 && read + size <= length))
      throw new Error(`${what} of ${size} bases at base ${read + 1} of a read of ${length}`);
  };
  const put = (text: string, isMatch: boolean): void => {
    need(text.length, 'a feature');
    for (let i = 0; i < text.length; i++) {
      const base = codeOf[text.charCodeAt(i)]!;
      bases[read++] = base;
      if (!isMatch) continue;
      if (codes && ref < codes.length && base !== codes[ref]) into.mismatches++;
      ref++;
    }
  };
  /** As the reference has them. */
  const copy = (size: number): void => {
    if (size <= 0 && !hasBases) return;
    need(size, 'a match');
    if (hasBases && size > 0 && !codes) throw new NoReference();
    const known = codes && ref >= 0 ? Math.min(size, Math.max(0, codes.length - ref)) : 0;
    for (let i = 0; i < known; i++) bases[read + i] = codes![ref + i]!;
    bases.fill(none, read + known, read + size);
    read += size;
    ref += size;
    add(size, code.M);
  };
  const rate = (values: readonly number[], at: number): void => {
    // Those of the whole read are told behind its features.
    if (record.qualityScores || !hasBases) return;
    if (at < 0 || at + values.length > length)
      throw new Error(`qualities at base ${at + 1} of a read of ${length}`);
    if (qualities[0] === unknown) qualities.fill(usualQuality, 0, length);
    qualities.set(values, at);
  };

  if (record.flags & flag.unmapped) {
    bases.fill(none, 0, length);
    put((record.readBases ?? '').slice(0, length), false);
    return;
  }
  for (const feature of record.readFeatures ?? []) {
    const at = feature.pos - 1;
    if (feature.code === 'Q') rate([feature.data], at);
    else if (feature.code === 'q') rate(feature.data, at);
    if (feature.code === 'Q' || feature.code === 'q') continue;
    if (at < read) throw new Error(`a feature at base ${at + 1} behind one at base ${read}`);
    copy(at - read);
    switch (feature.code) {
      case 'X':
        if (hasBases && !codes) throw new NoReference();
        put(substitutions[rowOf[codes?.[ref] ?? none]!]?.[feature.data] ?? 'N', false);
        ref++;
        into.mismatches++;
        add(1, code.M);
        break;
      case 'B':
        rate([feature.data[1]], read);
        put(feature.data[0], true);
        add(1, code.M);
        break;
      case 'b':
        put(feature.data, true);
        add(feature.data.length, code.M);
        break;
      case 'I':
      case 'i':
        put(feature.data, false);
        into.mismatches += feature.data.length;
        add(feature.data.length, code.I);
        break;
      case 'S':
        put(feature.data, false);
        add(feature.data.length, code.S);
        break;
      case 'D':
        into.mismatches += feature.data;
        ref += feature.data;
        add(feature.data, code.D);
        break;
      case 'N':
        ref += feature.data;
        add(feature.data, code.N);
        break;
      case 'H':
      case 'P':
        add(feature.data, code[feature.code]);
    }
  }
  copy((hasBases ? length : record.readLength) - read);
}
