/** The options of a job: one table that gives the flag, its help, the default, the type and the check. */
import { BadUsage } from './errors.ts';
import type { Json } from './json.ts';

/** One option. `parse` reads the text of a command line; it throws `BadUsage` naming what was expected. */
export type Param<T extends Json> = {
  readonly default: T;
  readonly doc: string;
  readonly unit?: string;
  /** What a value looks like in help, say `n` or `a|b`; absent for a switch. */
  readonly hint?: string;
  parse(text: string): Json;
  check(value: Json): value is T;
  /** What `check` accepts, in words. */
  readonly expected: string;
};
export type Spec = { readonly [name: string]: Param<any> };
export type Values<S extends Spec> = { readonly [K in keyof S]: S[K] extends Param<infer T> ? T : never };

type Bounds = { unit?: string; min?: number; max?: number };

/** A finite number within `[min, max]`. */
export function number(fallback: number, doc: string, bounds: Bounds = {}): Param<number> {
  const { unit, min = -Infinity, max = Infinity } = bounds;
  return {
    default: fallback,
    doc,
    ...(unit === undefined ? {} : { unit }),
    hint: 'n',
    expected: `a number${range(min, max)}`,
    parse: read,
    check: (v): v is number => typeof v === 'number' && Number.isFinite(v) && v >= min && v <= max,
  };
}

/** A whole number within `[min, max]`; hexadecimal `0x704` reads too. */
export function integer(fallback: number, doc: string, bounds: Bounds = {}): Param<number> {
  const base = number(fallback, doc, bounds);
  return {
    ...base,
    expected: `a whole number${range(bounds.min ?? -Infinity, bounds.max ?? Infinity)}`,
    check: (v): v is number => base.check(v) && Number.isSafeInteger(v),
  };
}

/** One of a few words; the first is the default. */
export function choice<T extends string>(options: readonly [T, ...T[]], doc: string): Param<T> {
  return {
    default: options[0],
    doc,
    hint: options.join('|'),
    expected: `one of ${options.join(', ')}`,
    parse: (text) => text,
    check: (v): v is T => options.includes(v as T),
  };
}

/** Some of a few words, or words like `also`, with commas between, each once; `fallback` unless given. The value is the text. */
export function words(
  options: readonly string[],
  fallback: string,
  doc: string,
  also?: RegExp,
): Param<string> {
  const isWord = (word: string): boolean => options.includes(word) || also?.test(word) === true;
  const areWords = (found: readonly string[]): boolean =>
    found.every(isWord) && new Set(found).size === found.length;
  return {
    default: fallback,
    doc,
    hint: 'name,name,...',
    expected: `some of ${options.join(', ')}${also ? ` or like ${also.source}` : ''}, each once, with commas between`,
    parse: (value) => value,
    check: (v): v is string => typeof v === 'string' && areWords(v.split(',')),
  };
}

/** A switch, off unless given. */
export function flag(doc: string): Param<boolean> {
  return {
    default: false,
    doc,
    expected: 'true or false',
    parse: (text) => (text === 'true' ? true : text === 'false' ? false : text),
    check: (v): v is boolean => typeof v === 'boolean',
  };
}

/** Free text; empty unless given. `pattern` restricts it. */
export function text(doc: string, hint: string, pattern?: RegExp): Param<string> {
  return {
    default: '',
    doc,
    hint,
    expected: pattern ? `text like ${hint}` : 'text',
    parse: (value) => value,
    check: (v): v is string => typeof v === 'string' && (v === '' || !pattern || pattern.test(v)),
  };
}

/** A comma-separated list of whole numbers >= `min`; empty unless given. */
export function integers(doc: string, { unit, min = -Infinity }: Bounds = {}): Param<readonly number[]> {
  const ok = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= min;
  return {
    default: [],
    doc,
    ...(unit === undefined ? {} : { unit }),
    hint: 'n,n,...',
    expected: `whole numbers${range(min, Infinity)} with commas between`,
    parse: (value) => value.split(',').map(read),
    check: (v): v is readonly number[] => Array.isArray(v) && v.every(ok),
  };
}

/** The number that a text is, or the text, so that a message can show what was given. */
function read(text: string): number | string {
  const value = text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : text;
}

function range(min: number, max: number): string {
  if (min > -Infinity && max < Infinity) return ` from ${min} to ${max}`;
  if (min > -Infinity) return ` >= ${min}`;
  return max < Infinity ? ` <= ${max}` : '';
}

/**
 * Defaults filled in.
 * @throws BadUsage for an unknown name or a value that does not fit
 */
export function resolve<S extends Spec>(spec: S, given: { readonly [name: string]: Json } = {}): Values<S> {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(spec, name)) throw new BadUsage(`unknown option ${name}`);
  return Object.fromEntries(
    Object.entries(spec).map(([name, param]) => {
      const value = given[name] ?? param.default;
      if (!param.check(value))
        throw new BadUsage(`option ${name}: found ${JSON.stringify(value)}, expected ${param.expected}`);
      return [name, value];
    }),
  ) as Values<S>;
}
