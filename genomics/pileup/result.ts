/** What a part piles up: text in the store, and what its writer must know. */
import type { Context, Dataset, Output, Stored } from '../../core/job.ts';
import { bedOf, headerOf } from '../coverage/contigs.ts';
import { parseLocus } from '../formats/locus.ts';
import { createDepths, createPiler } from '../kernels/pileup.ts';
import { createRows, type Text } from '../kernels/pilerows.ts';
import type { Part } from './plan.ts';
import { createRegions, type Regions } from './regions.ts';
import { pileRun } from './scan.ts';
import { type Params, rulesOf } from './settings.ts';

/** Rows; those of a contig from 0 on are written only if it has reads. */
type Rows = { readonly stored: Stored; readonly contig: number };

export type Pileup = {
  readonly records: number;
  readonly rows: readonly Rows[];
  /** Contigs with reads that count. */
  readonly seen: Int32Array<ArrayBuffer>;
};

/** Bytes of text that a kernel holds before they go to the store. */
const pieceSize = 4 << 20;

type Inputs = {
  readonly reads: readonly [Dataset];
  readonly reference?: readonly [Dataset];
  readonly positions?: readonly [Dataset];
};

/** Piles up a part. */
export async function collectPileup(
  part: Part,
  { reads: [reads], reference, positions }: Inputs,
  given: Params,
  context: Context,
): Promise<Pileup> {
  const { contigs } = await headerOf(reads, context);
  const bed = positions && (await bedOf(positions[0], context));
  const locus = given.region === '' ? undefined : parseLocus(given.region, contigs, reads.uri);
  const piler = createPiler(rulesOf(given));
  const depths = createDepths();
  const isWhole = given.all;
  const writer = createRows(piler.stack, depths, {
    quality: given.baseq,
    isWhole,
    mapq: given['output-mapq'],
  });

  const rows: Promise<Rows>[] = [];
  const seen = new Set<number>();
  const text: Text = { bytes: new Uint8Array(0), fill: 0 };
  let owner = -1;
  const flush = async (): Promise<void> => {
    if (text.fill === 0) return;
    const contig = owner;
    const waiting = context
      .put(text.bytes.subarray(0, text.fill))
      .then((stored): Rows => ({ stored, contig }));
    rows.push(waiting);
    // The bytes may have moved away.
    text.bytes = new Uint8Array(0);
    text.fill = 0;
    await waiting;
  };

  const regions = new Map<number, Regions | undefined>();
  const regionsOf = (id: number): Regions | undefined => {
    if (!regions.has(id)) {
      const listed = bed?.contigs.get(contigs[id]!.name);
      regions.set(id, bed && createRegions(listed));
    }
    return regions.get(id);
  };
  const asked = locus && createRegions({ start: Uint32Array.of(locus.from), end: Uint32Array.of(locus.to) });
  let name = new Uint8Array(0);
  let named = -1;
  let records = 0;
  for (const run of part.runs)
    records += await pileRun(run, {
      source: await context.open(reads),
      name: reads.uri,
      contigs,
      reference: reference && { source: await context.open(reference[0]), name: reference[0].uri },
      signal: context.signal,
      piler,
      depths,
      isWhole,
      // With all positions reads count wherever they lie.
      regionsOf: (id) => asked ?? (isWhole ? undefined : regionsOf(id)),
      async show({ id }, window, letters) {
        if (isWhole && owner !== id) {
          await flush();
          owner = id;
        }
        if (named !== id) {
          name = new TextEncoder().encode(contigs[id]!.name);
          named = id;
        }
        if (isWhole && depths.depth.subarray(0, window.to - window.from).some((depth) => depth > 0))
          seen.add(id);
        const wanted = regionsOf(id)?.mark(window.from, window.to);
        if (text.bytes.length === 0) text.bytes = new Uint8Array(pieceSize + (1 << 20));
        writer.write(text, name, window, letters, wanted);
        if (text.fill >= pieceSize) await flush();
      },
    });
  await flush();
  return { records, rows: await Promise.all(rows), seen: Int32Array.from(seen) };
}

export const joinPileups = (all: readonly Pileup[]): Pileup => ({
  records: all.reduce((sum, { records }) => sum + records, 0),
  rows: all.flatMap(({ rows }) => rows),
  seen: Int32Array.from(new Set(all.flatMap(({ seen }) => [...seen]))),
});

export async function writePileup(
  { rows, seen }: Pileup,
  output: Output,
  _reads: Dataset,
  _given: Params,
  _context: Context,
): Promise<void> {
  const sink = await output.file();
  const known = new Set(seen);
  for (const { stored, contig } of rows) if (contig < 0 || known.has(contig)) await sink.append(stored);
}
