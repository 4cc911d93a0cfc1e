/** Polygons as well-known binary. Source: OGC 06-103r4, clause 8; ISO 19125 and EWKB for types with heights and measures. */
import type { Polygons } from './polygons.ts';

const type = { point: 1, line: 2, polygon: 3, multiPolygon: 6, arc: 8, triangle: 17 };
/** Geometries of other geometries: of points, lines, polygons and anything; of curves; surfaces. */
const groups = [4, 5, 6, 7, 9, 10, 11, 12, 15, 16];
/** Groups of lines: their members are no areas of their own. */
const outlines = [9, 10, 11];
const deepest = 32;

/**
 * Polygons of a geometry; heights and measures are left out. Undefined for what has no area.
 * @throws RangeError for bytes that do not hold, or places that are no numbers
 */
export function polygonsOfWkb(bytes: Uint8Array): Polygons | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const geometry = (depth: number): Polygons | undefined => {
    if (depth > deepest) throw new RangeError(`geometries in geometries, more than ${deepest} deep`);
    const isLittle = view.getUint8(at) === 1;
    const count = (size: number): number => {
      const found = view.getUint32(at, isLittle);
      at += 4;
      if (found * size > bytes.length - at) throw new RangeError(`${found} members at byte ${at - 4}`);
      return found;
    };
    at += 1;
    const code = view.getUint32(at, isLittle);
    at += 4;
    // EWKB tells by bits of heights, measures and a system, ISO by thousands.
    if (code & 0x2000_0000) at += 4;
    const [plain, iso] = [code & 0xffff, Math.floor((code & 0xffff) / 1000)];
    const isHigh = (code & 0x8000_0000) !== 0 || iso === 1 || iso === 3;
    const isMeasured = (code & 0x4000_0000) !== 0 || iso === 2 || iso === 3;
    const width = 8 * (2 + Number(isHigh) + Number(isMeasured));
    const kind = plain % 1000;
    if (kind === type.polygon || kind === type.triangle) {
      const rings = Array.from({ length: count(4) }, () => {
        const places = count(width);
        if (places < 3) throw new RangeError(`a ring of ${places} places at byte ${at - 4}`);
        const ring = new Float64Array(2 * places);
        for (let i = 0; i < ring.length; i++)
          ring[i] = view.getFloat64(at + (i >> 1) * width + 8 * (i & 1), isLittle);
        if (!ring.every(Number.isFinite)) throw new RangeError(`a ring of no numbers at byte ${at}`);
        at += places * width;
        return ring;
      });
      return rings.length > 0 ? [rings] : [];
    }
    if (kind === type.point) at += width;
    else if (kind === type.line || kind === type.arc) at += count(width) * width;
    else if (!groups.includes(kind)) throw new RangeError(`a geometry of type ${code} at byte ${at - 4}`);
    else {
      const parts = Array.from({ length: count(5) }, () => geometry(depth + 1));
      const isArea = parts.length === 0 ? kind >= type.multiPolygon : parts.some((part) => part);
      if (isArea && !outlines.includes(kind)) return parts.flatMap((part) => part ?? []);
    }
    if (at > bytes.length) throw new RangeError(`byte ${at} of ${bytes.length}`);
    return undefined;
  };
  return geometry(0);
}

/** As WKB, little-endian: a Polygon where there is one, else a MultiPolygon. */
export function wkbOf(polygons: Polygons): Uint8Array {
  const sizeOf = (rings: readonly Float64Array[]): number =>
    9 + rings.reduce((sum, ring) => sum + 4 + 8 * ring.length, 0);
  const isOne = polygons.length === 1;
  const size = polygons.reduce((sum, rings) => sum + sizeOf(rings), isOne ? 0 : 9);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  const put = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const head = (kind: number, count: number): void => {
    view.setUint8(at++, 1);
    put(kind);
    put(count);
  };
  if (!isOne) head(type.multiPolygon, polygons.length);
  for (const rings of polygons) {
    head(type.polygon, rings.length);
    for (const ring of rings) {
      put(ring.length / 2);
      for (const value of ring) {
        view.setFloat64(at, value, true);
        at += 8;
      }
    }
  }
  return out;
}
