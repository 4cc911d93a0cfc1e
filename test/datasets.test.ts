/** What the named datasets share: random streams, options, the catalog, and files that appear together. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { resolve } from '../core/params.ts';
import { generators, published } from '../datasets/catalog.ts';
import { quantity } from '../datasets/quantity.ts';
import { mix, random, scatter } from '../datasets/random.ts';
import { openRelease } from '../datasets/release.ts';

const folder = mkdtempSync(join(tmpdir(), 'datasets-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('random', () => {
  test('a stream is what it was when data were made of it', () => {
    const rng = random(1, 'reads', 17);
    expect([rng.next(), rng.next(), rng.next()]).toEqual([2220708844, 937779545, 4084222299]);
    expect([mix(1, 2, 3), scatter(1), scatter(0xffffffff)]).toEqual([1143891425, 1364076727, 2180083513]);
  });
  test('seed, name and number make different streams', () => {
    const firsts = [
      random(1, 'a'),
      random(2, 'a'),
      random(2 ** 32 + 1, 'a'),
      random(1, 'b'),
      random(1, 'a', 0),
      random(1, 'a', '0'),
      random(1, 'a', 1),
    ].map((rng) => rng.next());
    expect(new Set(firsts).size).toBe(firsts.length);
  });
  test('fill gives what next gives, and leaves the stream where next would', () => {
    const [a, b] = [random(5, 'fill'), random(5, 'fill')];
    const filled = new Uint32Array(20);
    a.fill(filled, 13);
    expect([...filled]).toEqual([...Array.from({ length: 13 }, () => b.next()), ...Array(7).fill(0)]);
    expect(a.next()).toBe(b.next());
  });
  test('means and spreads are as promised', () => {
    const rng = random(3, 'moments');
    const moments = (draw: () => number): [number, number] => {
      const drawn = Array.from({ length: 20_000 }, draw);
      const mean = drawn.reduce((sum, x) => sum + x) / drawn.length;
      return [mean, drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length];
    };
    const [mean, variance] = moments(() => rng.gaussian());
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(variance).toBeCloseTo(1, 1);
    for (const wanted of [0.3, 5, 40]) {
      const [found, spread] = moments(() => rng.count(wanted));
      expect(found / wanted).toBeGreaterThan(0.97);
      expect(found / wanted).toBeLessThan(1.03);
      expect(spread / wanted).toBeGreaterThan(0.85);
      expect(spread / wanted).toBeLessThan(1.1);
    }
    expect(moments(() => rng.below(6))[0]).toBeCloseTo(2.5, 1);
  });
  test('scatter is a bijection', () => {
    const seen = new Set(Array.from({ length: 100_000 }, (_, i) => scatter(i * 42_949)));
    expect(seen.size).toBe(100_000);
  });
});

describe('quantity', () => {
  const points = quantity(1000, 'points', { min: 10, max: 2e9 });
  test.each([
    ['6M', 6_000_000],
    ['500k', 500_000],
    ['500K', 500_000],
    ['1.5M', 1_500_000],
    ['1.005M', 1_005_000],
    ['2G', 2_000_000_000],
    ['12', 12],
  ])('%s', (text, value) => {
    expect(points.parse(text)).toBe(value);
    expect(points.check(value)).toBe(true);
  });
  test.each(['', 'M', '1.5', '-6M', '6 M', '6MB', '1e6', '0.0001k', '9', '3G'])('%j is refused', (text) => {
    expect(points.check(points.parse(text))).toBe(false);
  });
});

describe('catalog', () => {
  test('names are unique, and every entry says what a reader must know', () => {
    const names = [...generators, ...published].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(published.length).toBeGreaterThanOrEqual(14);
    for (const { name, doc, uri, format, size, licence, citation, access, region } of published) {
      expect(name).toMatch(/^(genomics|geospatial)\/[a-z0-9-]+$/);
      expect(uri, name).toMatch(/^(s3|https):\/\/\S+$/);
      if (!uri.endsWith('/'))
        expect(uri.endsWith(format) || ['ept', 'vcf.gz', 'fa.gz', 'laz'].includes(format)).toBe(true);
      for (const text of [doc, format, size, licence, citation]) expect(text.trim(), name).not.toBe('');
      for (const text of [doc, size, licence, citation]) expect(text, name).not.toMatch(/\n/);
      expect(['public', 'requester pays']).toContain(access);
      if (uri.startsWith('s3://')) expect(region, name).toMatch(/^[a-z]+-[a-z]+-\d$/);
    }
    for (const doi of published.flatMap(({ citation }) => /doi:(\S+)$/.exec(citation)?.[1] ?? []))
      expect(doi).toMatch(/^10\.\d{4,}\/\S+$/);
  });
  test('the generators are there, and their defaults resolve', () => {
    expect(generators.map(({ name }) => name)).toEqual([
      'synthetic/cohort',
      'synthetic/reads',
      'synthetic/scenes',
      'synthetic/terrain',
    ]);
    for (const { params } of generators) expect(resolve(params)['seed']).toBe(1);
  });
});

describe('release', () => {
  test('files appear when all are there, patched', async () => {
    const at = join(folder, 'whole');
    const files = await openRelease(at);
    const [a, b] = [await files.file('a'), await files.file('b')];
    await a.write(Uint8Array.of(1, 2, 3));
    await a.write(Uint8Array.of(4));
    await a.patch(1, Uint8Array.of(9));
    expect(a.size()).toBe(4);
    await b.write(Uint8Array.of(5));
    expect(readdirSync(at).filter((name) => !name.endsWith('.part'))).toEqual([]);
    expect(await files.publish()).toEqual([join(at, 'a'), join(at, 'b')]);
    expect(readdirSync(at)).toEqual(['a', 'b']);
    expect([...readFileSync(join(at, 'a'))]).toEqual([1, 9, 3, 4]);
  });
  test('nothing is left of one that failed', async () => {
    const at = join(folder, 'failed');
    const reads = generators.find(({ name }) => name === 'synthetic/reads')!;
    const impossible = resolve(reads.params, { mb: 0.02, contigs: 1000 });
    await expect(reads.make(at, impossible, () => {})).rejects.toThrow(
      /contigs.*at least 1000.*fewer contigs/,
    );
    const far = resolve(reads.params, { mb: 3000, contigs: 1 });
    await expect(reads.make(at, far, () => {})).rejects.toThrow(/at most 536870911.*more contigs/);
    const small = resolve(reads.params, { mb: 0.02, depth: 1 });
    const broken = reads.make(at, small, () => {
      throw new Error('stopped');
    });
    await expect(broken).rejects.toThrow('stopped');
    expect(readdirSync(at)).toEqual([]);
  });
});
