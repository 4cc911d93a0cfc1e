/** Options that count things in thousands and millions. */
import type { Param } from '../core/params.ts';
import { number } from '../core/params.ts';

const factor: { readonly [suffix: string]: number } = { '': 1, k: 1e3, M: 1e6, G: 1e9 };

/** A whole number within `[min, max]`, written plain or with k, M or G: `6M`, `500k`, `1.5M`. */
export function quantity(
  fallback: number,
  doc: string,
  { unit, min = 0, max = Number.MAX_SAFE_INTEGER }: { unit?: string; min?: number; max?: number } = {},
): Param<number> {
  const base = number(fallback, doc, { ...(unit === undefined ? {} : { unit }), min, max });
  return {
    ...base,
    hint: 'n[k|M|G]',
    expected: `a whole number such as 6M, 500k or 1.5M, from ${min} to ${max}`,
    parse: (text) => {
      const found = /^(\d+(?:\.\d+)?)([kKmMgG]?)$/.exec(text.trim());
      if (!found) return text;
      const suffix = found[2]! === 'K' || found[2]! === 'k' ? 'k' : found[2]!.toUpperCase();
      // 1.005M is 1004999.9999999999 in binary.
      return Math.round(Number(found[1]!) * factor[suffix]! * 1e3) / 1e3;
    },
    check: (v): v is number => base.check(v) && Number.isSafeInteger(v),
  };
}
