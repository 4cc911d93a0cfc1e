/** Calls of a window in which alleles interfere: by the haplotypes that they make, and how likely these give the reads. */
import { type Call, callOf, gone } from './calls.ts';
import { countUnsure, type Rules } from './column.ts';
import { argmax, damped, genotypesOf, indelPrior, type Observation, prior, sumOf } from './genotypes.ts';
import { gapsOf } from './gaps.ts';
import { grouped } from './grouped.ts';
import {
  clipsOf,
  type Haplotypes,
  haplotypesOf,
  isReverse,
  reachOf,
  type Witness,
  witnessesOf,
} from './haplotypes.ts';
import type { Aligner } from './likelihoods.ts';
import { type Pool, queryAt } from './pool.ts';
import { type Edit, type Slice, spell } from './signals.ts';
import type { Window } from './windows.ts';

/** A read may always come from elsewhere: it says no more than this, or its mapping quality, against a haplotype. */
const mostDoubt = 4.5 * Math.LN10;
/** A read tells alleles apart where one is this much likelier. */
const margin = Math.LN2;
/** Genotypes of haplotypes that are looked at. */
const mostGenotypes = 4096;

/** `assembled`: edits that lie on one haplotype. */
export function callMixed(
  pool: Pool,
  slice: Slice,
  window: Window,
  assembled: readonly (readonly Edit[])[],
  rules: Rules,
  aligner: Aligner,
): Call[] {
  if (window.candidates.length === 0) return [];
  const reach = reachOf(window, slice);
  const witnesses = witnessesOf(pool, window, reach, slice, rules.isEvidence).filter(
    ({ bases }) => bases.length <= aligner.rows,
  );
  const found = haplotypesOf(pool, window, reach, slice, witnesses, assembled);
  if (found.all.length < 2 || found.all.some(({ codes }) => codes.length > aligner.columns)) return [];
  const table = aligner.likelihoods(
    witnesses,
    found.all.map(({ codes }) => codes),
    found.shift,
  );
  const width = found.all.length;
  const own = witnesses.map((witness, w) =>
    bounded(table.subarray(w * width, (w + 1) * width), pool.mapq[witness.read]!),
  );
  const genotypes = fewer(width, rules.ploidy);
  const bySample = Array.from({ length: rules.samples }, (_, s) =>
    genotypes.map((genotype) => likelihoodOf(genotype, witnesses, own, pool, s)),
  );
  const { slip } = gapsOf(slice.codes.subarray(window.from - slice.from, window.to + 1 - slice.from));
  const kinds = found.edits.map((edit) =>
    isBase(edit) ? prior.base : indelPrior(slip[Math.min(edit.pos - window.from, slip.length - 1)]!),
  );
  const expected = genotypes.map((genotype) => kinds.map((kind, e) => expectedOf(genotype, e, kind, found)));
  const best = bySample.map((likelihoods) =>
    argmax(likelihoods.map((one, g) => one + expected[g]!.reduce((sum, n) => sum + n, 0))),
  );
  const called = found.edits
    .map((_, e) => e)
    .filter((e) => best.some((g) => genotypes[g]!.some((h) => found.all[h]!.edits.includes(e))));
  const groups = grouped(called, (e) => placeOf(found.edits[e]!));
  const phase = Math.min(...called.map((e) => anchorOf(found.edits[e]!)));

  return [...groups.values()].flatMap((group) => {
    // Of each haplotype, what it has of the edits here: those of the called ones make the alleles.
    const sets = found.all.map(({ edits: has }) => group.filter((e) => has.includes(e)));
    const called = new Map(
      best.flatMap((g) => genotypes[g]!.map((h) => [sets[h]!.join(), sets[h]!] as const)),
    );
    called.delete('');
    const alts = [...called.values()].sort((a, b) => a[0]! - b[0]! || a.length - b.length || a[1]! - b[1]!);
    const names = ['', ...alts.map((set) => set.join())];
    const { pos, alleles } = spelled(
      alts.map((set) => set.map((e) => found.edits[e]!)),
      slice,
    );
    const isGone = found.all.map(
      ({ edits: has }, h) => sets[h]!.length === 0 && has.some((e) => isSpanned(found.edits[e]!, pos)),
    );
    const star = best.some((g) => genotypes[g]!.some((h) => isGone[h])) ? alleles.push(gone) - 1 : 0;
    const alleleOf = sets.map((set, h) => (isGone[h] ? star : names.indexOf(set.join())));
    const site = genotypesOf(alleles.length, rules.ploidy);
    const numbers = new Map(site.map((genotype, g) => [genotype.join(), g]));
    const likelihoods = bySample.map((likelihood) => {
      const lists = site.map((): number[] => []);
      genotypes.forEach((genotype, g) => {
        const key = genotype
          .map((h) => alleleOf[h]!)
          .sort((a, b) => a - b)
          .join();
        const rest = expected[g]!.reduce((sum, n, e) => (group.includes(e) ? sum : sum + n), 0);
        // A haplotype that nobody has may have no allele.
        lists[numbers.get(key) ?? -1]?.push(likelihood[g]! + rest);
      });
      return Float64Array.from(lists, (list) => (list.length > 0 ? sumOf(list) : -1e4));
    });
    const observations = observed(pool, witnesses, own, alleleOf, alleles.length, pos);
    const isPhased = groups.size > 1;
    const orders = best.map((g) => ({ alleles: genotypes[g]!.map((h) => alleleOf[h]!), phase }));
    const how = { ...rules, kind: kinds[group[0]!]! };
    const call = callOf(
      pos,
      alleles,
      likelihoods,
      observations,
      countUnsure(pool, pos),
      how,
      isPhased ? orders : undefined,
    );
    return call ? [call] : [];
  });
}

/** Likelihoods below the best one by no more than a read can be sure of. */
function bounded(row: Float64Array, mapq: number): Float64Array {
  const best = Math.max(...row);
  const doubt = Math.min(mostDoubt, (Math.max(1, mapq) * Math.LN10) / 10);
  return row.map((one) => Math.max(one, best - doubt));
}

/** All genotypes of haplotypes, or those of the first ones. */
function fewer(haplotypes: number, ploidy: number): number[][] {
  for (let width = haplotypes; ; width--) {
    let count = 1;
    for (let k = 1; k <= ploidy; k++) count = (count * (width + k - 1)) / k;
    if (count <= mostGenotypes || width === 2) return genotypesOf(width, ploidy);
  }
}

/** How likely a genotype gives the reads of a sample; what does not fit is damped, by strand. */
function likelihoodOf(
  genotype: readonly number[],
  witnesses: readonly Witness[],
  own: readonly Float64Array[],
  pool: Pool,
  sample: number,
): number {
  let total = 0;
  const misfits: [number[], number[]] = [[], []];
  const share = Math.log(1 / genotype.length);
  witnesses.forEach(({ read }, w) => {
    if (pool.sample[read] !== sample) return;
    const row = own[w]!;
    let sum = 0;
    const best = Math.max(...row);
    for (const h of genotype) sum += Math.exp(row[h]! - best);
    const log = Math.log(sum) + share;
    if (log >= share) total += best + log;
    else {
      total += best;
      misfits[isReverse(pool, read) ? 1 : 0].push(log);
    }
  });
  for (const list of misfits) list.sort((a, b) => a - b).forEach((misfit, k) => (total += damped(misfit, k)));
  return total;
}

/** What is expected of an edit in a genotype. */
function expectedOf(genotype: readonly number[], edit: number, kind: number, { all }: Haplotypes): number {
  let copies = 0;
  for (const h of genotype) if (all[h]!.edits.includes(edit)) copies++;
  if (copies === 0) return 0;
  return kind + (copies === genotype.length && copies > 1 ? prior.same : 0);
}

const isBase = ({ size, bases }: Edit): boolean => size === 1 && bases.length === 1;
/** Whether VCF shows it with the base before: an insertion or a deletion. */
const isAnchored = ({ size, bases }: Edit): boolean => size === 0 || bases === '';
/** Whether a deletion leaves nothing of a position. */
const isSpanned = ({ pos, size, bases }: Edit, at: number): boolean =>
  size > bases.length && pos <= at && at < pos + size;
const anchorOf = (edit: Edit): number => (isAnchored(edit) ? Math.max(0, edit.pos - 1) : edit.pos);
const placeOf = (edit: Edit): string => `${anchorOf(edit)}${isAnchored(edit)}`;

/** The alleles that edits with one anchor make, those of an allele in order, and where VCF has them. */
export function spelled(
  alts: readonly (readonly Edit[])[],
  { codes, from }: Slice,
): { pos: number; alleles: string[] } {
  const pos = anchorOf(alts[0]![0]!);
  // Before the first base of a contig there is none: the one behind takes its place.
  const end = Math.max(
    pos + 1,
    ...alts.flat().map((edit) => edit.pos + edit.size + (edit.pos === pos && isAnchored(edit) ? 1 : 0)),
  );
  const ref = spell(codes, pos - from, end - from);
  const spellOf = (edits: readonly Edit[]): string => {
    let [text, at] = ['', pos];
    for (const edit of edits) {
      text += ref.slice(at - pos, edit.pos - pos) + edit.bases;
      at = edit.pos + edit.size;
    }
    return text + ref.slice(at - pos);
  };
  // Bases that all begin or end with are not needed, as long as one is left: an insertion and a deletion may have moved apart.
  let [alleles, start] = [[ref, ...alts.map(spellOf)], pos];
  const share = (at: number): boolean =>
    alleles.every((allele) => allele.length > 1 && allele.at(at) === alleles[0]!.at(at));
  while (share(-1)) alleles = alleles.map((allele) => allele.slice(0, -1));
  for (; share(0); start++) alleles = alleles.map((allele) => allele.slice(1));
  return { pos: start, alleles };
}

function observed(
  pool: Pool,
  witnesses: readonly Witness[],
  own: readonly Float64Array[],
  alleleOf: readonly number[],
  alleles: number,
  pos: number,
): Observation[] {
  return witnesses.flatMap(({ read }, w): Observation[] => {
    const best = new Float64Array(alleles).fill(-Infinity);
    own[w]!.forEach((one, h) => {
      const allele = alleleOf[h]!;
      if (allele >= 0) best[allele] = Math.max(best[allele]!, one);
    });
    const first = argmax(best);
    const isSure = best.every((one, a) => a === first || best[first]! - one > margin);
    // Of reads that lie there with what is clipped of them, those count that tell.
    const { before, behind } = clipsOf(pool, read);
    const isOver = pool.pos[read]! <= pos + 1 && pool.end[read]! > pos;
    const isNear = pool.pos[read]! - before <= pos + 1 && pool.end[read]! + behind > pos;
    if (!isOver && !(isSure && isNear)) return [];
    const query = queryAt(pool, read, pos);
    const place = query < 0 ? -1 - query : query;
    return [
      {
        read,
        sample: pool.sample[read]!,
        allele: isSure ? first : -1,
        isReverse: isReverse(pool, read),
        mapq: pool.mapq[read]!,
        quality: pool.quals[pool.base[read]! + Math.min(place, pool.length[read]! - 1)] ?? 0,
        distance: Math.max(0, Math.min(place, pool.length[read]! - 1 - place)),
      },
    ];
  });
}
