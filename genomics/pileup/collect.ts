/** Piles up a part. */
import type { Context, Dataset } from '../../core/job.ts';
import { parseLocus } from '../formats/locus.ts';
import { openReading } from '../formats/placed.ts';
import { bedOf, headingOf } from '../formats/remembered.ts';
import type { Letters } from '../kernels/pilerows.ts';
import { createDepths, createPiler, type Window } from '../kernels/pileup.ts';
import type { Part, Piece } from './plan.ts';
import { createRegions, type Regions } from '../formats/regions.ts';
import type { Pileup } from './result.ts';
import { pileRun } from './scan.ts';
import { type Params, rulesOf } from './settings.ts';
import { createTable } from './table.ts';
import { createText } from './text.ts';

export type Inputs = {
  readonly reads: readonly Dataset[];
  readonly reference?: readonly [Dataset];
  readonly positions?: readonly [Dataset];
};

export async function collect(
  part: Part,
  { reads, reference, positions }: Inputs,
  given: Params,
  context: Context,
): Promise<Pileup> {
  const [first] = reads;
  const { contigs } = (await headingOf(first!, context)).header;
  const bed = positions && (await bedOf(positions[0], context));
  const piler = createPiler(rulesOf(given));
  const { stack } = piler;
  const depths = createDepths();
  const rules = { quality: given.baseq, isWhole: given.all, mapq: given['output-mapq'] };
  const maker =
    given.format === 'text'
      ? await createText(stack, depths, rules, contigs, context)
      : createTable(stack, depths, rules, context);

  const known = new Map<number, Regions>();
  const listed = (id: number): Regions | undefined => {
    if (bed && !known.has(id)) known.set(id, createRegions(bed.contigs.get(contigs[id]!.name)));
    return known.get(id);
  };
  const locus = given.region === '' ? undefined : parseLocus(given.region, contigs, first!.uri);
  const asked = locus && createRegions({ start: Uint32Array.of(locus.from), end: Uint32Array.of(locus.to) });
  const seen = new Set<number>();
  const scanning = {
    reading: await openReading(reads, reference?.[0], true, context, await context.module('scan')),
    contigs,
    piler,
    depths,
    isWhole: given.all,
    // Where all positions have rows, reads count wherever they lie.
    regionsOf: (id: number) => asked ?? (given.all ? undefined : listed(id)),
    show({ id }: Piece, window: Window, letters: Letters): void | Promise<void> {
      if (given.all && !seen.has(id) && depths.depth.subarray(0, window.to - window.from).some((n) => n > 0))
        seen.add(id);
      return maker.show(id, window, letters, listed(id)?.mark(window.from, window.to));
    },
  };
  let records = 0;
  for (const run of part.runs) records += await pileRun(run, scanning);
  return { records, rows: await maker.build(), seen: Int32Array.from(seen) };
}
