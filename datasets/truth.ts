/** Writes the truth about simulated reads: reference, variants, the regions that they are known for, and counts. */
import { gunzipSync } from 'node:zlib';
import type { Sink } from '../core/job.ts';
import { canonical } from '../core/json.ts';
import type { Json } from '../core/json.ts';
import { createIndex } from '../genomics/formats/binning.ts';
import { bgzip, deflateBlocks } from '../genomics/formats/bgzip.ts';
import { eofMarker } from '../genomics/formats/bgzf.ts';
import type { Tally } from './bamwriter.ts';
import type { Contig } from './genome.ts';
import { LETTERS } from './genome.ts';
import type { Variant } from './variants.ts';
import { printVariant } from './variants.ts';

const encoder = new TextEncoder();

/** Bases a line of FASTA. */
const LINE = 60;

export type FastaWriter = {
  /** Begins a contig. */
  open(contig: Contig): void;
  /** Its next bases, as codes. */
  write(bases: Uint8Array): Promise<void>;
  /** Gives the FAI of what was written. */
  finish(): Promise<Uint8Array>;
};

/** Starts a FASTA of 60 bases a line. */
export function createFastaWriter(sink: Sink): FastaWriter {
  let [offset, column] = [0, 0];
  let index = '';
  let head = '';
  return {
    open({ name, length }) {
      head = `${column > 0 ? '\n' : ''}>${name}\n`;
      index += `${name}\t${length}\t${offset + head.length}\t${LINE}\t${LINE + 1}\n`;
      column = 0;
    },
    async write(bases) {
      const out = new Uint8Array(head.length + bases.length + Math.ceil((column + bases.length) / LINE));
      out.set(encoder.encode(head));
      let at = head.length;
      head = '';
      for (const base of bases) {
        out[at++] = LETTERS.charCodeAt(base);
        if (++column === LINE) {
          out[at++] = 10;
          column = 0;
        }
      }
      offset += at;
      await sink.write(out.subarray(0, at));
    },
    async finish() {
      if (column > 0) await sink.write(Uint8Array.of(10));
      return encoder.encode(index);
    },
  };
}

export type VcfWriter = {
  readonly counts: { snps: number; indels: number; heterozygous: number };
  write(contig: number, variants: readonly Variant[]): Promise<void>;
  /** Writes the rest. Gives the TBI. */
  finish(): Promise<Uint8Array>;
};

/** A bgzipped VCF 4.3 of one sample with phased genotypes. */
export function createVcfWriter(sink: Sink, contigs: readonly Contig[], sample: string): VcfWriter {
  const file = bgzip(sink, 6);
  const index = createIndex();
  const counts = { snps: 0, indels: 0, heterozygous: 0 };
  const header = [
    '##fileformat=VCFv4.3',
    '##source=servermix synthetic/reads',
    '##reference=reference.fa',
    '##FILTER=<ID=PASS,Description="All filters passed">',
    ...contigs.map(({ name, length }) => `##contig=<ID=${name},length=${length}>`),
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype, phased over the contig">',
    `#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t${sample}`,
  ];
  let waiting = file.write(encoder.encode(`${header.join('\n')}\n`));
  return {
    counts,
    async write(contig, variants) {
      for (const variant of variants) {
        const { pos, alleles, genotype } = variant;
        if (alleles.every(({ length }) => length === 1)) counts.snps++;
        else counts.indels++;
        if (genotype[0] !== genotype[1]) counts.heterozygous++;
        const from = file.tell();
        waiting = file.write(encoder.encode(printVariant(contigs[contig]!.name, variant))) ?? waiting;
        index.add(contig, pos, pos + alleles[0]!.length, from, file.tell(), true);
      }
      await waiting;
      waiting = undefined;
    },
    async finish() {
      await file.finish();
      return asVcf(index.toTbi(contigs.map(({ name }) => name)));
    },
  };
}

/** The TBI of a BED as that of a VCF: another preset, no column for the end (tabix spec). */
function asVcf(tbi: Uint8Array): Uint8Array {
  const bytes = gunzipSync(tbi);
  bytes.writeInt32LE(2, 8);
  bytes.writeInt32LE(0, 20);
  return Buffer.concat([deflateBlocks(bytes, 6).bytes, eofMarker]);
}

/** BED of the known bases: where reads can be and the truth holds. */
export function printConfident(contigs: readonly Contig[]): Uint8Array {
  const lines: string[] = [];
  for (const { name, length, gaps } of contigs) {
    let start = 0;
    for (const [from, to] of [...gaps, [length, length]] as const) {
      if (from > start) lines.push(`${name}\t${start}\t${from}\n`);
      start = to;
    }
  }
  return encoder.encode(lines.join(''));
}

/** The truth's counts as JSON: what samtools flagstat must find, records by flag, and contig by contig. */
export function describe(
  { flags, contigs: counted }: Tally,
  contigs: readonly Contig[],
  rest: { readonly [name: string]: Json },
): Uint8Array {
  const count = (mask: number, value: number): number => {
    let sum = 0;
    flags.forEach((n, flag) => (sum += (flag & mask) === value ? n : 0));
    return sum;
  };
  const truth = {
    ...rest,
    reads: {
      total: count(0, 0),
      primary: count(2304, 0),
      secondary: count(256, 256),
      supplementary: count(2048, 2048),
      duplicates: count(1024, 1024),
      failed: count(512, 512),
      mapped: count(4, 0),
      properlyPaired: count(2311, 3),
      mateUnmapped: count(2316, 8),
      unplaced: count(12, 12),
    },
    flags: Object.fromEntries(
      Array.from(flags, (n, flag) => [String(flag), n] as const).filter(([, n]) => n > 0),
    ),
    contigs: contigs.map(({ name, length }, i) => ({ name, length, ...counted[i]! })),
  };
  return encoder.encode(`${canonical(truth)}\n`);
}
