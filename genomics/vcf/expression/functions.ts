/** Functions of expressions: over all values of a record, or of each sample (`SMPL_MAX`, `sMAX`). */
import { type Numbers, resize, type Words } from './value.ts';

type Reduce = (values: number[]) => number;
const sum: Reduce = (values) => values.reduce((all, value) => all + value, 0);
const mean: Reduce = (values) => sum(values) / values.length;

const reductions: { readonly [name: string]: Reduce } = {
  MAX: (values) => values.reduce((most, value) => Math.max(most, value), -Infinity),
  MIN: (values) => values.reduce((least, value) => Math.min(least, value), Infinity),
  AVG: mean,
  MEAN: mean,
  SUM: sum,
  MEDIAN(values) {
    const sorted = values.toSorted((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  },
  STDEV(values) {
    const average = mean(values);
    return Math.sqrt(mean(values.map((value) => (value - average) ** 2)));
  },
};

/** A function over numbers by its name in any case; `isEach`: of each sample. */
export function reductionOf(name: string): { readonly reduce: Reduce; readonly isEach: boolean } | undefined {
  const match = /^(SMPL_|s)?(MAX|MIN|AVG|MEAN|MEDIAN|STDEV|SUM)$/i.exec(name);
  const reduce = match && reductions[match[2]!.toUpperCase()];
  return reduce ? { reduce, isEach: match[1] !== undefined } : undefined;
}

const present = (data: Float64Array, from: number, to: number): number[] =>
  Array.from(data.subarray(from, to)).filter((value) => !Number.isNaN(value));

/** One number of all that are there; none of none. */
export function reduceAll(of: Numbers, reduce: Reduce, out: Numbers): Numbers {
  const values: number[] = [];
  if (!of.perSample) values.push(...present(of.data, 0, of.count));
  else if (of.count > 0)
    for (let i = 0; i * of.width < of.count; i++)
      if (of.mask?.[i] !== 0) values.push(...present(of.data, i * of.width, (i + 1) * of.width));
  resize(out, values.length > 0 ? 1 : 0, 1);
  if (values.length > 0) out.data[0] = reduce(values);
  return out;
}

/** A number of each sample. */
export function reduceEach(of: Numbers, reduce: Reduce, out: Numbers): Numbers {
  const samples = of.count / of.width;
  resize(out, of.count === 0 ? 0 : samples, 1);
  for (let i = 0; i < out.count; i++) {
    const values = present(of.data, i * of.width, (i + 1) * of.width);
    out.data[i] = values.length > 0 ? reduce(values) : NaN;
  }
  return out;
}

/** How many values there are. */
export function countValues(of: Numbers | Words): number {
  if (of.is === 'words') return of.count === 0 ? 0 : of.texts[0]!.split(',').length;
  if (!of.perSample) return of.count;
  let count = 0;
  for (let i = 0; i < of.count; i++)
    if (!Number.isNaN(of.data[i]!) && of.mask?.[Math.floor(i / of.width)] !== 0) count++;
  return count;
}

export function absolute(of: Numbers, out: Numbers): Numbers {
  resize(out, of.count, of.width);
  for (let i = 0; i < of.count; i++) out.data[i] = Math.abs(of.data[i]!);
  return out;
}

/** The length of each value. */
export function lengths(of: Words, out: Numbers): Numbers {
  const values = of.count === 0 ? [] : of.texts[0]!.split(',');
  resize(out, values.length, 1);
  values.forEach((value, i) => (out.data[i] = value === '.' && values.length === 1 ? 0 : value.length));
  return out;
}

/** Sums, differences, products, quotients, remainders: value by value, a single one with each. */
export function arithmetic(a: Numbers, b: Numbers, operator: string, out: Numbers): Numbers {
  if (a.count === 0 || b.count === 0) {
    resize(out, 0, 1);
    return out;
  }
  const leader = a.perSample === b.perSample ? (a.count >= b.count ? a : b) : a.perSample ? a : b;
  resize(out, leader.count, leader.width);
  let has = false;
  for (let i = 0; i < leader.count; i++) {
    const [x, y] = [a.data[at(a, leader, i)]!, b.data[at(b, leader, i)]!];
    out.data[i] = calculate(x, y, operator);
    if (!Number.isNaN(x) && !Number.isNaN(y)) has = true;
  }
  if (!has) out.count = 0;
  return out;
}

/** Where the value lies that goes with that of the leader. */
function at(of: Numbers, leader: Numbers, i: number): number {
  if (of === leader) return i;
  if (of.perSample && of.width !== leader.width) return Math.floor(i / leader.width) * of.width;
  return of.perSample || of.count > 1 ? Math.min(i, of.count - 1) : 0;
}

function calculate(x: number, y: number, operator: string): number {
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    default:
      return Math.trunc(x) % Math.trunc(y);
  }
}
