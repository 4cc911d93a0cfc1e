/** synthetic/cohort: variants of many samples as a table of genotypes, with how often each allele was drawn as the truth. */
import { canonical } from '../core/json.ts';
import { choice, integer } from '../core/params.ts';
import type { Values } from '../core/params.ts';
import { createIndex } from '../genomics/formats/binning.ts';
import { bgzip } from '../genomics/formats/bgzip.ts';
import { vcfLayout } from '../genomics/index/preset.ts';
import { defineGenerator } from './generator.ts';
import { type Random, random } from './random.ts';
import { release, type Release } from './release.ts';

const contigs = [
  ['chr1', 40_000_000],
  ['chr2', 30_000_000],
] as const;

const bases = 'ACGT';

const params = {
  samples: integer(100, 'people', { min: 1, max: 100_000 }),
  sites: integer(10_000, 'records of all contigs together', { min: 1, max: 10_000_000 }),
  fields: choice(['all', 'gt'], 'of each genotype: all: GT:AD:DP:GQ:PL; gt: GT alone, phased'),
  seed: integer(1, 'what everything is drawn from', { min: 0 }),
};

/** Writes cohort.vcf.gz, its .tbi, and truth.json. Each record is drawn by its number; memory does not grow with them. */
export const cohort = defineGenerator({
  name: 'synthetic/cohort',
  doc: 'Variants of many samples: bgzipped VCF 4.3 with genotypes, several alleles, missing and haploid calls, and counts',
  params,
  async make(folder, values, report) {
    return release(folder, (files) => simulate(files, values, report));
  },
});

const header = (samples: number): string => `##fileformat=VCFv4.3
##FILTER=<ID=PASS,Description="All filters passed">
##FILTER=<ID=LowQual,Description="QUAL below 20">
${contigs.map(([name, length]) => `##contig=<ID=${name},length=${length}>`).join('\n')}
##INFO=<ID=AC,Number=A,Type=Integer,Description="Alleles called, by alternate allele">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles called">
##INFO=<ID=AF,Number=A,Type=Float,Description="Part of all alleles, by alternate allele">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Reads that count">
##INFO=<ID=MQ,Number=1,Type=Float,Description="Root mean square of mapping qualities">
##INFO=<ID=DB,Number=0,Type=Flag,Description="Known before">
##INFO=<ID=CLASS,Number=1,Type=String,Description="What region it lies in">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads by allele">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads that count">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Likelihoods of genotypes, Phred-scaled">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t${Array.from({ length: samples }, (_, i) => `S${String(i + 1).padStart(5, '0')}`).join('\t')}
`;

async function simulate(
  files: Release,
  { samples, sites, fields, seed }: Values<typeof params>,
  report: (done: number) => void,
): Promise<void> {
  const out = bgzip(await files.file('cohort.vcf.gz'), 6);
  await out.write(Buffer.from(header(samples)));
  const index = createIndex({ minShift: 14, depth: 5 });
  const total = contigs.reduce((sum, [, length]) => sum + length, 0);
  const step = Math.floor((total - 200) / sites);
  let [contig, start, alleles, indels] = [0, 0, 0, 0];
  for (let site = 0; site < sites; site++) {
    if (site % 256 === 0) report(site / sites);
    const rng = random(seed, 'site', site);
    const at = 100 + site * step + rng.below(Math.max(1, step));
    if (at >= start + contigs[contig]![1] - 100 && contig + 1 < contigs.length)
      start += contigs[contig++]![1];
    const pos = Math.max(1, at - start);
    const [ref, alts] = drawAlleles(rng);
    alleles += alts.length;
    indels += alts.filter((alt) => alt.length !== ref.length).length;
    const line = record(rng, contigs[contig]![0], pos, ref, alts, samples, fields === 'gt');
    const place = out.tell();
    const wait = out.write(Buffer.from(line));
    if (wait) await wait;
    index.add(contig, pos - 1, pos - 1 + ref.length, place, out.tell(), true);
  }
  await out.finish();
  const names = contigs.map(([name]) => name);
  await (await files.file('cohort.vcf.gz.tbi')).write(index.toTbi(names, vcfLayout));
  const truth = canonical({ samples, sites, alleles, indels });
  await (await files.file('truth.json')).write(Buffer.from(`${truth}\n`));
}

const baseBut = (rng: Random, not: string): string => {
  const others = Array.from(bases).filter((letter) => letter !== not);
  return others[rng.below(3)]!;
};

/** Mostly substitutions; some insertions, deletions, and places with several alleles. */
function drawAlleles(rng: Random): readonly [ref: string, alts: readonly string[]] {
  const base = bases[rng.below(4)]!;
  const word = (): string => Array.from({ length: 1 + rng.below(6) }, () => bases[rng.below(4)]!).join('');
  const kind = rng.fraction();
  if (kind < 0.85) return [base, [baseBut(rng, base)]];
  if (kind < 0.89) return [base, [base + word()]];
  if (kind < 0.94) return [base + word(), [base]];
  if (kind < 0.97) {
    const first = baseBut(rng, base);
    return [
      base,
      Array.from(bases).filter((letter) => letter !== base && (letter === first || letter > 'C')),
    ];
  }
  const tail = word();
  return [base + tail, [base, baseBut(rng, base) + tail, '*']];
}

/** Rare alleles are many: a share of all haplotypes, about as often as its size is small. */
const drawShare = (rng: Random): number => Math.min(0.6, 0.0005 / Math.max(rng.fraction(), 0.0008));

function record(
  rng: Random,
  contig: string,
  pos: number,
  ref: string,
  alts: readonly string[],
  samples: number,
  isBare: boolean,
): string {
  const shares = alts.map(() => drawShare(rng));
  const counts = Array.from({ length: alts.length + 1 }, () => 0);
  const draw = (): number => {
    let left = rng.fraction();
    const found = shares.findIndex((share) => (left -= share) < 0);
    counts[found + 1]!++;
    return found + 1;
  };
  const columns: string[] = [];
  let all = 0;
  for (let i = 0; i < samples; i++) {
    if (!isBare && rng.chance(0.01)) {
      columns.push(rng.chance(0.5) ? './.' : './.:.:.');
      continue;
    }
    const gt = !isBare && rng.chance(0.002) ? [draw()] : [draw(), draw()];
    if (isBare) {
      columns.push(gt.join('|'));
      continue;
    }
    const depth = 8 + rng.count(22);
    all += depth;
    columns.push(
      describe(
        rng,
        gt.toSorted((a, b) => a - b),
        alts.length + 1,
        depth,
      ),
    );
  }
  const number = counts.reduce((sum, n) => sum + n, 0);
  const quality = rng.chance(0.02) ? '.' : String(rng.below(400_000) / 100);
  const filter = quality !== '.' && Number(quality) < 20 ? 'LowQual' : 'PASS';
  const info = [
    `AC=${counts.slice(1).join(',')}`,
    `AN=${number}`,
    `AF=${counts
      .slice(1)
      .map((n) => (number > 0 ? Number((n / number).toPrecision(4)) : 0))
      .join(',')}`,
    ...(isBare ? [] : [`DP=${all}`]),
    `MQ=${(5000 + rng.below(1001)) / 100}`,
    ...(rng.chance(0.3) ? ['DB'] : []),
    `CLASS=${['exon', 'intron', 'between'][rng.below(3)]}`,
  ];
  const id = rng.chance(0.5) ? `rs${pos}` : '.';
  return `${contig}\t${pos}\t${id}\t${ref}\t${alts.join(',')}\t${quality}\t${filter}\t${info.join(';')}\t${isBare ? 'GT' : 'GT:AD:DP:GQ:PL'}\t${columns.join('\t')}\n`;
}

/** GT:AD:DP:GQ:PL of a genotype. */
function describe(rng: Random, gt: readonly number[], alleles: number, depth: number): string {
  const reads = Array.from({ length: alleles }, () => 0);
  for (let i = 0; i < depth; i++) reads[gt[rng.below(gt.length)]!]!++;
  const likelihoods: number[] = [];
  const own = (a: number, b: number): boolean => (gt.length === 1 ? b === gt[0] : a === gt[0] && b === gt[1]);
  for (let b = 0; b < alleles; b++)
    for (let a = gt.length === 1 ? b : 0; a <= b; a++) likelihoods.push(own(a, b) ? 0 : 20 + rng.below(900));
  return `${gt.join('/')}:${reads.join(',')}:${depth}:${rng.below(100)}:${likelihoods.join(',')}`;
}
