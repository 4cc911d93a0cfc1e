/** PNG: GDAL reads the pixels that were written, refuses damage, and writes no smaller files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { encodePng, type Image, leanest } from '../geospatial/formats/png.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { shared } from './shared.ts';

vi.setConfig({ testTimeout: 60_000 });
const folder = mkdtempSync(join(tmpdir(), 'png-'));
afterAll(() => rmSync(folder, { recursive: true }));

const samples = { grey: 1, 'grey-alpha': 2, rgb: 3, rgba: 4, palette: 1 } as const;
const kinds = Object.keys(samples) as (keyof typeof samples)[];

/** Hills with noise on their eastern half and a flat corner: every filter has rows that it suits. */
function picture(width: number, height: number, kind: Image['kind'], colors = 256): Image {
  const count = samples[kind];
  const pixels = Uint8Array.from({ length: width * height * count }, (_, i) => {
    const [x, y] = [Math.floor(i / count) % width, Math.floor(i / count / width)];
    const noise = (Math.imul(i + 1, 0x9e3779b1) >>> 20) % 128;
    const hill = 120 + 60 * Math.sin(x / 9 + (i % count)) + 60 * Math.cos(y / 7);
    const value = x < width / 4 && y < height / 4 ? 9 : x > width / 2 ? hill / 2 + noise : hill;
    return kind === 'palette' ? value % colors : value;
  });
  const palette = Uint8Array.from({ length: 4 * colors }, (_, i) => (i * 37) % 256);
  return { width, height, kind, pixels, ...(kind === 'palette' ? { palette } : {}) };
}

/** Red, green, blue, alpha of every pixel, by the definition of the kinds. */
function colorsOf({ kind, pixels, palette }: Image): Uint8Array {
  const count = samples[kind];
  const out = new Uint8Array((4 * pixels.length) / count);
  for (let i = 0; i < out.length / 4; i++) {
    const [a, b, c, d] = pixels.subarray(count * i, count * i + count);
    if (palette) out.set(palette.subarray(4 * a!, 4 * a! + 4), 4 * i);
    else if (count < 3) out.set([a!, a!, a!, b ?? 255], 4 * i);
    else out.set([a!, b!, c!, d ?? 255], 4 * i);
  }
  return out;
}

/** Whether GDAL reads from each file the pixels beside it, with the kind of bands that are expected. */
const script = `
out = []
for g in given:
    try:
        ds = gdal.Open(g["png"])
        bands = [ds.GetRasterBand(b + 1) for b in range(ds.RasterCount)]
        shape = (ds.RasterYSize, ds.RasterXSize)
        wanted = np.fromfile(g["raw"], np.uint8).reshape(shape + (4,))
        values = [b.ReadAsArray() for b in bands]
        table = bands[0].GetColorTable()
        if table:
            lookup = np.array([table.GetColorEntry(i) for i in range(table.GetCount())], np.uint8)
            found = lookup[values[0]]
        else:
            opaque = np.full(shape, 255, np.uint8)
            color, alpha = (values[:-1], values[-1]) if len(values) in (2, 4) else (values, opaque)
            found = np.dstack((color * 3 if len(color) == 1 else color) + [alpha])
        out.append([ds.RasterXSize, ds.RasterYSize, len(bands), bool(table), int((found != wanted).sum())])
        ds = None
    except RuntimeError as e:
        out.append(str(e))
print(json.dumps(out))
`;

function byGdal(files: readonly { file: Uint8Array; rgba: Uint8Array }[]): unknown[] {
  return gdal<unknown[]>(
    script,
    files.map(({ file, rgba }, i) => {
      const [png, raw] = [join(folder, `${i}.png`), join(folder, `${i}.raw`)];
      writeFileSync(png, file);
      writeFileSync(raw, rgba);
      return { png, raw };
    }),
  );
}

describe.skipIf(gdalMissing)('GDAL', () => {
  test('reads the pixels of every kind and size', () => {
    const sizes = [
      [1, 1],
      [1, 9],
      [9, 1],
      [7, 5],
      [256, 256],
      [300, 41],
    ];
    const images = kinds.flatMap((kind) => sizes.map(([w, h]) => picture(w!, h!, kind)));
    images.push(picture(16, 16, 'palette', 1), picture(64, 64, 'palette', 17));
    const found = byGdal(images.map((image) => ({ file: encodePng(image), rgba: colorsOf(image) })));
    expect(found).toEqual(
      images.map(({ width, height, kind }) => [width, height, samples[kind], kind === 'palette', 0]),
    );
  });
  test('reads what the leanest kind made of pixels', () => {
    const images = kinds.map((kind) => picture(40, 30, kind));
    const found = byGdal(
      images.map((image) => {
        const rgba = colorsOf(image);
        return { file: encodePng(leanest(40, 30, rgba)), rgba };
      }),
    );
    expect(found.map((f) => (f as number[])[4])).toEqual(kinds.map(() => 0));
  });
  test('refuses damage, and sees a pixel that differs', () => {
    const image = picture(64, 64, 'rgb');
    const file = encodePng(image);
    const rgba = colorsOf(image);
    const at = file.length - 100;
    const damaged = Uint8Array.from(file, (byte, i) => (i === at ? byte ^ 1 : byte));
    const other = rgba.map((byte, i) => (i === 777 ? byte ^ 1 : byte));
    const [hurt, short, differs] = byGdal([
      { file: damaged, rgba },
      { file: file.subarray(0, -300), rgba },
      { file, rgba: other },
    ]);
    expect(hurt).not.toEqual([64, 64, 3, false, 0]);
    expect(short).not.toEqual([64, 64, 3, false, 0]);
    expect(differs).toEqual([64, 64, 3, false, 1]);
  });

  const real = shared() && join(shared()!, 'data/geospatial/satellite');
  if (!real) console.warn('skipped: no shared data, so no sizes of real images');
  test.skipIf(!real)('writes files of real images that are no smaller, but for a fiftieth', () => {
    const given = [
      { file: 'naip/m_4709963_se_14_1_20180716.tif', bands: [1, 2, 3], kind: 'rgb' },
      { file: 'naip/m_4709963_se_14_1_20180716.tif', bands: [1], kind: 'grey' },
      { file: 'cog/riocogeo-image_rgb_mask.tif', bands: [1, 2, 3], kind: 'rgb' },
    ] as const;
    const found = gdal<{ width: number; height: number; size: number }[]>(
      `
out = []
for i, g in enumerate(given["images"]):
    png, raw = (given["folder"] + "/real%d.%s" % (i, e) for e in ("png", "raw"))
    gdal.Translate(png, g["file"], format="PNG", bandList=g["bands"])
    ds = gdal.Open(g["file"])
    values = np.dstack([ds.GetRasterBand(b).ReadAsArray() for b in g["bands"]])
    values.tofile(raw)
    out.append({"width": values.shape[1], "height": values.shape[0], "size": len(open(png, "rb").read())})
print(json.dumps(out))`,
      { folder, images: given.map((g) => ({ ...g, file: join(real!, g.file) })) },
    );
    for (const [i, { width, height, size }] of found.entries()) {
      const pixels = readFileSync(join(folder, `real${i}.raw`));
      const ours = encodePng({ width, height, kind: given[i]!.kind, pixels }).length;
      expect(ours).toBeLessThanOrEqual(1.02 * size);
    }
  });
});

describe('the leanest kind', () => {
  test('is the one that it takes', () => {
    const kindOf = (...rgba: number[]): string => leanest(rgba.length / 4, 1, Uint8Array.from(rgba)).kind;
    expect(kindOf(1, 1, 1, 255, 2, 2, 2, 255)).toBe('grey');
    expect(kindOf(1, 1, 1, 255, 2, 2, 2, 0)).toBe('grey-alpha');
    expect(kindOf(1, 1, 1, 255, 2, 1, 2, 255)).toBe('palette');
    const colors = (count: number, alpha: number): number[] =>
      Array.from({ length: count }, (_, i) => [i % 256, i >> 8, 200, alpha]).flat();
    expect(kindOf(...colors(256, 7), ...colors(256, 7))).toBe('palette');
    expect(kindOf(...colors(257, 255))).toBe('rgb');
    expect(kindOf(...colors(257, 255), 0, 0, 0, 0)).toBe('rgba');
  });
  test('loses nothing', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const color = fc.oneof(
      fc.tuple(byte, byte, byte, byte),
      byte.map((grey) => [grey, grey, grey, 255]),
    );
    fc.assert(
      fc.property(fc.array(color, { minLength: 1, maxLength: 300 }), (colors) => {
        const rgba = Uint8Array.from(colors.flat());
        expect(colorsOf(leanest(colors.length, 1, rgba))).toEqual(rgba);
      }),
    );
  });
});

describe('the file', () => {
  test('is the same for the same image, and leaves it as it was', () => {
    const image = picture(50, 40, 'rgba');
    const pixels = image.pixels.slice();
    expect(encodePng(image)).toEqual(encodePng({ ...image, pixels }));
    expect(image.pixels).toEqual(pixels);
  });
  test('names no alpha behind the last colour that has one', () => {
    const palette = Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 9, 7, 8, 9, 255);
    const image: Image = { width: 3, height: 1, kind: 'palette', pixels: Uint8Array.of(0, 1, 2), palette };
    const text = Buffer.from(encodePng(image)).toString('latin1');
    expect(text).toContain('\0\0\0\tPLTE\x01\x02\x03\x04\x05\x06\x07\x08\t');
    expect(text).toContain('\0\0\0\x02tRNS\xff\t');
    const opaque = encodePng({ ...image, palette: palette.map((v, i) => (i % 4 === 3 ? 255 : v)) });
    expect(Buffer.from(opaque).toString('latin1')).not.toContain('tRNS');
  });
  test('is not written of what is no image', () => {
    const good = { width: 2, height: 2, kind: 'grey', pixels: new Uint8Array(4) } as const;
    const bad: Partial<Image>[] = [
      { width: 0 },
      { width: 2.5 },
      { width: 2 ** 31, height: 2 ** 31 },
      { pixels: new Uint8Array(5) },
      { kind: 'rgb' },
      { kind: 'palette' },
      { palette: new Uint8Array(4) },
      { kind: 'palette', palette: new Uint8Array(0) },
      { kind: 'palette', palette: new Uint8Array(6) },
      { kind: 'palette', palette: new Uint8Array(4 * 257) },
      { kind: 'palette', palette: new Uint8Array(4), pixels: Uint8Array.of(0, 0, 0, 1) },
    ];
    for (const change of bad) expect(() => encodePng({ ...good, ...change })).toThrow(/^PNG/);
  });
});
