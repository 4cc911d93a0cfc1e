/** Damaged BCF: the place, what was found and what was expected, and never another number of records. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { random } from '../datasets/random.ts';
import { bgzfOf, messageFrom } from './alignments.ts';
import { bcfOf, head, shapes, textOf } from './bcffile.ts';

describe('damaged files', () => {
  const { bytes, starts } = bcfOf(head + shapes);
  const file = bgzfOf(bytes).file;
  const changed = (at: number, ...values: readonly number[]): Uint8Array => {
    const out = Buffer.from(bytes);
    out.set(values, at);
    return bgzfOf(out).file;
  };
  const second = starts[1]!;
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['version', changed(3, 4), /bad magic 4243460402 in x.bcf, expected 4243460202/],
    ['l_text', changed(5, 255, 255, 255, 255), /l_text of x.bcf is 4294967295, expected at most/],
    ['header', bgzfOf(bytes.subarray(0, 200)).file, /header of x.bcf is cut short: found 200 bytes/],
    ['gzip', gzipSync(bytes), /is plain gzip, expected BGZF/],
    ['end', file.subarray(0, -28), /no BGZF end-of-file marker/],
    ['last record', bgzfOf(bytes.subarray(0, -1)).file, /ends within the record at 0:\d+: it is truncated/],
    ['l_shared', changed(second, 3, 0, 0, 0), /l_shared is 3, expected at least 26/],
    [
      'l_shared, one more',
      changed(second, bytes[second]! + 1),
      /record at 0:\d+ of x.bcf: l_(shared|indiv) is/,
    ],
    ['long', changed(second + 4, 255, 255, 255, 255), /its length is 42949\d+, expected at most 536870912/],
    ['CHROM', changed(second + 8, 2), /CHROM is 2, expected the number of one of the 2 contigs/],
    ['POS', changed(second + 15, 255), /POS is -\d+, expected at least -1/],
    ['n_sample', changed(second + 28, 4), /n_sample is 4, expected 3 as the header has/],
    ['ID', changed(second + 32, 0x14), /ID is of no type/],
    ['past', changed(second + 32, 0xf7, 0x13, 0, 0, 0, 1), /ID is longer than the record/],
    ['count', changed(second + 32, 0xf7, 0x15), /ID is of no length/],
    ['tab', changed(second + 34, 9), /ID is no string, expected letters without tabs/],
  ];
  test.each(cases)('%s', async (_name, damaged, message) => {
    expect(await messageFrom(textOf(damaged))).toMatch(message);
  });
  test('keys that the header does not have, and a GT of letters', async () => {
    const from = (at: number, code: number): Uint8Array =>
      changed(bytes.indexOf(Buffer.of(0x11, code), at) + 1, 77);
    expect(await messageFrom(textOf(from(second, 0)))).toMatch(
      /FILTER is number 77, expected one of the 10 names/,
    );
    expect(await messageFrom(textOf(from(second, 3)))).toMatch(/a key of INFO is number 77/);
    expect(await messageFrom(textOf(from(second, 6)))).toMatch(/a key of FORMAT is number 77/);
  });
  test('cut anywhere', async () => {
    for (let at = 0; at < file.length; at += 3)
      expect(await messageFrom(textOf(file.subarray(0, at)))).toMatch(/^(BGZF|BCF|VCF|gzip): /);
    const whole = (await textOf(bytes)).text;
    for (let at = 9; at < bytes.length; at++) {
      const message = await messageFrom(textOf(bytes.subarray(0, at)));
      // Between records of a plain file nothing tells.
      if (starts.includes(at)) expect(message).toBe(undefined);
      else expect(message).toMatch(/^(BCF|VCF): /);
    }
    expect(whole.endsWith(shapes)).toBe(true);
  });
  test('any byte changed', async () => {
    const lines = (head + shapes).split('\n').length;
    for (let seed = 0; seed < 3000; seed++) {
      const chance = random(seed, 'damage');
      const out = Buffer.from(bytes);
      const at = starts[0]! + chance.below(bytes.length - starts[0]!);
      out[at] = chance.below(256);
      try {
        const { text } = await textOf(
          seed % 2 ? out : bgzfOf(out, [700, 1300], 1).file,
          seed % 3 ? 1e9 : 200,
        );
        expect(text.split('\n').length, `seed ${seed}`).toBe(lines);
      } catch (error) {
        expect(error, `seed ${seed}: ${(error as Error).stack}`).toBeInstanceOf(BadInput);
        expect((error as Error).message).not.toContain('\n');
      }
    }
  });
});
