/** Collects all reports of a part in one pass. */
import type { Context } from '../../core/job.ts';
import { openBases } from '../formats/fasta.ts';
import type { Reading } from '../formats/placed.ts';
import type { Measured } from './mosdepth.ts';
import { createBedcov } from './bedcov.ts';
import { createCoverage } from './coverage.ts';
import { createDepth } from './depth.ts';
import { createFlagstat } from './flagstat.ts';
import { createIdxstats } from './idxstats.ts';
import { createMosdepth } from './mosdepth.ts';
import type { Reports } from './result.ts';
import { type Part, scan, type Visitor } from './scan.ts';
import type { Wanted } from './wanted.ts';
import { isSame, looseReports, rulesOf, type Params, type ReportName, type Settings } from './settings.ts';
import { createFusedCycles } from '../stats/cycles.ts';
import { createStats, type OpenReference } from './stats.ts';
import { createSpread, type Listener } from './spread.ts';

/** `measured` is what the mosdepth family measures. */
export type Run = {
  readonly settings: Settings;
  readonly given: Params;
  readonly measured: Measured;
  readonly reading: Reading;
  readonly wanted: Wanted | undefined;
};

export async function collect(
  part: Part,
  { settings, given, measured, reading, wanted }: Run,
  context: Pick<Context, 'put' | 'signal' | 'module'>,
): Promise<Reports> {
  const { bases } = settings;
  const { bed, name } = measured;
  const reports = part.loose ? looseReports(given, name, part.loose.kind) : settings.reports;
  const cycles = reports.has('stats') ? createFusedCycles(await context.module('cycles')) : undefined;
  const visitors: Visitor[] = [];
  const asked = <T extends Visitor>(report: ReportName, create: () => T | null): T | null => {
    const visitor = reports.has(report) ? create() : null;
    if (visitor) visitors.push(visitor);
    return visitor;
  };
  const flagstat = asked('flagstat', createFlagstat);
  const idxstats = asked('idxstats', createIdxstats);
  const coverage = asked('coverage', () => createCoverage(bases, wanted?.locus));
  const stats = asked('stats', () =>
    createStats(rulesOf(given), openerOf(part, reading), part.loose !== null, cycles!, context),
  );
  const bedcov = asked('bedcov', () => (bed ? createBedcov(bases, bed, given['skip-deletions']) : null));
  const mosdepth = asked('mosdepth', () => createMosdepth(part, measured, context));
  const depth = reports.has('depth') ? createDepth(context, wanted) : null;

  const spread = (
    hasUnmapped: boolean,
    once: boolean,
    listeners: readonly (Listener | null | undefined)[],
  ): void => {
    const all = listeners.filter((listener) => listener !== null && listener !== undefined);
    if (all.length > 0) visitors.push(createSpread({ filter: bases, hasUnmapped, once }, all));
  };
  if (isSame(settings, given)) spread(false, false, [coverage?.listener, depth]);
  else {
    spread(false, false, [coverage?.listener]);
    spread(true, given.once, [depth]);
  }

  const records = await scan(part, reading, visitors, wanted);
  return {
    records,
    flagstat: flagstat?.build() ?? null,
    idxstats: idxstats?.build() ?? null,
    coverage: coverage?.build() ?? null,
    stats: (await stats?.build()) ?? null,
    depth: (await depth?.build()) ?? null,
    bedcov: bedcov?.build() ?? null,
    mosdepth: (await mosdepth?.build()) ?? null,
  };
}

/** Opens the references of a part's contigs. */
function openerOf(part: Part, { reference, signal }: Reading): OpenReference | undefined {
  if (!reference || !part.reference) return undefined;
  const { source, name } = reference;
  const stretches = new Map(part.contigs.map(([id], i) => [id, part.reference![i] ?? null]));
  return (contig) => {
    const stretch = stretches.get(contig);
    return stretch ? openBases(source, name, stretch, signal) : undefined;
  };
}
