/** Records with their alleles moved left, and each alternate allele on its own if wanted (bcftools norm, 1.16). */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset, Source } from '../../core/job.ts';
import { choice, flag, type Values } from '../../core/params.ts';
import {
  asLetters,
  type Bases,
  type FastaIndex,
  openBases,
  type Stretch,
  stretchAt,
} from '../formats/fasta.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import type { Range } from '../formats/textlines.ts';
import { eachRecord, type TakeLine } from '../formats/vcffile.ts';
import { collectLines } from '../formats/vcfwriter.ts';
import { readLine, textOf } from '../kernels/vcfline.ts';
import { normalise } from '../kernels/normalise.ts';
import { withVcfTable } from '../kernels/vcftable.ts';
import type { Kept } from './filter.ts';
import { type Row, splitRow } from './split.ts';

export const params = {
  biallelic: flag('a record for each alternate allele'),
  join: choice(
    ['no', 'both', 'any'],
    'records of one place as one: not; substitutions, and apart from them all others; all',
  ),
  'check-ref': choice(
    ['error', 'exclude', 'ignore'],
    'of records whose REF is not that of the reference: tell the first one and end; leave them out; leave them as they are',
  ),
};
export type Params = Values<typeof params>;

export type Inputs = { readonly variants: readonly [Dataset]; readonly reference: readonly [Dataset] };
/** By contig, where the reference lies from every `step` bases on. */
export type Part = Range & { readonly reference: { readonly [contig: string]: readonly Stretch[] } };

/** Bases between two places of the reference that are known. */
const step = 16_000_000;
/** Bases that an allele may move to the left, at most; and those that are read ahead. */
const [sway, ahead] = [10_000, 1 << 16];

/** The places of all contigs that the VCF may name. */
export function placesOf(fasta: FastaIndex, contigs: ReadonlyMap<string, unknown>): Part['reference'] {
  const names = [...fasta.sequences.keys()].filter((name) => contigs.size === 0 || contigs.has(name));
  return Object.fromEntries(
    names.map((name) => {
      const sequence = fasta.sequences.get(name)!;
      const count = Math.max(1, Math.ceil(sequence.length / step));
      return [name, Array.from({ length: count }, (_, i) => stretchAt(sequence, fasta.blocks, i * step))];
    }),
  );
}

export async function normalisePart(
  part: Part,
  { variants: [file], reference: [fasta] }: Inputs,
  given: Params,
  context: Context,
): Promise<Kept> {
  const heading = await vcfHeadingOf(file, context);
  const { header } = heading;
  const rows: Row[] = [];
  let records = 0;
  const take: TakeLine = (line) => {
    const fault = readLine(line, header.samples.length);
    if (fault) return fault;
    records++;
    // What stands behind FORMAT stays one text: there may be thousands of samples.
    const { bytes, at, end } = line;
    const edge = header.samples.length > 0 ? at[9]! - 1 : end;
    const row = textOf(bytes, at[0]!, edge).split('\t');
    if (edge < end) row.push(textOf(bytes, edge + 1, end));
    rows.push(...(given.biallelic ? splitRow(row, header) : [row]));
    return undefined;
  };
  const source = await context.open(file);
  await withVcfTable(context, (table) =>
    eachRecord(source, file.uri, part, heading, table, context.signal, take),
  );
  const reference = openReference(await context.open(fasta), fasta.uri, part.reference, context.signal);
  const placed: { readonly row: Row; readonly pos: number; readonly contig: number }[] = [];
  const contigs: string[] = [];
  try {
    for (const row of rows) {
      const moved = await moveLeft(row, reference, given, file.uri);
      if (!moved) continue;
      const name = moved[0]!;
      if (contigs.at(-1) !== name && !contigs.includes(name)) contigs.push(name);
      placed.push({ row: moved, pos: Number(moved[1]), contig: contigs.indexOf(name) });
    }
  } finally {
    await reference.close();
  }
  // Those of one place stay as they came.
  placed.sort((a, b) => a.contig - b.contig || a.pos - b.pos);
  const lines = collectLines();
  for (const { row, pos, contig } of placed)
    lines.add(contig, Math.max(0, pos - 1), Math.max(1, lastOf(row, pos)), `${row.join('\t')}\n`);
  return { records, contigs, ...(await lines.store(context)) };
}

function lastOf(row: Row, pos: number): number {
  const end = Number(/(?:^|;)END=(\d+)/.exec(row[7]!)?.[1] ?? NaN);
  return end >= pos ? end : pos + row[3]!.length - 1;
}

type Reference = {
  /** Base `pos` of a contig, held before. */
  hold(contig: string, from: number, to: number): Promise<Bases | undefined>;
  close(): Promise<void>;
};

/** Windows over contigs, which mostly move on. */
function openReference(
  source: Source,
  name: string,
  places: Part['reference'],
  signal: AbortSignal,
): Reference {
  let at: { readonly contig: string; readonly bases: Bases } | undefined;
  return {
    async hold(contig, from, to) {
      const stretches = places[contig];
      if (!stretches) return undefined;
      if (at?.contig !== contig || from < at.bases.origin || from > at.bases.end + step) {
        await at?.bases.close();
        const stretch = stretches[Math.min(stretches.length - 1, Math.floor(from / step))]!;
        at = { contig, bases: openBases(source, name, stretch, signal, asLetters) };
      }
      if (to > at.bases.end) await at.bases.hold(from, to + ahead);
      return at.bases;
    },
    close: async () => at?.bases.close(),
  };
}

const letters = /^[ACGTNacgtn]+$/;

/** The row with its alleles moved; undefined where it is left out. @throws BadInput for a REF that is not the reference's */
async function moveLeft(
  row: Row,
  reference: Reference,
  given: Params,
  file: string,
): Promise<Row | undefined> {
  const [contig, pos, , ref, alt] = row as unknown as [string, string, string, string, string];
  const start = Number(pos) - 1;
  if (start < 0)
    throw new BadInput(
      `VCF: ${contig}:${pos} of ${file} lies before the first base (a telomere), expected 1 or more; leave it out, say with genomics/vcf-filter --include 'POS>0'`,
    );
  const bases = await reference.hold(contig, Math.max(0, start - sway), start + ref.length);
  if (!bases)
    throw new BadInput(
      `VCF: ${contig}:${pos} of ${file} is of a contig that the reference does not have, expected one of it; give the reference of the calls`,
    );
  // Behind the contig's end there is none.
  const known = bases.codes.subarray(
    start - bases.origin,
    Math.min(start + ref.length, bases.end) - bases.origin,
  );
  const found = Buffer.from(known.buffer, known.byteOffset, known.length).toString('latin1');
  if (!isLike(ref, found)) {
    if (given['check-ref'] === 'exclude') return undefined;
    if (given['check-ref'] === 'ignore') return row;
    throw new BadInput(
      `VCF: REF of ${contig}:${pos} of ${file} is ${JSON.stringify(ref.slice(0, 40))}, expected ${JSON.stringify(found.slice(0, 40))} as the reference has; give the reference of the calls, or --check-ref exclude`,
    );
  }
  const alts = alt === '.' ? [] : alt.split(',');
  // What is no sequence of bases has no other place.
  if (!letters.test(ref) || alts.some((one) => !letters.test(one))) return row;
  const upper = [ref, ...alts].map((one) => one.toUpperCase());
  if (new Set(upper).size < upper.length) return row;
  const moved = normalise(start, upper, (at) =>
    String.fromCharCode(bases.codes[at - bases.origin] ?? 0x4e).toUpperCase(),
  );
  if (!moved) return row;
  const [to, [newRef, ...newAlts]] = moved;
  if (to === start && newRef!.length === ref.length) return row;
  return [contig, String(to + 1), row[2]!, newRef!, newAlts.join(',') || '.', ...row.slice(5)];
}

/** The letters of the reference that are no bases may be any. */
function isLike(ref: string, found: string): boolean {
  if (ref.length !== found.length) return false;
  const [a, b] = [ref.toUpperCase(), found.toUpperCase()];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && 'ACGT'.includes(b[i]!)) return false;
  return true;
}
