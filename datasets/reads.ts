/** synthetic/reads: paired reads of a simulated diploid genome, aligned, with reference and truth. */
import { integer, number, choice } from '../core/params.ts';
import type { Values } from '../core/params.ts';
import { createBamWriter } from './bamwriter.ts';
import type { BamWriter } from './bamwriter.ts';
import { chimerasOf } from './chimeras.ts';
import { defineGenerator } from './generator.ts';
import type { Genome } from './genome.ts';
import { createGenome } from './genome.ts';
import { createIndividual } from './individual.ts';
import type { Library } from './library.ts';
import { pairsOf, unplacedFor, emitUnplaced } from './pairs.ts';
import { createQueue } from './queue.ts';
import { GROUP, encode } from './record.ts';
import type { Release } from './release.ts';
import { release } from './release.ts';
import { printConfident, describe, createFastaWriter, createVcfWriter } from './truth.ts';

const SAMPLE = 'SIM';
/** Variants a base: those of a human genome (GIAB v4.2.1). */
const rates = { snps: 1e-3, indels: 1.2e-4 };
/** Deflate level: within a twentieth of what 6 gives, in a third of its time. */
const LEVEL = 4;
/** Pairs without a place that are made at once. */
const BATCH = 1000;

const params = {
  mb: number(1, 'size of the genome', { unit: 'Mb', min: 0.02, max: 3200 }),
  depth: number(30, 'bases sequenced for a base of the genome', { min: 0, max: 2000 }),
  contigs: integer(3, 'contigs with reads; one more stays empty', { min: 1, max: 1000 }),
  length: integer(150, 'length of a read', { unit: 'bases', min: 36, max: 300 }),
  insert: number(350, "mean of the fragments' lengths; mates overlap in those shorter than two reads", {
    unit: 'bases',
    min: 100,
    max: 1000,
  }),
  spread: number(80, "standard deviation of the fragments' lengths", { unit: 'bases', min: 0, max: 150 }),
  qualities: choice(['full', 'binned'], 'base qualities from 2 to 41, or the eight values of newer machines'),
  seed: integer(1, 'what everything is drawn from', { min: 0 }),
};

/** Writes reads.bam, reference.fa and truth.vcf.gz, each with its index, truth.bed and truth.json. Memory grows with the depth, not with the genome. */
export const reads = defineGenerator({
  name: 'synthetic/reads',
  doc: 'Aligned paired reads of a simulated diploid genome: BAM, BAI, FASTA, true VCF and counts',
  params,
  async make(folder, values, report) {
    const reference = createGenome(values.seed, Math.round(values.mb * 1e6), values.contigs);
    return release(folder, (files) => simulate(files, reference, values, report));
  },
});

async function simulate(
  files: Release,
  reference: Genome,
  values: Values<typeof params>,
  report: (done: number) => void,
): Promise<void> {
  const { seed, length, insert, spread, depth, qualities: scale } = values;
  const library: Library = { seed, length, insert, spread, depth, scale };
  const { contigs } = reference;
  const person = createIndividual(seed, reference, rates);
  const bam = createBamWriter(await files.file('reads.bam'), samHeader(reference), contigs, LEVEL);
  const bai = await files.file('reads.bam.bai');
  const fasta = createFastaWriter(await files.file('reference.fa'));
  const fai = await files.file('reference.fa.fai');
  const vcf = createVcfWriter(await files.file('truth.vcf.gz'), contigs, SAMPLE);
  const tbi = await files.file('truth.vcf.gz.tbi');
  const bed = await files.file('truth.bed');
  const json = await files.file('truth.json');

  const waiting = createQueue();
  let pairs = 0;
  for (const [id, contig] of contigs.entries()) {
    fasta.open(contig);
    const take = (bytes: Uint8Array, start: number, end: number, pos: number, stop: number): void =>
      bam.write(bytes, start, end, id, pos, stop);
    const add = (made: Parameters<typeof waiting.add>[0]): void => {
      bam.count(made.contig, made.flag, made.read);
      waiting.add(made);
    };
    for (let index = contig.first; index < contig.first + contig.windows; index++) {
      await fasta.write(reference.window(index).bases);
      if (index >= reference.sequenced) continue;
      await vcf.write(id, person.variants(index));
      const locus = person.locus(index);
      pairs = pairsOf(library, index, locus, pairs, add);
      chimerasOf(library, reference, person, index, add);
      waiting.drain(locus.end, take);
      await bam.flushed();
      report((index + 1) / (reference.sequenced + 1));
    }
    waiting.drain(Infinity, take);
  }
  await writeUnplaced(bam, library, unplacedFor(pairs));
  await bai.write(await bam.finish());
  await fai.write(await fasta.finish());
  await tbi.write(await vcf.finish());
  await bed.write(printConfident(contigs.slice(0, -1)));
  const about = { generator: 'synthetic/reads', params: { ...values }, variants: { ...vcf.counts } };
  await json.write(describe(bam.tally, contigs, about));
  report(1);
}

async function writeUnplaced(bam: BamWriter, library: Library, pairs: number): Promise<void> {
  const bytes = new Uint8Array(1024 + 2 * library.length);
  for (let first = 0; first < pairs; first += BATCH) {
    emitUnplaced(library, first, Math.min(pairs, first + BATCH), (made) => {
      bam.count(-1, made.flag, made.read);
      bam.write(bytes, 0, encode(bytes, 0, made), -1, -1, 0);
    });
    await bam.flushed();
  }
}

const samHeader = ({ contigs }: Genome): string =>
  [
    '@HD\tVN:1.6\tSO:coordinate',
    ...contigs.map(({ name, length }) => `@SQ\tSN:${name}\tLN:${length}`),
    `@RG\tID:${GROUP}\tSM:${SAMPLE}\tLB:${GROUP}\tPL:ILLUMINA`,
    '@PG\tID:servermix\tPN:servermix\tCL:servermix datasets synthetic/reads',
  ].join('\n') + '\n';
