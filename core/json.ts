/** Plain data: what crosses a process border, and its canonical text. */

/** Anything that survives `JSON.parse(JSON.stringify(x))`. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Resolved options of a job, by name. */
export type Options = { readonly [name: string]: Json };

/**
 * JSON text with object keys sorted by code unit, so that equal values have equal text.
 * @throws RangeError for a number that JSON cannot hold
 */
export function canonical(value: Json): string {
  if (value === null || typeof value !== 'object') {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`not JSON: ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const object = value as Options;
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(object[key]!)}`);
  return `{${members.join(',')}}`;
}
