/** How values are compared, with what is missing, and how verdicts are joined, by the rules of bcftools (filter.c, 1.16). */
import type { Operator } from './parse.ts';
import type { Numbers, Verdict, Words } from './value.ts';

/** Of one missing side, and of two. */
type Missing = readonly [one: boolean, both: boolean];
const missingOf = (operator: Operator): Missing =>
  operator === '==' || operator === '~'
    ? [false, true]
    : operator === '!=' || operator === '!~'
      ? [true, false]
      : [false, false];

const tests: { readonly [operator: string]: (a: number, b: number) => boolean } = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
/** Numbers are compared as single floats, unless they are too large for that. */
const exact = 2 ** 24;

/** Compares numbers; `out.samples` is there when one of them is of samples. */
export function compareNumbers(a: Numbers, b: Numbers, operator: Operator, out: Verdict): void {
  const [one, both] = missingOf(operator);
  const isAny = one || both;
  const test = tests[operator]!;
  const holds = (x: number, y: number): boolean => {
    const missing = (Number.isNaN(x) ? 1 : 0) + (Number.isNaN(y) ? 1 : 0);
    if (missing > 0) return missing === 1 ? one : both;
    return x > exact || y > exact ? test(x, y) : test(Math.fround(x), Math.fround(y));
  };
  out.site = false;
  const { samples } = out;
  samples?.fill(0);
  const pass = (i: number): void => {
    if (a.mask?.[i] === 0 || b.mask?.[i] === 0) return;
    samples![i] = 1;
    out.site = true;
  };
  const lonely = a.count === 0 ? b : a;
  if (!samples) {
    if (a.count === 0 && b.count === 0) out.site = both;
    else if (a.count === 0 || b.count === 0) {
      for (let j = 0; j < lonely.count && !out.site; j++)
        out.site = Number.isNaN(lonely.data[j]!) ? both : one;
    } else
      for (let i = 0; i < a.count && !out.site; i++)
        for (let j = 0; j < b.count && !out.site; j++) out.site = holds(a.data[i]!, b.data[j]!);
    return;
  }
  if (a.count === 0 && b.count === 0) {
    if (both) for (let i = 0; i < samples.length; i++) pass(i);
    return;
  }
  if (a.count === 0 || b.count === 0) {
    const [width, stride] = lonely.perSample ? [lonely.width, lonely.width] : [lonely.count, 0];
    for (let i = 0; i < samples.length; i++) {
      let isMissing = false;
      for (let j = 0; j < width; j++) if (Number.isNaN(lonely.data[i * stride + j]!)) isMissing = true;
      if (isMissing ? both : one) pass(i);
    }
    return;
  }
  for (let i = 0; i < samples.length; i++) {
    const [aFrom, bFrom] = [a.perSample ? i * a.width : 0, b.perSample ? i * b.width : 0];
    const [aSize, bSize] = [a.perSample ? a.width : a.count, b.perSample ? b.width : b.count];
    if (a.perSample && b.perSample) {
      for (let j = 0; j < Math.min(aSize, bSize); j++)
        if (holds(a.data[aFrom + j]!, b.data[bFrom + j]!)) {
          pass(i);
          break;
        }
      continue;
    }
    let isFound = false;
    for (let j = 0; j < aSize && !isFound; j++)
      for (let k = 0; k < bSize && !isFound; k++) {
        const [x, y] = [a.data[aFrom + j]!, b.data[bFrom + k]!];
        if (!isAny && (Number.isNaN(x) || Number.isNaN(y))) continue;
        isFound = holds(x, y);
      }
    if (isFound) pass(i);
  }
}

const isMissingText = (text: string): boolean => text.split(',').includes('.');

/** Whether any value of `a` and any of `b` do. */
function matchWords(a: string, b: string, operator: Operator): boolean {
  const [one, both] = missingOf(operator);
  if (a === '' || b === '') return false;
  const others = b.split(',');
  for (const x of a.split(','))
    for (const y of others) {
      const missing = (x === '.' ? 1 : 0) + (y === '.' ? 1 : 0);
      if (missing > 0 ? (missing === 1 ? one : both) : (x === y) === (operator === '==')) return true;
    }
  return false;
}

function matchPattern(text: string, pattern: RegExp, operator: Operator): boolean {
  const [one] = missingOf(operator);
  if (text === '') return false;
  for (const value of text.split(',')) {
    if (value === '.' && one) return true;
    if (pattern.test(value) === (operator === '~')) return true;
  }
  return false;
}

/** Compares text with text, or with a pattern. */
export function compareWords(a: Words, b: Words | RegExp, operator: Operator, out: Verdict): void {
  const [one, both] = missingOf(operator);
  out.site = false;
  const { samples } = out;
  samples?.fill(0);
  const other = b instanceof RegExp ? undefined : b;
  const [aHas, bHas] = [a.count > 0, !other || other.count > 0];
  const textOf = (words: Words, i: number): string => words.texts[words.perSample ? i : 0]!;
  const holds = (i: number): boolean => {
    if (!aHas && !bHas) return both;
    if (!aHas || !bHas) {
      // Of a pattern nothing is missing.
      const text = aHas ? textOf(a, i) : other ? textOf(other, i) : 'x';
      return isMissingText(text) ? both : one;
    }
    return other
      ? matchWords(textOf(a, i), textOf(other, i), operator)
      : matchPattern(textOf(a, i), b as RegExp, operator);
  };
  if (!samples) {
    out.site = holds(0);
    return;
  }
  for (let i = 0; i < samples.length; i++)
    if (a.mask?.[i] !== 0 && other?.mask?.[i] !== 0 && holds(i)) {
      samples[i] = 1;
      out.site = true;
    }
}

/** `||` and `|` hold for the record alike; of the samples the first passes all where both sides may, the second those that do. */
export function joinOr(a: Verdict, b: Verdict, isVector: boolean, out: Verdict): void {
  out.site = a.site || b.site;
  const { samples } = out;
  if (!samples) return;
  samples.fill(0);
  if (!out.site) return;
  const only = !a.samples ? b.samples : !b.samples ? a.samples : undefined;
  const isOneSided = (!a.samples && !a.site) || (!b.samples && !b.site);
  if (isVector) {
    if (isOneSided) samples.set(only!);
    else samples.fill(1);
  } else if (only) samples.set(only);
  else for (let i = 0; i < samples.length; i++) samples[i] = a.samples![i]! | b.samples![i]!;
}

/** `&&` holds where both sides do, be it in different samples; `&` in the same one. */
export function joinAnd(a: Verdict, b: Verdict, isVector: boolean, out: Verdict): void {
  out.site = false;
  const { samples } = out;
  samples?.fill(0);
  if (!a.site || !b.site) return;
  if (!samples || !a.samples || !b.samples) {
    out.site = true;
    samples?.set((a.samples ?? b.samples)!);
    return;
  }
  for (let i = 0; i < samples.length; i++) {
    samples[i] = isVector ? a.samples[i]! | b.samples[i]! : a.samples[i]! & b.samples[i]!;
    if (samples[i]) out.site = true;
  }
  if (isVector) out.site = true;
}
