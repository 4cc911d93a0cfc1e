/** Reads of CRAM, as records of BAM, are those that samtools shows. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { FastaIndex } from '../genomics/formats/fasta.ts';
import { readFastaIndex } from '../genomics/formats/fasta.ts';
import { alignmentsOf, stretchesOf } from '../genomics/formats/alignments.ts';
import { readAlignments } from '../genomics/formats/heading.ts';
import { openReading } from '../genomics/formats/placed.ts';
import { field } from '../genomics/formats/record.ts';
import { findTags, tagCode, tagInteger, tagsAt } from '../genomics/formats/tags.ts';
import { letters } from '../genomics/kernels/letters.ts';
import { data, has, localPlanning, messageFrom } from './alignments.ts';
import { samtools, same } from './peer.ts';
import { third } from './shared.ts';
import { dataset } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-cramrecords-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ops = 'MIDNSHP=X';
const slots = new Uint8Array(65536);
slots[tagCode('NM')] = 1;

/** Lines as samtools view prints them, with NM as the only tag. */
function linesOf(bytes: Uint8Array, contigs: readonly { name: string }[]): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = new Int32Array(1);
  const out: string[] = [];
  for (let at = 0; at < bytes.length; at += 4 + view.getInt32(at, true)) {
    const nameLength = bytes[at + field.nameLength]!;
    const id = view.getInt32(at + field.refId, true);
    const next = view.getInt32(at + field.nextRefId, true);
    const count = view.getUint16(at + field.cigarLength, true);
    const length = view.getInt32(at + field.seqLength, true);
    let byte = at + field.name;
    const name = Buffer.from(bytes.subarray(byte, byte + nameLength - 1)).toString('latin1');
    byte += nameLength;
    let cigar = '';
    for (let i = 0; i < count; i++, byte += 4) {
      const op = view.getUint32(byte, true);
      cigar += `${op >>> 4}${ops[op & 15]}`;
    }
    let seq = '';
    for (let i = 0; i < length; i++) seq += letters[(bytes[byte + (i >> 1)]! >> (i & 1 ? 0 : 4)) & 15];
    byte += (length + 1) >> 1;
    const qualities = bytes.subarray(byte, byte + length);
    const qual =
      qualities.length === 0 || qualities[0] === 255
        ? '*'
        : String.fromCharCode(...qualities.map((q) => q + 33));
    findTags(bytes, tagsAt(view, at), at + 4 + view.getInt32(at, true), slots, found);
    const nm = found[0]! >= 0 ? `NM:i:${tagInteger(view, found[0]!)}` : '';
    const reference = id < 0 ? '*' : contigs[id]!.name;
    const nextName = next < 0 ? '*' : next === id ? '=' : contigs[next]!.name;
    out.push(
      [
        name,
        view.getUint16(at + field.flag, true),
        reference,
        view.getInt32(at + field.pos, true) + 1,
        bytes[at + field.mapq],
        cigar || '*',
        nextName,
        view.getInt32(at + field.nextPos, true) + 1,
        view.getInt32(at + field.templateLength, true),
        seq || '*',
        qual,
        nm,
      ].join('\t'),
    );
  }
  return out;
}

const short = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split('\t');
      return [...fields.slice(0, 11), fields.slice(11).find((tag) => tag.startsWith('NM:i:')) ?? ''].join(
        '\t',
      );
    });

async function recordsOf(path: string, fasta: string | undefined, split: number): Promise<string[]> {
  const reads = await dataset(path);
  const planning = localPlanning();
  const heading = await readAlignments(await planning.open(reads), path);
  const reference = fasta === undefined ? undefined : await dataset(fasta);
  const index: FastaIndex | undefined = reference && (await readFastaIndex(planning, reference));
  const reading = await openReading([reads], reference, true, {
    open: (file) => planning.open(file),
    signal: planning.signal,
  });
  const out: string[] = [];
  for (const stretch of await stretchesOf(planning, reads, heading, 0, split, index))
    for await (const bytes of alignmentsOf(stretch, heading.header.contigs.length, reading))
      out.push(...linesOf(bytes, heading.header.contigs));
  return out;
}

/** A copy with its index, as folders of data are not written to. */
function copyOf(fasta: string): string {
  const copy = join(folder, fasta.replaceAll('/', '_'));
  if (!existsSync(copy)) {
    copyFileSync(fasta, copy);
    samtools(['faidx', copy]);
  }
  return copy;
}

/** Files of which a record differs, and why. */
const differing = new Map([
  [
    'edge/bcftools-mpileup/indel-AD.2.cram',
    'PNEXT of mates without a contig is not to be had from the library',
  ],
  [
    'edge/htslib-test/tlen/d4b.cram',
    'FLAG of three reads contradicts them: mate reversed where the next one is not',
  ],
]);

describe.skipIf(!data || !has('samtools'))('every shared CRAM', () => {
  const all = data
    ? (readdirSync(data, { recursive: true, encoding: 'utf8' }) as string[]).filter((name) =>
        name.endsWith('.cram'),
      )
    : [];
  const fastas = data
    ? (readdirSync(data, { recursive: true, encoding: 'utf8' }) as string[]).filter((name) =>
        /\.(fa|fasta|fa\.gz)$/.test(name),
      )
    : [];
  /** The nearest FASTA with which samtools reads a file, and what it reads. */
  const readBy = (name: string): { fasta: string | undefined; text: string } | undefined => {
    const near = [dirname(name), dirname(dirname(name)), dirname(dirname(dirname(name)))];
    for (const fasta of [undefined, ...near.flatMap((at) => fastas.filter((one) => dirname(one) === at))]) {
      const copy = fasta && copyOf(join(data!, fasta));
      const text = samtools(['view', ...(copy ? ['-T', copy] : []), join(data!, name)]);
      if (text !== undefined) return { fasta: copy, text };
    }
    return undefined;
  };
  test('records', { timeout: 240_000 }, async () => {
    let compared = 0;
    const left: string[] = [];
    const some = third(all, 1);
    for (const name of some) {
      const peer = readBy(name);
      if (!peer) {
        left.push(`${name}: samtools does not read it`);
        continue;
      }
      for (const split of [1e9, 1]) {
        const message = await messageFrom(
          recordsOf(join(data!, name), peer.fasta, split).then((lines) => {
            same(name, lines.join('\n'), short(peer.text).join('\n'));
          }),
        );
        if (message === undefined) compared++;
        else if (differing.has(name)) left.push(`${name}: ${differing.get(name)}`);
        else expect([name, message]).toEqual([name, expect.stringMatching(/no end-of-file container/)]);
      }
    }
    console.log(`cram records: ${compared} comparisons equal; not equal or refused:\n${left.join('\n')}`);
    expect(compared).toBeGreaterThan(some.length);
  });
});
