/** What lidar/stats counts of points, and how it is told. */
import type { Triple } from '../formats/las.ts';
import type { Points } from '../kernels/codec.ts';
import { type Moments, mergeMoments, momentsOf, spreadOf } from '../kernels/moments.ts';

/** Of whole numbers; colours and infrared only where a file has them. Plain JSON. */
export type Summary = {
  readonly points: number;
  /** By name, in raw units; coordinates by scale and offset of their files, too. */
  readonly dimensions: { readonly [name: string]: Moments };
  /** Seconds, least and greatest; null where no point has any. */
  readonly times: readonly [number, number] | null;
  /** Points by class, by byte of returns, by point source, by flag (synthetic, key-point, withheld, overlap, scan direction, edge). */
  readonly classes: Counted;
  readonly returns: Counted;
  readonly sources: Counted;
  readonly flags: Counted;
};
export type Counted = { readonly [value: string]: number };

const flagNames = [
  'synthetic',
  'key-point',
  'withheld',
  'overlap',
  '',
  '',
  'scan-direction',
  'edge-of-flight-line',
];

/** Sums up points. Coordinates go by the scale and offset that they have, so that raw numbers of other units are not added up. */
export function summarize(
  points: Points,
  { scale, offset }: { readonly scale: Triple; readonly offset: Triple },
  hasColor: boolean,
  hasNir: boolean,
): Summary {
  const { count, returns, flags, time } = points;
  const low = returns.map((r) => r & 15);
  const high = returns.map((r) => r >> 4);
  const dimensions: { [name: string]: Moments } = {
    [`x ${scale[0]} ${offset[0]}`]: momentsOf(points.x),
    [`y ${scale[1]} ${offset[1]}`]: momentsOf(points.y),
    [`z ${scale[2]} ${offset[2]}`]: momentsOf(points.z),
    intensity: momentsOf(points.intensity),
    'return-number': momentsOf(low),
    'number-of-returns': momentsOf(high),
    class: momentsOf(points.classes),
    'scan-angle': momentsOf(points.angle),
    'user-data': momentsOf(points.user),
    'point-source': momentsOf(points.source),
    ...(hasColor
      ? { red: momentsOf(points.red), green: momentsOf(points.green), blue: momentsOf(points.blue) }
      : {}),
    ...(hasNir ? { nir: momentsOf(points.nir) } : {}),
  };
  let [first, last] = [Infinity, -Infinity];
  for (const t of time) {
    if (t < first) first = t;
    if (t > last) last = t;
  }
  const bits: { [name: string]: number } = {};
  const byFlags = countOf(flags, 256);
  for (const [byte, n] of Object.entries(byFlags))
    for (const [bit, name] of flagNames.entries())
      if (name !== '' && (Number(byte) >> bit) & 1) bits[name] = (bits[name] ?? 0) + n;
  return {
    points: count,
    dimensions,
    times: first <= last ? [first, last] : null,
    classes: countOf(points.classes, 256),
    returns: countOf(returns, 256),
    sources: countOf(points.source, 65536),
    flags: bits,
  };
}

function countOf(column: Uint8Array | Uint16Array, values: number): Counted {
  const counts = new Uint32Array(values);
  for (let i = 0; i < column.length; i++) counts[column[i]!]!++;
  const out: { [value: string]: number } = {};
  for (const [value, n] of counts.entries()) if (n > 0) out[value] = n;
  return out;
}

export function mergeSummaries(all: readonly Summary[]): Summary {
  const names = [...new Set(all.flatMap(({ dimensions }) => Object.keys(dimensions)))];
  const counted = (of: 'classes' | 'returns' | 'sources' | 'flags'): Counted => {
    const out: { [value: string]: number } = {};
    for (const one of all)
      for (const [value, n] of Object.entries(one[of])) out[value] = (out[value] ?? 0) + n;
    return out;
  };
  const times = all.flatMap((one) => (one.times ? [one.times] : []));
  return {
    points: all.reduce((sum, { points }) => sum + points, 0),
    dimensions: Object.fromEntries(
      names.map((name) => [
        name,
        mergeMoments(all.flatMap(({ dimensions }) => (dimensions[name] ? [dimensions[name]] : []))),
      ]),
    ),
    times:
      times.length === 0 ? null : [Math.min(...times.map(([a]) => a)), Math.max(...times.map(([, b]) => b))],
    classes: counted('classes'),
    returns: counted('returns'),
    sources: counted('sources'),
    flags: counted('flags'),
  };
}

/** A dimension as it is told: in units of the CRS where it is a coordinate. */
export type Told = {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly deviation: number;
};

/** Dimensions by name; coordinates of files with different scales and offsets are put together as far as f64 goes. */
export function tell({ dimensions }: Summary): { readonly [name: string]: Told } {
  const out: { [name: string]: Told } = {};
  for (const [full, moments] of Object.entries(dimensions)) {
    const [name, scale = 1, offset = 0] = full
      .split(' ')
      .map((part, i) => (i === 0 ? part : Number(part))) as [string, number?, number?];
    if (moments.count === 0) continue;
    const { mean, deviation } = spreadOf(moments, scale, offset);
    const here = {
      count: moments.count,
      min: moments.min * scale + offset,
      max: moments.max * scale + offset,
      mean,
      deviation,
    };
    const before = out[name];
    out[name] = before ? both(before, here) : here;
  }
  return out;
}

function both(a: Told, b: Told): Told {
  const count = a.count + b.count;
  const mean = (a.mean * a.count + b.mean * b.count) / count;
  const part = ({ count: n, mean: m, deviation }: Told): number => n * (deviation ** 2 + (m - mean) ** 2);
  return {
    count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    mean,
    deviation: Math.sqrt((part(a) + part(b)) / count),
  };
}
