/** Which sample a read belongs to: by the SM of its read group. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Header } from '../formats/bam.ts';
import { findTags, tagCode, tagsAt, tagTextEnd } from '../formats/tags.ts';

/** Samples in the order of the headers, and for each read group its sample's number, -1 for one that is not wanted. */
export type Samples = {
  readonly names: readonly string[];
  readonly groups: readonly (readonly [group: string, sample: number])[];
};

/** What reads without a read group are called. */
const nameless = 'sample';

/** @throws BadInput where two samples share a read group, BadUsage for a wanted one that is not there */
export function readSamples(
  files: readonly { readonly header: Header; readonly name: string }[],
  wanted: string,
): Samples {
  const found = new Map<string, string>();
  for (const { header, name } of files)
    for (const line of header.text.split('\n')) {
      if (!line.startsWith('@RG\t')) continue;
      const valueOf = (tag: string): string | undefined =>
        line
          .split('\t')
          .find((column) => column.startsWith(`${tag}:`))
          ?.slice(3)
          .trimEnd();
      const [group, sample] = [valueOf('ID') ?? '', valueOf('SM') ?? nameless];
      const known = found.get(group);
      if (known !== undefined && known !== sample)
        throw new BadInput(
          `BAM: read group ${group} is of sample ${known}, and in ${name} of ${sample}, expected one sample; name groups apart with samtools addreplacerg`,
        );
      found.set(group, sample);
    }
  const all = found.size > 0 ? [...new Set(found.values())] : [nameless];
  const names = wanted === '' ? all : wanted.split(',').filter((name, i, list) => list.indexOf(name) === i);
  const lost = names.find((name) => !all.includes(name));
  if (lost !== undefined)
    throw new BadUsage(`option samples: found ${lost}, expected some of ${all.join(', ')}`);
  return { names, groups: [...found].map(([group, sample]) => [group, names.indexOf(sample)]) };
}

/** Gives the sample of the record at a byte, -1 for one that is not wanted. */
export function createSampler({
  names,
  groups,
}: Samples): (bytes: Uint8Array, view: DataView, at: number) => number {
  if (names.length === 1 && groups.every(([, sample]) => sample === 0)) return () => 0;
  const numbers = new Map(groups);
  const slots = new Uint8Array(65536);
  slots[tagCode('RG')] = 1;
  const found = new Int32Array(1);
  return (bytes, view, at) => {
    const end = at + 4 + view.getInt32(at, true);
    findTags(bytes, tagsAt(view, at), end, slots, found);
    if (found[0]! < 0) return -1;
    const from = found[0]! + 1;
    return numbers.get(Buffer.from(bytes.subarray(from, tagTextEnd(bytes, from))).toString('latin1')) ?? -1;
  };
}
