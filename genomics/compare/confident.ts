/** Where alleles count: in one of the confident regions, and in the region that was asked for. */
import { BadUsage } from '../../core/errors.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { bedOf } from '../formats/remembered.ts';
import { plainName } from './settings.ts';

export type Confident = {
  /** Whether anything of a contig, named without `chr`, counts. */
  has(contig: string): boolean;
  /** Whether a contig is named, by the regions or by `--region`. */
  isNamed(contig: string): boolean;
  /** Whether `[from, to)` lies within one of the regions. */
  holds(contig: string, from: number, to: number): boolean;
};

type Regions = { readonly start: Uint32Array; readonly reach: Float64Array };

/** Without `confident` all counts. @throws BadUsage for a region that is none */
export async function confidentOf(
  region: string,
  confident: Dataset | undefined,
  host: Pick<Context, 'open'>,
): Promise<Confident> {
  const locus = region === '' ? undefined : locusOf(region);
  const contigs = confident && (await regionsOf(confident, host));
  const inLocus = (contig: string): boolean => !locus || locus.contig === contig;
  return {
    has: (contig) => inLocus(contig) && (!contigs || contigs.has(contig)),
    isNamed: (contig) => (locus ? locus.contig === contig : contigs ? contigs.has(contig) : true),
    holds(contig, from, to) {
      if (locus && (locus.contig !== contig || from < locus.from || to > locus.to)) return false;
      if (!contigs) return true;
      const regions = contigs.get(contig);
      if (!regions) return false;
      const { start, reach } = regions;
      let [low, high] = [0, start.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (start[middle]! <= from) low = middle + 1;
        else high = middle;
      }
      // Of those that begin before, the one that reaches farthest decides.
      return low > 0 && reach[low - 1]! >= to;
    },
  };
}

/** `chr20:1000000-3000000`, or a whole contig; numbers from 1, the last one included. */
function locusOf(text: string): { readonly contig: string; readonly from: number; readonly to: number } {
  const match = /^(.+?)(?::([\d,]+)(?:-([\d,]+))?)?$/.exec(text);
  const numberOf = (digits: string | undefined, otherwise: number): number =>
    digits === undefined ? otherwise : Number(digits.replaceAll(',', ''));
  const [from, to] = [numberOf(match?.[2], 1) - 1, numberOf(match?.[3], Infinity)];
  if (!match || from < 0 || from >= to)
    throw new BadUsage(`option region: found ${JSON.stringify(text)}, expected contig or contig:from-to`);
  return { contig: plainName(match[1]!), from, to };
}

const known = new WeakMap<object, ReadonlyMap<string, Regions>>();

async function regionsOf(
  confident: Dataset,
  host: Pick<Context, 'open'>,
): Promise<ReadonlyMap<string, Regions>> {
  const bed = await bedOf(confident, host);
  const before = known.get(bed);
  if (before) return before;
  const made = new Map(
    [...bed.contigs].map(([contig, { start, end }]): [string, Regions] => {
      const reach = new Float64Array(end.length);
      for (let i = 0; i < end.length; i++) reach[i] = Math.max(end[i]!, reach[i - 1] ?? 0);
      return [plainName(contig), { start, reach }];
    }),
  );
  known.set(bed, made);
  return made;
}
