/** Where cells of a grid come from, the values that they get there, and what becomes of cells that several rasters have. */
import { expect, test } from 'vitest';
import { resolve, type Spec } from '../core/params.ts';
import { memorySource } from './memorysource.ts';
import { openRaster } from '../geospatial/formats/geotiff.ts';
import { epsgKeys } from '../geospatial/formats/reproject.ts';
import { webTiles } from '../geospatial/jobs/webtiles.ts';
import { placesOf, type ToSource } from '../geospatial/kernels/lattice.ts';
import { halfEquator } from '../geospatial/kernels/mercator.ts';
import { gather, nearest, resample } from '../geospatial/kernels/resample.ts';
import { placesByRows } from '../geospatial/kernels/rows.ts';
import { blend } from '../geospatial/kernels/seams.ts';
import { placed } from '../geospatial/rasters/targetgrid.ts';
import { viewOf } from '../geospatial/rasters/view.ts';
import { tiffFile } from './tiffile.ts';

test('places off the lattice are within the tolerance, and exact without one', () => {
  // Bends, and lies nowhere beyond a line.
  const bent: ToSource = (places) => {
    for (let i = 0; i < places.length; i += 2) {
      const [x, y] = [places[i]!, places[i + 1]!];
      places[i] = x > 300 ? NaN : x + 8 * Math.sin(y / 90) + (x * x) / 5000;
      places[i + 1] = x > 300 ? NaN : y - 5 * Math.cos(x / 70);
    }
  };
  const rectangle = { left: -20, top: 35, width: 341, height: 130 };
  for (const tolerance of [0.5, 0.125, 0.001, 0]) {
    let calls = 0;
    const counted: ToSource = (places) => {
      calls += places.length / 2;
      bent(places);
    };
    const { u, v } = placesOf(counted, rectangle, tolerance);
    let worst = 0;
    for (let y = 0; y < rectangle.height; y++)
      for (let x = 0; x < rectangle.width; x++) {
        const place = Float64Array.of(rectangle.left + x + 0.5, rectangle.top + y + 0.5);
        bent(place);
        const i = y * rectangle.width + x;
        if (Number.isNaN(u[i]!) !== Number.isNaN(place[0]!)) worst = Infinity;
        if (place[0] === place[0])
          worst = Math.max(worst, Math.abs(u[i]! - place[0]!) + Math.abs(v[i]! - place[1]!));
      }
    expect(worst).toBeLessThanOrEqual(1.5 * tolerance);
    if (tolerance >= 0.125) expect(calls).toBeLessThan(0.1 * u.length);
  }
  for (const [width, height] of [
    [1, 1],
    [1, 9],
    [7, 1],
    [2, 2],
  ] as const) {
    const { u } = placesOf((places) => places.fill(3), { left: 0, top: 0, width, height }, 0);
    expect([...u]).toEqual(Array.from({ length: width * height }, () => 3));
  }
});

test('kernels leave out cells without value, and share their weights out anew', () => {
  const patch = { left: 10, top: 20, width: 3, height: 2, values: Float64Array.of(1, 2, NaN, 5, 6, 9) };
  const at = (x: number, y: number) => ({ u: Float64Array.of(x), v: Float64Array.of(y) });
  const one = { x: 1, y: 1 };
  const value = (resampling: 'near' | 'bilinear' | 'cubic', x: number, y: number): number => {
    const out = new Float64Array(1);
    resample(resampling, patch, at(x, y), one, out);
    return out[0]!;
  };
  expect(value('near', 11.999, 20.5)).toBe(2);
  expect(value('near', 12.1, 20.5)).toBeNaN();
  expect(value('near', 9.9, 20.5)).toBeNaN();
  expect(value('bilinear', 11, 21)).toBe((1 + 2 + 5 + 6) / 4);
  expect(value('bilinear', 11.9, 21)).toBeCloseTo((0.6 * (2 + 6) + 0.4 * 9) / 1.6, 12);
  expect(value('bilinear', 12.1, 20.9)).toBeNaN();
  // Too near to the edge for 4 x 4.
  expect(value('cubic', 11, 21)).toBe(value('bilinear', 11, 21));
  const corner = (x: number, y: number) => at(x, y);
  const out = new Float64Array(1);
  gather('average', patch, corner(10.5, 20), corner(12.5, 22), out);
  expect(out[0]).toBeCloseTo((0.5 * 1 + 2 + 0.5 * 5 + 6 + 0.5 * 9) / (0.5 + 1 + 0.5 + 1 + 0.5), 12);
  gather('mode', patch, corner(9, 20), corner(13, 22), out);
  expect(out[0]).toBe(1);
  gather('average', patch, corner(5, 5), corner(6, 6), out);
  expect(out[0]).toBeNaN();
});

test('seams', () => {
  const a = (): Float64Array[] => [Float64Array.of(1, NaN, 3, NaN)];
  const b = (): Float64Array[] => [Float64Array.of(10, 20, 30, NaN)];
  const values = (seams: 'first' | 'mean' | 'feather', ...weights: Float64Array[]): number[] => {
    const blended = blend(seams, 4, 1);
    blended.add(a(), weights[0]);
    expect(blended.isFull()).toBe(false);
    blended.add(b(), weights[1]);
    return [...blended.values()[0]!];
  };
  expect(values('first')).toEqual([1, 20, 3, NaN]);
  expect(values('mean')).toEqual([5.5, 20, 16.5, NaN]);
  const found = values('feather', Float64Array.of(3, 1, 0, 0), Float64Array.of(1, 0, 0, 5));
  expect(found).toEqual([13 / 4, 20, 16.5, NaN]);
});

test('lines along rows hang on the row alone: windows and blocks do not show', () => {
  const bent: ToSource = (places) => {
    for (let i = 0; i < places.length; i += 2) {
      const [x, y] = [places[i]!, places[i + 1]!];
      places[i] = x + 9 * Math.sin((x + y) / 60);
      places[i + 1] = y > 50 && x > 390 ? NaN : y + (x * x) / 4000;
    }
  };
  const whole = { left: 0, top: 0, width: 401, height: 60 };
  for (const tolerance of [0.125, 1e-9]) {
    const { u, v } = placesByRows(bent, whole, tolerance, 401)(whole);
    const block = { left: 90, top: 0, width: 200, height: 60 };
    const placesAt = placesByRows(bent, block, tolerance, 401);
    for (const window of [
      { left: 100, top: 30, width: 40, height: 30 },
      { left: 90, top: 0, width: 200, height: 60 },
      { left: 289, top: 59, width: 1, height: 1 },
    ]) {
      const room = { u: new Float64Array(9000).fill(7), v: new Float64Array(9000).fill(7) };
      const some = placesAt(window, room);
      for (const [all, own] of [
        [u, some.u],
        [v, some.v],
      ] as const)
        for (let i = 0; i < own.length; i++) {
          const [x, y] = [window.left + (i % window.width), window.top + Math.floor(i / window.width)];
          if (!Object.is(own[i], all[y * 401 + x])) expect([x, y, own[i]]).toEqual([x, y, all[y * 401 + x]]);
        }
    }
  }
});

test('the nearest cell has no value where nodata or a mask say so', () => {
  const patch = { left: 0, top: 0, width: 3, height: 1, values: Uint8Array.of(5, 9, 7), nodata: 9 };
  const places = { u: Float64Array.of(0.5, 1.5, 2.5, 3, NaN), v: Float64Array.of(0, 0, 0, 0, 0) };
  const out = new Float64Array(5);
  nearest(patch, places, out);
  expect([...out]).toEqual([5, NaN, 7, NaN, NaN]);
  nearest({ ...patch, mask: Uint8Array.of(255, 255, 0) }, places, out);
  expect([...out]).toEqual([5, NaN, NaN, NaN, NaN]);
});

test('across the 180th meridian a raster is looked for at both ends of a map', async () => {
  const file = tiffFile({
    width: 40,
    height: 30,
    cells: new Uint8Array(1200),
    grid: [282_000, 5_800_000, 1000],
    epsg: 32_601,
  });
  const one = await placed(await openRaster(memorySource(file), 'a.tif'), 'a.tif', '');
  const cell = 2000;
  const side = Math.ceil((2 * halfEquator) / cell);
  const transform = [cell, 0, -halfEquator, 0, -cell, halfEquator] as const;
  const grid = { width: side, height: side, transform, crs: await epsgKeys(3857), note: '' };
  const { frames } = await viewOf(one, grid, 'near', 'rows');
  const ends = (all: typeof frames) =>
    all
      .toSorted((a, b) => a.left - b.left)
      .map(({ left, width }) => [left === 0, width < 40])
      .toString();
  expect(ends(frames)).toBe('true,true,false,true');
  const degrees = { ...grid, width: 3600, height: 1800, transform: [0.1, 0, -180, 0, -0.1, 90] as const };
  const round = await viewOf(one, { ...degrees, crs: await epsgKeys(4326) }, 'near', 'rows');
  expect(ends(round.frames)).toBe('true,true,false,true');
  const planning = {
    open: async () => memorySource(file),
    find: async () => undefined,
    signal: new AbortController().signal,
  };
  const raster = [{ uri: 'a.tif', format: 'tif', id: 'a', size: file.length }] as const;
  const params = resolve(webTiles.params as Spec, { ramp: 'greys', min: '0', max: '9' });
  const { parts, records } = await webTiles.partition({ raster }, params as never, 64, planning);
  expect([parts.length, records]).toEqual([2, 2]);
});
