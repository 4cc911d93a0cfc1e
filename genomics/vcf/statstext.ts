/** The text of `bcftools stats`, as version 1.16 writes it of one file. */
import { fixed } from '../formats/decimal.ts';
import { deepest, entriesOf, longest, type Stats, sumAt } from './stats.ts';
import { frequencyBins, hetBins, qualityOf } from './tally.ts';

const f32 = Math.fround;
const bases = 'ACGT';
/** A quotient as single precision gives it, 0 where there is nothing to divide by. */
const ratio = (part: number, whole: number, digits: number): string =>
  fixed(whole === 0 ? 0 : f32(part / whole), digits);

const summary = `# SN, Summary numbers:
#   number of records   .. number of data rows in the VCF
#   number of no-ALTs   .. reference-only sites, ALT is either "." or identical to REF
#   number of SNPs      .. number of rows with a SNP
#   number of MNPs      .. number of rows with a MNP, such as CC>TT
#   number of indels    .. number of rows with an indel
#   number of others    .. number of rows with other type, for example a symbolic allele or
#                          a complex substitution, such as ACT>TCGA
#   number of multiallelic sites     .. number of rows with multiple alternate alleles
#   number of multiallelic SNP sites .. number of rows with multiple alternate alleles, all SNPs
#${' '}
#   Note that rows containing multiple types will be counted multiple times, in each
#   counter. For example, a row with a SNP and an indel increments both the SNP and
#   the indel counter.
#${' '}
# SN\t[2]id\t[3]key\t[4]value`;

const repeats = '[8]repeat-consistent\t[9]repeat-inconsistent\t[10]not applicable';

/**
 * Lines of the text, without their ends. `file`: what the file is called; `wanted`: samples that were counted, of `samples` that the file has.
 */
export function* vcfStatsText(
  stats: Stats,
  file: string,
  samples: number,
  wanted: readonly string[],
): Generator<string> {
  const { totals } = stats;
  // MultiQC knows the file by these words, and the sample by the line ID.
  yield '# This file was produced by bcftools stats (version 1.16, as servermix writes it) and can be plotted using plot-vcfstats.';
  yield '# The command line was:\tbcftools stats';
  yield '#';
  yield '# Definition of sets:';
  yield '# ID\t[2]id\t[3]tab-separated file names';
  yield `ID\t0\t${file}`;
  yield summary;
  const numbers: readonly (readonly [string, number])[] = [
    ['samples', samples],
    ['records', totals.records],
    ['no-ALTs', totals.noAlts],
    ['SNPs', totals.snps],
    ['MNPs', totals.mnps],
    ['indels', totals.indels],
    ['others', totals.others],
    ['multiallelic sites', totals.multiallelic],
    ['multiallelic SNP sites', totals.multiallelicSnps],
  ];
  for (const [what, value] of numbers) yield `SN\t0\tnumber of ${what}:\t${value}`;
  yield* frequencies(stats, samples);
  yield* qualities(stats);
  yield* indels(stats, wanted.length > 0);
  yield '# ST, Substitution types:';
  yield '# ST\t[2]id\t[3]type\t[4]count';
  const substitutions = entriesOf(stats.histograms.substitutions);
  for (let key = 0; key < 15; key++)
    if (key >> 2 !== (key & 3))
      yield `ST\t0\t${bases[key >> 2]}>${bases[key & 3]}\t${substitutions.get(key) ?? 0}`;
  yield* depths(stats);
  if (wanted.length === 0) return;
  yield* bySample(stats, wanted);
  yield* hets(stats, samples);
}

function* frequencies({ totals, histograms }: Stats, samples: number): Generator<string> {
  const [snps, transitions, transversions, indel] = [
    entriesOf(histograms.afSnps),
    entriesOf(histograms.afTransitions),
    entriesOf(histograms.afTransversions),
    entriesOf(histograms.afIndels),
  ] as const;
  const sum = (counts: ReadonlyMap<number, number>): number =>
    [...counts.values()].reduce((all, n) => all + n, 0);
  const [ts, tv] = [sum(transitions), sum(transversions)];
  const { transitionsFirst: ts1, transversionsFirst: tv1 } = totals;
  yield '# TSTV, transitions/transversions:';
  yield '# TSTV\t[2]id\t[3]ts\t[4]tv\t[5]ts/tv\t[6]ts (1st ALT)\t[7]tv (1st ALT)\t[8]ts/tv (1st ALT)';
  yield `TSTV\t0\t${ts}\t${tv}\t${ratio(ts, tv, 2)}\t${ts1}\t${tv1}\t${ratio(ts1, tv1, 2)}`;
  const row = (bin: number): number[] => {
    // Indels count as those whose repeats were not looked at.
    const n = indel.get(bin) ?? 0;
    return [snps, transitions, transversions].map((counts) => counts.get(bin) ?? 0).concat(n, 0, 0, n);
  };
  yield '# SiS, Singleton stats:';
  yield `# SiS\t[2]id\t[3]allele count\t[4]number of SNPs\t[5]number of transitions\t[6]number of transversions\t[7]number of indels\t${repeats}`;
  yield `SiS\t0\t1\t${row(0).join('\t')}`;
  yield '# AF, Stats by non-reference allele frequency:';
  yield `# AF\t[2]id\t[3]allele frequency\t[4]number of SNPs\t[5]number of transitions\t[6]number of transversions\t[7]number of indels\t${repeats}`;
  const bins = frequencyBins(samples);
  for (let bin = 1; bin < bins; bin++) {
    // Those seen once count as the rarest here.
    const counts = bin === 1 ? row(1).map((n, i) => n + row(0)[i]!) : row(bin);
    if (counts.some((n) => n > 0)) yield `AF\t0\t${fixed((bin - 1) / (bins - 1), 6)}\t${counts.join('\t')}`;
  }
}

function* qualities({ histograms }: Stats): Generator<string> {
  yield '# QUAL, Stats by quality';
  yield '# QUAL\t[2]id\t[3]Quality\t[4]number of SNPs\t[5]number of transitions (1st ALT)\t[6]number of transversions (1st ALT)\t[7]number of indels';
  const [ts, tv, indel] = [
    entriesOf(histograms.qualTransitions),
    entriesOf(histograms.qualTransversions),
    entriesOf(histograms.qualIndels),
  ] as const;
  const bins = [...new Set([...ts.keys(), ...tv.keys(), ...indel.keys()])].toSorted((a, b) => a - b);
  for (const bin of bins) {
    const [a, b, c] = [ts.get(bin) ?? 0, tv.get(bin) ?? 0, indel.get(bin) ?? 0];
    const quality = qualityOf(bin);
    yield `QUAL\t0\t${Number.isNaN(quality) ? '.' : fixed(f32(quality), 1)}\t${a + b}\t${a}\t${b}\t${c}`;
  }
}

function* indels({ histograms, fractions }: Stats, hasGenotypes: boolean): Generator<string> {
  yield '# IDD, InDel distribution:';
  yield '# IDD\t[2]id\t[3]length (deletions negative)\t[4]number of sites\t[5]number of genotypes\t[6]mean VAF';
  const [insertions, deletions, genotypes] = [
    entriesOf(histograms.insertions),
    entriesOf(histograms.deletions),
    entriesOf(histograms.fractions),
  ] as const;
  for (let growth = -longest; growth <= longest; growth++) {
    const sites = (growth < 0 ? deletions : insertions).get(Math.abs(growth));
    if (sites === undefined) continue;
    const n = hasGenotypes ? (genotypes.get(growth) ?? 0) : 0;
    yield `IDD\t0\t${growth}\t${sites}\t${n}\t${n > 0 ? fixed(sumAt(fractions, longest + growth) / n, 2) : '.'}`;
  }
}

function* depths({ histograms }: Stats): Generator<string> {
  yield '# DP, Depth distribution';
  yield '# DP\t[2]id\t[3]bin\t[4]number of genotypes\t[5]fraction of genotypes (%)\t[6]number of sites\t[7]fraction of sites (%)';
  const { depthGenotypes, depthSites } = histograms;
  const [genotypes, sites] = [entriesOf(depthGenotypes), entriesOf(depthSites)] as const;
  const sum = (counts: Float64Array): number => counts.reduce((all, n) => all + n, 0);
  const [allGenotypes, allSites] = [sum(depthGenotypes.counts), sum(depthSites.counts)];
  const share = (n: number, all: number): string => `${n}\t${fixed(all === 0 ? 0 : (n * 100) / all, 6)}`;
  for (const bin of [...new Set([...genotypes.keys(), ...sites.keys()])].toSorted((a, b) => a - b)) {
    const name = bin < 0 ? '<0' : bin > deepest ? `>${deepest}` : bin;
    yield `DP\t0\t${name}\t${share(genotypes.get(bin) ?? 0, allGenotypes)}\t${share(sites.get(bin) ?? 0, allSites)}`;
  }
}

function* bySample({ samples: by }: Stats, wanted: readonly string[]): Generator<string> {
  yield '# PSC, Per-sample counts. Note that the ref/het/hom counts include only SNPs, for indels see PSI. The rest include both SNPs and indels.';
  yield '# PSC\t[2]id\t[3]sample\t[4]nRefHom\t[5]nNonRefHom\t[6]nHets\t[7]nTransitions\t[8]nTransversions\t[9]nIndels\t[10]average depth\t[11]nSingletons\t[12]nHapRef\t[13]nHapAlt\t[14]nMissing';
  for (const [i, name] of wanted.entries()) {
    const [homs, depth, rest] = [
      [by.homRef, by.homAlt, by.het, by.transitions, by.transversions, by.indels],
      ratio(f32(by.depth[i]!), f32(by.depths[i]!), 1),
      [by.singletons, by.hapRef, by.hapAlt, by.missing],
    ] as const;
    const at = (columns: readonly Float64Array[]): string => columns.map((column) => column[i]!).join('\t');
    yield `PSC\t0\t${name}\t${at(homs)}\t${depth}\t${at(rest)}`;
  }
  yield '# PSI, Per-Sample Indels. Note that alt-het genotypes with both ins and del allele are counted twice, in both nInsHets and nDelHets.';
  yield '# PSI\t[2]id\t[3]sample\t[4]in-frame\t[5]out-frame\t[6]not applicable\t[7]out/(in+out) ratio\t[8]nInsHets\t[9]nDelHets\t[10]nInsAltHoms\t[11]nDelAltHoms';
  for (const [i, name] of wanted.entries())
    yield `PSI\t0\t${name}\t0\t0\t0\t0.00\t${by.insertionHets[i]}\t${by.deletionHets[i]}\t${by.insertionHoms[i]}\t${by.deletionHoms[i]}`;
}

/** Quartiles of how many genotypes are heterozygous, by frequency of the first alternate allele. */
function* hets({ histograms }: Stats, samples: number): Generator<string> {
  yield '# HWE';
  yield '# HWE\t[2]id\t[3]1st ALT allele frequency\t[4]Number of observations\t[5]25th percentile\t[6]median\t[7]75th percentile';
  const rows = new Map<number, Float64Array>();
  for (const [key, count] of entriesOf(histograms.hets)) {
    // Alleles seen once count as the rarest.
    const bin = Math.max(1, Math.floor(key / hetBins));
    const row = rows.get(bin) ?? new Float64Array(hetBins);
    row[key % hetBins]! += count;
    rows.set(bin, row);
  }
  for (const [bin, row] of [...rows].toSorted(([a], [b]) => a - b)) {
    const all = row.reduce((sum, n) => sum + n, 0);
    const quantile = (part: number): string => {
      let sum = 0;
      const at = row.findIndex((n) => f32((sum += n) / all) >= part);
      return fixed(f32(at / hetBins), 6);
    };
    const frequency = fixed((bin - 1) / (frequencyBins(samples) - 1), 6);
    yield `HWE\t0\t${frequency}\t${all}\t${quantile(0.25)}\t${quantile(0.5)}\t${quantile(0.75)}`;
  }
}
