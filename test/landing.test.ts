/** Landing in a BAM file without an index: every byte leads to a start of a record, the same as a walk from the front finds. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { memorySource } from './memorysource.ts';
import { readHeader } from '../genomics/formats/bam.ts';
import { chunks, compareVirtual, type Virtual } from '../genomics/formats/bgzf.ts';
import { landing } from '../genomics/formats/landing.ts';
import { random } from '../datasets/random.ts';
import { data } from './alignments.ts';

/** All starts of records in order, by a walk from the first one. */
async function startsOf(bytes: Uint8Array, first: Virtual): Promise<Virtual[]> {
  const source = memorySource(bytes);
  const starts: Virtual[] = [];
  const pieces = chunks(source, 'x.bam', first, undefined);
  let keep = 0;
  for (;;) {
    const { value: piece, done } = await pieces.next(keep);
    if (done) return starts;
    const view = new DataView(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length);
    let at = 0;
    while (at + 4 <= view.byteLength && at + 4 + view.getInt32(at, true) <= view.byteLength) {
      starts.push(piece.place(at));
      at += 4 + view.getInt32(at, true);
    }
    keep = view.byteLength - at;
  }
}

const folders =
  data === undefined ? [] : ['edge/bam-js', 'edge/mosdepth-tests', 'edge/igvjs', 'edge/bcftools-mpileup'];
const files = folders.flatMap((folder) =>
  readdirSync(join(data!, folder))
    .filter((name) => name.endsWith('.bam'))
    .map((name) => join(data!, folder, name)),
);
if (files.length === 0) console.log('skipped: landing on real files, no shared data');

describe.each(files)('%s', (path) => {
  test('cuts at any byte meet a start', async () => {
    const bytes = readFileSync(path);
    const source = memorySource(bytes);
    const header = await readHeader(source, path).catch(() => undefined);
    if (!header) return expect(bytes.length).toBeGreaterThan(0);
    const starts = await startsOf(bytes, header.first);
    const chance = random(5, 'landing', path);
    for (let i = 0; i < 60; i++) {
      const offset = header.first[0] + chance.below(bytes.length - header.first[0] + 1);
      const found = await landing(source, path, header.contigs.length, offset);
      // A cut in the header's own block lands behind its first records only if they start in it.
      const expected = starts.find((start) => start[0] >= offset) ?? [bytes.length, 0];
      if (compareVirtual(found, expected) !== 0 && offset <= header.first[0]) continue;
      expect(found, `offset ${offset}`).toEqual(expected);
    }
  });
});
