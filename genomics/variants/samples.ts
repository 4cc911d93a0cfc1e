/** Which sample a read belongs to: by the SM of its read group, or the only one of its file. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Header } from '../formats/bam.ts';
import { findTags, tagCode, tagsAt, tagTextEnd } from '../formats/tags.ts';

/** Samples in the order of the headers. */
export type Samples = {
  readonly names: readonly string[];
  /** For each read group its sample's number, -1 for one that is not wanted. */
  readonly groups: readonly (readonly [group: string, sample: number])[];
  /** For each file the number of its only sample; `several` where read groups must tell. */
  readonly files: readonly number[];
};

/** What reads of a file without read groups are called. */
const nameless = 'sample';
const several = -2;

/** @throws BadInput where two samples share a read group, BadUsage for a wanted one that is not there */
export function readSamples(
  files: readonly { readonly header: Header; readonly name: string }[],
  wanted: string,
): Samples {
  const found = new Map<string, string>();
  const own = files.map(({ header, name }) => {
    const samples = new Set<string>();
    for (const line of header.text.split('\n')) {
      if (!line.startsWith('@RG\t')) continue;
      const columns = line.trimEnd().split('\t');
      const valueOf = (tag: string): string | undefined =>
        columns.find((column) => column.startsWith(`${tag}:`))?.slice(3);
      const [group, sample] = [valueOf('ID') ?? '', valueOf('SM') ?? nameless];
      const known = found.get(group);
      if (known !== undefined && known !== sample)
        throw new BadInput(
          `BAM: read group ${group} of ${name} is of sample ${sample}, in a file before of ${known}, expected one; name groups apart with samtools addreplacerg`,
        );
      found.set(group, sample);
      samples.add(sample);
    }
    return samples.size > 0 ? [...samples] : [nameless];
  });
  const all = [...new Set(own.flat())];
  const names = wanted === '' ? all : [...new Set(wanted.split(','))];
  const lost = names.find((name) => !all.includes(name));
  if (lost !== undefined)
    throw new BadUsage(`option samples: found ${lost}, expected some of ${all.join(', ')}`);
  return {
    names,
    groups: [...found].map(([group, sample]) => [group, names.indexOf(sample)]),
    files: own.map((samples) => (samples.length === 1 ? names.indexOf(samples[0]!) : several)),
  };
}

/** Gives the sample of the record at a byte, which is of a file; -1 for one that is not wanted. */
export type Sampler = (bytes: Uint8Array, view: DataView, at: number, file: number) => number;

export function createSampler({ names, groups, files }: Samples): Sampler {
  if (names.length === 1 && files.every((sample) => sample === 0)) return () => 0;
  const numbers = new Map(groups);
  const slots = new Uint8Array(65536);
  slots[tagCode('RG')] = 1;
  const found = new Int32Array(1);
  return (bytes, view, at, file) => {
    findTags(bytes, tagsAt(view, at), at + 4 + view.getInt32(at, true), slots, found);
    const place = found[0]!;
    const group =
      place < 0
        ? undefined
        : Buffer.from(bytes.subarray(place + 1, tagTextEnd(bytes, place))).toString('latin1');
    const sample = (group === undefined ? undefined : numbers.get(group)) ?? files[file]!;
    if (sample === several)
      throw new BadInput(
        `BAM: a read has ${group === undefined ? 'no read group' : `read group ${group}, which the header lacks`}, expected one in a file of several samples; add groups with samtools addreplacerg`,
      );
    return sample;
  };
}
