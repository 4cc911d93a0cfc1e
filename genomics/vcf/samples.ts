/** Which samples of a VCF are wanted. */
import { BadUsage } from '../../core/errors.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';

/** Names in the order wanted; `slots`: of each sample of the header the place among them, or -1. */
export type Wanted = { readonly names: readonly string[]; readonly slots: Int32Array };

/** `given`: names with commas between, `all`, or nothing for none. @throws BadUsage for a name that the file does not have */
export function wantedSamples(given: string, { samples }: VcfHeader, name: string): Wanted {
  const names = given === '' ? [] : given === 'all' && !samples.includes('all') ? samples : given.split(',');
  const places = new Map(names.map((sample, i) => [sample, i]));
  if (places.size < names.length)
    throw new BadUsage(`--samples: ${given} names one twice, expected each once`);
  const known = new Set(samples);
  for (const sample of names)
    if (!known.has(sample))
      throw new BadUsage(
        `--samples: ${name} has no sample ${sample}, expected some of ${samples.slice(0, 10).join(', ')}${samples.length > 10 ? ', ...' : ''}`,
      );
  return { names, slots: Int32Array.from(samples, (sample) => places.get(sample) ?? -1) };
}
