/** The alternate alleles that a sample of a VCF has, as columns: the first half of a comparison. */
import { columns } from '../../core/codec.ts';
import { BadUsage } from '../../core/errors.ts';
import type { Context, Stored } from '../../core/job.ts';
import type { TakeLine } from '../formats/vcffile.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import { genotype, type Genotype, readGenotype } from '../kernels/genotype.ts';
import {
  column,
  endOf,
  formatFinder,
  isMissing,
  type Line,
  readLine,
  readQual,
  textOf,
} from '../kernels/vcfline.ts';
import { type Params, plainName } from './settings.ts';

type Numbers<T extends ArrayBuffer = ArrayBuffer> = {
  /** First base, from 0. */
  readonly pos: Float64Array<T>;
  /** NaN where there is none. */
  readonly qual: Float64Array<T>;
  /** Copies, 1 or 2. */
  readonly dose: Uint8Array<T>;
  readonly refLength: Uint32Array<T>;
  readonly altLength: Uint32Array<T>;
  /** Reference and alternate allele, one after the other, upper case. */
  readonly text: Uint8Array<T>;
};
/** Alleles of one contig, in the order of the file. */
export type Alleles = Numbers;
export const allelesCodec = columns<Alleles>();

/** Alleles in the store. */
export type Piece = {
  readonly side: 'truth' | 'calls';
  /** Without `chr` in front. */
  readonly contig: string;
  readonly count: number;
  readonly stored: Stored;
};
export type Found = { readonly records: number; readonly pieces: readonly Piece[] };

const isBase = new Uint8Array(256);
for (const letter of 'ACGTNacgtn') isBase[letter.charCodeAt(0)] = 1;
const areBases = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (isBase[bytes[i]!] === 0) return false;
  return to > from;
};

type Draft = {
  pos: number[];
  qual: number[];
  dose: number[];
  refLength: number[];
  altLength: number[];
  text: string[];
};

/** Which column of the samples is meant; -1 for a file without. @throws BadUsage for a name that is not there */
export function sampleColumn(name: string, { samples }: VcfHeader, file: string): number {
  const at = name === '' ? Math.min(0, samples.length - 1) : samples.indexOf(name);
  if (name !== '' && at < 0)
    throw new BadUsage(
      `option sample: ${file} has no sample ${name}, expected one of ${samples.slice(0, 10).join(', ')}`,
    );
  return at;
}

/** Collects the alleles of `sample`; of calls only those that count. */
export function createAlleleTally(
  side: 'truth' | 'calls',
  header: VcfHeader,
  sample: number,
  given: Params,
): { readonly take: TakeLine; readonly store: (context: Pick<Context, 'put'>) => Promise<Found> } {
  const drafts = new Map<string, Draft>();
  const find = formatFinder(['GT']);
  const gt: Genotype = { kind: 0, low: 0, high: 0, most: 0 };
  let doses = new Float64Array(64);
  let records = 0;
  let last: { readonly name: string; readonly draft: Draft } | undefined;
  const draftOf = (name: string): Draft => {
    if (last?.name === name) return last.draft;
    const plain = plainName(name);
    const draft = drafts.get(plain) ?? {
      pos: [],
      qual: [],
      dose: [],
      refLength: [],
      altLength: [],
      text: [],
    };
    drafts.set(plain, draft);
    last = { name, draft };
    return draft;
  };

  /** How many copies of each allele there are, into `doses`; false where GT is none. */
  const readDoses = (line: Line): boolean => {
    const { bytes, at, altCount } = line;
    if (doses.length <= altCount) doses = new Float64Array(2 * altCount + 2);
    doses.fill(0, 0, altCount + 1);
    const place = sample < 0 ? -1 : find(bytes, at[column.format]!, endOf(line, column.format))[0]!;
    if (place < 0) {
      // Without genotypes the first allele counts as called on both.
      doses[1] = 2;
      return true;
    }
    const [from, to] = fieldOf(line, sample, place);
    const counts = doses.subarray(0, altCount + 1);
    if (!readGenotype(gt, bytes, from, to, counts)) return false;
    if (gt.kind === genotype.hapAlt) counts[gt.low] = 2;
    return true;
  };

  const take: TakeLine = (line) => {
    const fault = readLine(line, header.samples.length);
    if (fault) return fault;
    records++;
    const { bytes, at, alts, altCount, pos } = line;
    const qual = readQual(line);
    if (typeof qual !== 'number') return qual;
    if (side === 'calls') {
      if (qual < given['min-qual']) return undefined;
      const [from, to] = [at[column.filter]!, endOf(line, column.filter)];
      if (given['pass-only'] && !isMissing(line, from, to) && textOf(bytes, from, to) !== 'PASS')
        return undefined;
    }
    if (!readDoses(line))
      return { field: 'GT', found: 'no genotype', expected: 'numbers with / or | between' };
    const [refFrom, refTo] = [at[column.ref]!, endOf(line, column.ref)];
    if (!areBases(bytes, refFrom, refTo)) return undefined;
    const ref = textOf(bytes, refFrom, refTo).toUpperCase();
    for (let k = 0; k < altCount; k++) {
      const [from, to] = [alts[2 * k]!, alts[2 * k + 1]!];
      const dose = doses[k + 1]!;
      if (dose === 0 || !areBases(bytes, from, to)) continue;
      const draft = draftOf(textOf(bytes, at[0]!, endOf(line, column.chrom)));
      draft.pos.push(pos - 1);
      draft.qual.push(qual);
      draft.dose.push(Math.min(2, dose));
      draft.refLength.push(ref.length);
      draft.altLength.push(to - from);
      draft.text.push(ref, textOf(bytes, from, to).toUpperCase());
    }
    return undefined;
  };

  return {
    take,
    async store(context) {
      const pieces: Piece[] = [];
      for (const [contig, draft] of drafts) {
        const bytes = allelesCodec.encode({
          pos: Float64Array.from(draft.pos),
          qual: Float64Array.from(draft.qual),
          dose: Uint8Array.from(draft.dose),
          refLength: Uint32Array.from(draft.refLength),
          altLength: Uint32Array.from(draft.altLength),
          text: new Uint8Array(Buffer.from(draft.text.join(''), 'latin1')),
        });
        pieces.push({ side, contig, count: draft.pos.length, stored: await context.put(bytes) });
      }
      return { records, pieces };
    },
  };
}

const [tab, colon] = [9, 0x3a];

/** Bounds of field `place` of a sample; empty where the sample ends before. */
function fieldOf({ bytes, at, end }: Line, sample: number, place: number): readonly [number, number] {
  let start = at[9]!;
  for (let i = 0; i < sample; i++) {
    const next = bytes.indexOf(tab, start);
    if (next < 0 || next >= end) return [end, end];
    start = next + 1;
  }
  for (let field = 0; ; field++) {
    let stop = start;
    while (stop < end && bytes[stop] !== tab && bytes[stop] !== colon) stop++;
    if (field === place) return [start, stop];
    if (stop >= end || bytes[stop] === tab) return [stop, stop];
    start = stop + 1;
  }
}
