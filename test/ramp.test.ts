/** Colour ramps and painting: GDAL makes the same colours of the same values, and what is no value is transparent. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import { paintColors, paintRamp } from '../geospatial/kernels/paint.ts';
import { rampNames, rampOf, rampSteps } from '../geospatial/kernels/ramp.ts';
import { gdal, gdalMissing } from './gdal.ts';

const colorAt = (text: string, step: number): number[] => [...rampOf(text).subarray(4 * step, 4 * step + 4)];

describe('ramps', () => {
  test.each(rampNames)('%s goes through 256 opaque colours', (name) => {
    const ramp = rampOf(name);
    expect(ramp.length).toBe(4 * rampSteps);
    expect(ramp.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
    expect(colorAt(name, 0)).not.toEqual(colorAt(name, 255));
  });
  test('begin, go through the middle, and end where their sources do', () => {
    expect(colorAt('viridis', 0)).toEqual([0x44, 0x01, 0x54, 255]);
    expect(colorAt('viridis', 255)).toEqual([0xfd, 0xe7, 0x25, 255]);
    expect(colorAt('magma', 255)).toEqual([0xfc, 0xfd, 0xbf, 255]);
    expect(colorAt('greys', 77)).toEqual([77, 77, 77, 255]);
    expect(colorAt('blues', 255)).toEqual([0x08, 0x30, 0x6b, 255]);
    expect(colorAt('0:#d73027,0.5:#ffffbf,1:#1a9850', 0)).toEqual(colorAt('rdylgn', 0));
    expect(rampOf('ndvi')).toEqual(rampOf('rdylgn'));
    // matplotlib's viridis at steps 64, 128 and 192, which lie between control points.
    for (const [step, color] of [
      [64, [0x3b, 0x52, 0x8b]],
      [128, [0x21, 0x91, 0x8c]],
      [192, [0x5e, 0xc9, 0x62]],
    ] as const)
      for (const [c, value] of color.entries())
        expect(Math.abs(colorAt('viridis', step)[c]! - value)).toBeLessThanOrEqual(2);
  });
  test('stay at their ends, and go straight between', () => {
    const text = '0.2:#000000, 0.6:#ff8800';
    expect(colorAt(text, 0)).toEqual([0, 0, 0, 255]);
    expect(colorAt(text, 51)).toEqual([0, 0, 0, 255]);
    expect(colorAt(text, 102)).toEqual([128, 68, 0, 255]);
    expect(colorAt(text, 153)).toEqual([255, 136, 0, 255]);
    expect(colorAt(text, 255)).toEqual([255, 136, 0, 255]);
    expect(colorAt('0.5:#123456', 9)).toEqual([0x12, 0x34, 0x56, 255]);
  });
  test.each([
    '',
    'Viridis',
    'toString',
    '0:#000',
    '0:#00000g',
    '0:000000',
    '0:#000000,',
    '1.1:#000000',
    '-1:#000000',
    '.:#000000',
    '0:#000000,0:#ffffff',
    '0.5:#000000,0.4:#ffffff',
  ])('of %j are refused', (text) => {
    expect(() => rampOf(text)).toThrow(BadUsage);
  });
});

describe.skipIf(gdalMissing)('GDAL', () => {
  test('draws the same colours of the same ramp', () => {
    const text = '0:#102030,0.25:#ff8800,0.26:#0000ff,0.9:#00ff7f,1:#ffffff';
    const table = text.split(',').map((stop) => {
      const [at, color] = stop.split(':#');
      return [Number(at), ...color!.match(/../g)!.map((hex) => Number.parseInt(hex, 16))];
    });
    const found = gdal<number[]>(
      `
import os, tempfile
ds = gdal.GetDriverByName("MEM").Create("", 256, 1, 1, gdal.GDT_Float64)
ds.GetRasterBand(1).WriteArray(np.arange(256).reshape(1, 256) / 255)
with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as f:
    f.write("\\n".join(" ".join(map(str, row)) for row in given))
drawn = gdal.DEMProcessing("/vsimem/ramp.tif", ds, "color-relief", colorFilename=f.name).ReadAsArray()
os.unlink(f.name)
print(json.dumps(np.moveaxis(drawn, 0, -1).flatten().tolist()))`,
      table,
    );
    const ours = rampOf(text).filter((_, i) => i % 4 !== 3);
    expect(found.length).toBe(ours.length);
    for (const [i, value] of found.entries()) expect(Math.abs(value - ours[i]!)).toBeLessThanOrEqual(1);
  });
  test('stretches values to the same steps', () => {
    const values = Array.from({ length: 997 }, (_, i) => -1300.5 + 7.25 * i + Math.sin(i));
    const stretch = { min: -100.25, max: 4321 };
    const found = gdal<number[]>(
      `
ds = gdal.GetDriverByName("MEM").Create("", len(given["values"]), 1, 1, gdal.GDT_Float64)
ds.GetRasterBand(1).WriteArray(np.array([given["values"]]))
scaled = gdal.Translate("", ds, format="MEM", outputType=gdal.GDT_Byte, scaleParams=[[given["min"], given["max"], 0, 255]])
print(json.dumps(scaled.ReadAsArray().flatten().tolist()))`,
      { values, ...stretch },
    );
    const painted = paintRamp(Float64Array.from(values), rampOf('greys'), stretch);
    expect(Array.from(painted.filter((_, i) => i % 4 === 0))).toEqual(found);
    expect(new Set(found).size).toBe(256);
  });
});

describe('painting', () => {
  const stretch = { min: 0, max: 255 };
  const greys = rampOf('greys');
  test('leaves out what is no value: nodata, NaN, and what the mask says', () => {
    const values = Float32Array.of(0, 100, NaN, -9999, 300, -Infinity, Infinity);
    const mask = Uint8Array.of(255, 0, 255, 255, 255, 255, 255);
    const pixels = paintRamp(values, greys, stretch, { nodata: -9999, mask });
    const cells = Array.from({ length: 7 }, (_, i) => [...pixels.subarray(4 * i, 4 * i + 4)]);
    const none = [0, 0, 0, 0];
    const [black, white] = [
      [0, 0, 0, 255],
      [255, 255, 255, 255],
    ];
    expect(cells).toEqual([black, none, none, none, white, black, white]);
  });
  test('has a pixel of three bands where one of them has a value', () => {
    const red = Uint16Array.of(0, 10, 0, 7);
    const green = Uint16Array.of(0, 0, 20, 7);
    const blue = Uint16Array.of(0, 30, 0, 7);
    const pixels = paintColors([red, green, blue], stretch, { nodata: 0, mask: Uint8Array.of(1, 1, 1, 0) });
    expect([...pixels]).toEqual([0, 0, 0, 0, 10, 0, 30, 255, 0, 20, 0, 255, 0, 0, 0, 0]);
  });
  test('is that of three bands where all are one', () => {
    const cells = fc.array(fc.double({ min: -10, max: 300 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(cells, (list) => {
        const values = Float64Array.from(list);
        const bounds = { min: 3, max: 200 };
        expect(paintColors([values, values, values], bounds)).toEqual(paintRamp(values, greys, bounds));
      }),
    );
  });
  test('wants bounds that ascend, and bands of one size', () => {
    const values = Int16Array.of(1, 2);
    for (const bounds of [
      { min: 1, max: 1 },
      { min: 2, max: 1 },
      { min: NaN, max: 1 },
      { min: 0, max: Infinity },
      { min: 0, max: 5e-324 },
    ]) {
      expect(() => paintRamp(values, greys, bounds)).toThrow(/expected min < max/);
      expect(() => paintColors([values, values, values], bounds)).toThrow(/expected min < max/);
    }
    expect(() => paintColors([values, values, Int16Array.of(1)], stretch)).toThrow(/bands of 2, 2, 1 cells/);
  });
});
