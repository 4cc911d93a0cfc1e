/** lidar/raster --product dtm, chm: a net of triangles that is the same around every tile, and heights above it. */
import { incircle, orient2d } from 'robust-predicates';
import { expect, test } from 'vitest';
import { raster } from '../geospatial/jobs/raster.ts';
import { heightsOn, startThinning, triangulate, type Window } from '../geospatial/kernels/tin.ts';
import { onlyFile, runClouds } from './cloudjobs.ts';
import { lasFile, random } from './lasfile.ts';
import { levelsOf } from './surface.ts';

/** Thinned points of a lattice, of which many lie on one circle. */
function lattice(count: number, side: number, seed: number) {
  const next = random(seed);
  const window: Window = { west: 0, north: side, cell: 1, left: 0, top: 0, width: side, height: side };
  const thinning = startThinning(window);
  for (let i = 0; i < count; i++) {
    const [x, y] = [Math.round(2 * side * next()) / 2, Math.round(2 * side * next()) / 2];
    thinning.add(x, y, Math.sin(x / 5) + Math.cos(y / 7));
  }
  return { window, spots: thinning.spots() };
}

test('the net is the one of Delaunay, and of several diagonals that would do the one of the first point', () => {
  for (const [count, side] of [
    [3, 4],
    [40, 10],
    [900, 30],
    [20_000, 120],
  ] as const) {
    const { spots } = lattice(count, side, count);
    const { xy } = spots;
    const { triangles, halfedges } = triangulate(spots);
    const at = (i: number): [number, number] => [xy[2 * i]!, xy[2 * i + 1]!];
    let [ties, checked] = [0, 0];
    for (let edge = 0; edge < triangles.length; edge++) {
      const other = halfedges[edge]!;
      if (other < 0) continue;
      const around = (e: number): [number, number, number] => [
        triangles[e]!,
        triangles[e % 3 === 2 ? e - 2 : e + 1]!,
        triangles[e % 3 === 0 ? e + 2 : e - 1]!,
      ];
      const [p, q, r] = around(edge);
      const s = around(other)[2];
      const inside =
        incircle(...at(p), ...at(q), ...at(r), ...at(s)) * orient2d(...at(p), ...at(q), ...at(r));
      expect(inside).toBeGreaterThanOrEqual(0);
      if (inside === 0) {
        ties++;
        expect(Math.min(p, q)).toBeLessThan(Math.min(r, s));
      }
      checked++;
    }
    if (count > 500) expect(ties).toBeGreaterThan(20);
    expect(checked).toBe(halfedges.filter((h) => h >= 0).length);
  }
});

test('a part of the net is what the whole is there, with twice the gap around or where it is said to be sure', () => {
  const { window, spots } = lattice(5000, 90, 5);
  const gap = 6;
  const whole = heightsOn(spots, triangulate(spots), window, gap, 1e9).heights;
  let [sure, unsure] = [0, 0];
  for (const reach of [1, 6, 12])
    for (let west = 0; west < 90; west += 15)
      for (let south = 0; south < 90; south += 15) {
        const part: Window = { ...window, left: west, top: south, width: 15, height: 15 };
        const wide = {
          left: west - reach,
          top: south - reach,
          width: 15 + 2 * reach,
          height: 15 + 2 * reach,
        };
        const thinning = startThinning({ ...window, ...wide });
        for (let i = 0; i < spots.z.length; i++)
          thinning.add(spots.xy[2 * i]!, spots.xy[2 * i + 1]!, spots.z[i]!);
        const some = thinning.spots();
        const { heights, isSure } = heightsOn(some, triangulate(some), part, gap, reach);
        if (!isSure && reach < 12) {
          unsure++;
          continue;
        }
        sure++;
        for (let row = 0; row < 15; row++)
          for (let column = 0; column < 15; column++)
            expect(heights[row * 15 + column]).toBe(whole[(south + row) * 90 + west + column]);
      }
  expect(sure).toBeGreaterThan(40);
  expect(unsure).toBeGreaterThan(10);
});

test('heights on a plane are those of the plane, and a hole wider than the gap stays one', () => {
  const next = random(3);
  const window: Window = { west: 100, north: 50, cell: 0.5, left: 0, top: 0, width: 60, height: 60 };
  const thinning = startThinning(window);
  for (let i = 0; i < 9000; i++) {
    const [x, y] = [100 + 30 * next(), 20 + 30 * next()];
    if (Math.hypot(x - 115, y - 35) > 5) thinning.add(x, y, 3 + 0.25 * x - 0.5 * y);
  }
  const spots = thinning.spots();
  const tin = triangulate(spots);
  const open = heightsOn(spots, tin, window, 4, 100).heights;
  const closed = heightsOn(spots, tin, window, 6, 100).heights;
  for (let row = 2; row < 58; row++)
    for (let column = 2; column < 58; column++) {
      const [x, y] = [100 + (column + 0.5) / 2, 50 - (row + 0.5) / 2];
      expect(closed[row * 60 + column]).toBeCloseTo(3 + 0.25 * x - 0.5 * y, 4);
      const isHole = Math.hypot(x - 115, y - 35) < 3;
      if (isHole) expect(open[row * 60 + column]).toBeNaN();
    }
});

/** A slope of ground (2) under trees (5) and a flat roof (6). */
function scene(count: number, seed: number): Uint8Array {
  const next = random(seed);
  const points = Array.from({ length: count }, (_, i) => {
    const [x, y] = [110 * next(), 95 * next()];
    const earth = 0.1 * x + Math.sin(y / 9);
    const isRoof = x > 40 && x < 55 && y > 30 && y < 45;
    return {
      x,
      y,
      z: isRoof ? 20 : earth + (i % 4 === 0 ? 12 * next() : 0),
      kind: isRoof ? 6 : i % 4 === 0 ? 5 : 2,
      earth,
    };
  });
  const bytes = lasFile(points, { minor: 4, pdrf: 6, scale: [0.001, 0.001, 0.001] });
  for (const [i, { kind }] of points.entries()) bytes[375 + 30 * i + 16] = kind;
  return bytes;
}

test('a ground of many tiles has no seam: it is what one net gives, however the work is cut', async () => {
  const bytes = scene(25_000, 7);
  // 1100 by 950 cells: three tiles by two.
  const given = { product: 'dtm', cell: 0.1, gap: 9 };
  const expected = await onlyFile(raster, { 'x.las': bytes }, given);
  const { levels, origin } = await levelsOf(expected);
  const [{ width, height, values }] = levels as [(typeof levels)[0]];
  expect(width).toBeGreaterThan(1024);
  const window: Window = { west: origin[0]!, north: origin[1]!, cell: 0.1, left: 0, top: 0, width, height };
  const thinning = startThinning(window);
  const at = new DataView(bytes.buffer);
  for (let p = 375; p < bytes.length; p += 30)
    if (bytes[p + 16] === 2)
      thinning.add(...([0, 4, 8].map((k) => at.getInt32(p + k, true) * 0.001) as [number, number, number]));
  const spots = thinning.spots();
  const whole = heightsOn(spots, triangulate(spots), window, 9, 1e9).heights;
  let holes = 0;
  for (let i = 0; i < whole.length; i++) {
    if (whole[i] === whole[i]) expect(values[i]).toBe(whole[i]);
    else {
      expect(values[i]).toBe(-9999);
      holes++;
    }
  }
  expect(holes).toBeLessThan(0.05 * whole.length);
  for (const cut of [
    { split: 300, later: 1 },
    { split: 1600, later: 64, arity: 2 },
  ])
    expect(Buffer.compare(await onlyFile(raster, { 'x.las': bytes }, given, cut), expected)).toBe(0);
}, 60_000);

test('several products at once are what each is alone; the canopy is the height above the ground', async () => {
  const bytes = scene(40_000, 8);
  const names = ['dsm', 'dtm', 'chm', 'density', 'count'];
  const files = await runClouds(
    raster,
    { 'x.las': bytes },
    { product: names.join(','), cell: 1 },
    { split: 9000 },
  );
  expect([...files.keys()]).toEqual(names.map((name) => `.${name}.tif`));
  for (const name of names)
    expect(
      Buffer.compare(
        files.get(`.${name}.tif`)!,
        await onlyFile(raster, { 'x.las': bytes }, { product: name, cell: 1 }),
      ),
      name,
    ).toBe(0);
  const value = async (name: string) => (await levelsOf(files.get(`.${name}.tif`)!)).levels[0]!;
  const [dsm, dtm, chm, density, count] = await Promise.all(names.map(value));
  let compared = 0;
  for (let i = 0; i < dsm!.values.length; i++) {
    expect(density!.values[i]).toBe(count!.values[i]);
    if (chm!.values[i] === -9999 || dtm!.values[i] === -9999) continue;
    // Off by the ground's slope within a cell.
    expect(Math.abs(dsm!.values[i]! - dtm!.values[i]! - chm!.values[i]!)).toBeLessThan(0.6);
    expect(chm!.values[i]).toBeGreaterThanOrEqual(0);
    compared++;
  }
  expect(compared).toBeGreaterThan(9000);
});

test('no ground, no relief', async () => {
  const bytes = lasFile(
    [
      { x: 1, y: 1, z: 1 },
      { x: 9, y: 3, z: 1 },
      { x: 4, y: 8, z: 2 },
    ],
    { minor: 4, pdrf: 6 },
  );
  const { levels } = await levelsOf(await onlyFile(raster, { 'x.las': bytes }, { product: 'dtm', cell: 1 }));
  expect(levels[0]!.values.every((v) => v === -9999)).toBe(true);
});
