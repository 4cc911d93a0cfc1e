/** What counts as a region in a BED file, and what is refused. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { memorySource } from './memorysource.ts';
import { parseBed, readBed } from '../genomics/formats/bed.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Regions as `start-end name`, by contig. */
function listed(text: string): { [contig: string]: string[] } {
  const bed = parseBed(bytes(text), 'f.bed');
  const out: { [contig: string]: string[] } = {};
  for (const [contig, { start, end, nameStart, nameEnd }] of bed.contigs)
    out[contig] = Array.from(start, (from, i) =>
      `${from}-${end[i]} ${new TextDecoder().decode(bed.text.subarray(nameStart[i], nameEnd[i]))}`.trimEnd(),
    );
  return out;
}

test('headers, comments and blank lines are no regions', () => {
  const text = `#chrom\tstart\ntrack name="x"\nbrowser position chr1:1-2\n\nchr1\t1\t2\n \t \nchr1\t3\t4\n`;
  expect(listed(text)).toEqual({ chr1: ['1-2', '3-4'] });
});

test('names are the fourth column, with their spaces', () => {
  expect(listed('a\t0\t5\tone two\t7\t+\na\t5\t6\t\tx\na\t7\t8\tlast \n')).toEqual({
    a: ['0-5 one two', '5-6', '7-8 last'],
  });
});

test('lines may end with CR LF, the last one without an end', () => {
  expect(listed('a\t0\t5\r\nb\t1\t2\tn\r\na\t7\t8')).toEqual({ a: ['0-5', '7-8'], b: ['1-2 n'] });
});

test('regions are sorted by start, ties as in the file', () => {
  expect(listed('a\t9\t10\na\t3\t20\tx\na\t3\t4\ty\na\t0\t1\na\t3\t30\tz\n')).toEqual({
    a: ['0-1', '3-20 x', '3-4 y', '3-30 z', '9-10'],
  });
});

test('positions up to 32 bits; empty regions', () => {
  expect(listed('a\t4294967295\t4294967295\n')).toEqual({ a: ['4294967295-4294967295'] });
});

test.each([
  ['a\t1\t2\nMT\t2\n', /line 2 of f\.bed has 2 columns, expected contig, start and end with tabs/],
  ['a 1 2\n', /line 1 of f\.bed has 1 columns/],
  ['#x\n\na\tone\t2\n', /line 3 of f\.bed has start "one", expected a number/],
  ['a\t1\t-2\n', /line 1 of f\.bed has end "-2"/],
  ['a\t\t2\n', /start ""/],
  ['a\t1\t4294967296\n', /end "4294967296", expected a number from 0 to 4294967295/],
  ['a\t1e3\t2000\n', /start "1e3"/],
  ['a\t5\t4\n', /line 1 of f\.bed has start 5 after end 4/],
])('%j is refused', (text, message) => {
  expect(() => parseBed(bytes(text), 'f.bed')).toThrow(message);
});

test('gzipped text, also in several members', async () => {
  const members = Buffer.concat([gzipSync('a\t1\t2\n'), gzipSync('b\t3\t4\n')]);
  const bed = await readBed(memorySource(members), 'f.bed.gz');
  expect([...bed.contigs.keys()]).toEqual(['a', 'b']);
  const cut = readBed(memorySource(members.subarray(0, members.length - 6)), 'f.bed.gz');
  await expect(cut).rejects.toThrow(/BED: f\.bed\.gz cannot be inflated: .*compress it again/);
});
