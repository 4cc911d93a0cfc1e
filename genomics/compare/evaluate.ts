/** Compares the alleles of one contig: the second half of a comparison. */
import { columns } from '../../core/codec.ts';
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset, Partition, Planning, Stored } from '../../core/job.ts';
import {
  asLetters,
  type Bases,
  openBases,
  readFastaIndex,
  type Stretch,
  stretchOf,
} from '../formats/fasta.ts';
import { collectLines } from '../formats/vcfwriter.ts';
import { normalise } from '../kernels/normalise.ts';
import { type Allele, isSnp, keyOf, match, type Side, sideOf } from './match.ts';
import { allelesCodec, type Found, type Piece } from './alleles.ts';
import { type Confident, confidentOf } from './confident.ts';
import { addTo, type Compared, createCompared, nothing } from './result.ts';
import { type Params, plainName } from './settings.ts';

const foundCodec = columns<Found>();

export type Inputs = {
  readonly alleles: readonly [Dataset];
  readonly reference: readonly [Dataset];
  readonly confident?: readonly [Dataset];
};
/** A contig as the reference names it; no reference where there is nothing to compare. */
export type Part = {
  readonly name: string;
  readonly truth: readonly Stored[];
  readonly calls: readonly Stored[];
  readonly count: number;
  readonly reference: Stretch | null;
};

/** Bases that an allele may move to the left, at most. */
const sway = 100_000;
/** Bases that are read at a time. */
const step = 1 << 16;

/** Contigs of the reference that have alleles, a part each. */
export async function planEvaluation(
  { alleles: [alleles], reference: [reference], confident }: Inputs,
  given: Params,
  planning: Planning,
): Promise<Partition<Part>> {
  const source = await planning.open(alleles);
  const { pieces } = foundCodec.decode(await source.read(0, source.size));
  const fasta = await readFastaIndex(planning, reference);
  const within = await confidentOf(given.region, confident?.[0], planning);
  const by = new Map<string, Piece[]>();
  for (const piece of pieces) by.set(piece.contig, [...(by.get(piece.contig) ?? []), piece]);
  const parts: Part[] = [];
  for (const name of fasta.sequences.keys()) {
    const of = by.get(plainName(name)) ?? [];
    by.delete(plainName(name));
    const storedOf = (side: Piece['side']): Stored[] =>
      of.filter((piece) => piece.side === side).map(({ stored }) => stored);
    if (of.length > 0 && within.has(plainName(name)))
      parts.push({
        name,
        truth: storedOf('truth'),
        calls: storedOf('calls'),
        count: of.reduce((sum, { count }) => sum + count, 0),
        reference: stretchOf(fasta, name, 0),
      });
  }
  const strange = [...by.keys()].find((contig) => within.isNamed(contig));
  if (strange !== undefined)
    throw new BadInput(
      `FASTA: ${reference.uri} has no sequence ${strange}, expected one for the variants on it; give the reference of the calls`,
    );
  if (parts.length === 0) parts.push({ name: '', truth: [], calls: [], count: 0, reference: null });
  return { parts };
}

export async function evaluate(
  part: Part,
  { reference: [reference], confident }: Inputs,
  given: Params,
  context: Context,
): Promise<Compared> {
  const stretch = part.reference;
  if (!stretch) return nothing;
  const within = await confidentOf(given.region, confident?.[0], context);
  const source = await context.open(reference);
  const open = (): Bases => openBases(source, reference.uri, stretch, context.signal, asLetters);
  const truth = await readSide(part.truth, part, open, within, context);
  const calls = await readSide(part.calls, part, open, within, context);
  const bases = open();
  const spell = async (from: number, to: number): Promise<string> => {
    await bases.hold(from, to > bases.end ? to + step : to);
    return lettersOf(bases, from, Math.min(to, bases.length));
  };
  try {
    const agreed = await match(truth, calls, spell);
    const out = createCompared();
    const lines = { tp: collectLines(), fp: collectLines(), fn: collectLines() };
    const put = (to: keyof typeof lines, allele: Allele, other: Allele | undefined): void => {
      const { pos, ref } = allele;
      lines[to].add(0, pos, pos + ref.length, lineOf(part.name, allele, other));
    };
    for (const allele of truth.alleles) {
      const isTrue = agreed.truth.has(allele);
      const called = calls.keys.get(keyOf(allele));
      addTo(
        out,
        isSnp(allele),
        'truth',
        isTrue,
        isTrue || called !== undefined,
        agreed.qualities.get(allele),
      );
      if (!isTrue) put('fn', allele, called);
    }
    for (const allele of calls.alleles) {
      const isTrue = agreed.calls.has(allele);
      const known = truth.keys.get(keyOf(allele));
      addTo(out, isSnp(allele), 'calls', isTrue, isTrue || known !== undefined, allele.qual);
      put(isTrue ? 'tp' : 'fp', allele, isTrue ? undefined : known);
    }
    return {
      ...out.result(),
      contigs: [{ name: part.name, length: stretch.sequence.length }],
      tp: await lines.tp.store(context),
      fp: await lines.fp.store(context),
      fn: await lines.fn.store(context),
    };
  } finally {
    await bases.close();
  }
}

const lettersOf = ({ codes, origin }: Bases, from: number, to: number): string =>
  Buffer.from(codes.buffer, codes.byteOffset + from - origin, Math.max(0, to - from))
    .toString('latin1')
    .toUpperCase();

/** Reads, moves and sorts the alleles of a side, those that count. */
async function readSide(
  all: readonly Stored[],
  { name }: Part,
  open: () => Bases,
  within: Confident,
  context: Pick<Context, 'get' | 'signal'>,
): Promise<Side> {
  const raw: { pos: number; ref: string; alt: string; dose: number; qual: number }[] = [];
  for (const stored of all) {
    const { pos, qual, dose, refLength, altLength, text } = allelesCodec.decode(await context.get(stored));
    const letters = Buffer.from(text.buffer, text.byteOffset, text.length).toString('latin1');
    let at = 0;
    for (let i = 0; i < pos.length; i++) {
      const [middle, end] = [at + refLength[i]!, at + refLength[i]! + altLength[i]!];
      raw.push({
        pos: pos[i]!,
        ref: letters.slice(at, middle),
        alt: letters.slice(middle, end),
        dose: dose[i]!,
        qual: qual[i]!,
      });
      at = end;
    }
  }
  raw.sort((a, b) => a.pos - b.pos);
  const bases = open();
  const moved: Allele[] = [];
  try {
    for (const { pos, ref, alt, dose, qual } of raw) {
      if (pos < 0) continue;
      if (pos + ref.length > bases.length)
        throw new BadInput(
          `VCF: ${name}:${pos + 1} ${ref.slice(0, 20)} ends behind base ${bases.length}, expected it within the sequence of the reference; give the reference of the calls`,
        );
      if (pos + ref.length > bases.end || bases.end === bases.origin) {
        context.signal.throwIfAborted();
        await bases.hold(Math.max(0, pos - sway), pos + ref.length + step);
      }
      const baseAt = (at: number): string =>
        String.fromCharCode(bases.codes[at - bases.origin] ?? 0x4e).toUpperCase();
      const placed = normalise(pos, [ref, alt], baseAt);
      if (!placed) continue;
      const [start, [shortRef, shortAlt]] = placed as readonly [number, readonly [string, string]];
      if (shortRef === shortAlt || !within.holds(plainName(name), start, start + shortRef.length)) continue;
      moved.push({ pos: start, ref: shortRef, alt: shortAlt, dose, qual });
    }
  } finally {
    await bases.close();
  }
  return sideOf(moved);
}

function lineOf(contig: string, { pos, ref, alt, dose, qual }: Allele, other: Allele | undefined): string {
  const info = other ? `OTHER=${other.dose}` : '.';
  const gt = dose === 2 ? '1/1' : '0/1';
  return `${contig}\t${pos + 1}\t.\t${ref}\t${alt}\t${Number.isNaN(qual) ? '.' : qual}\t.\t${info}\tGT\t${gt}\n`;
}
