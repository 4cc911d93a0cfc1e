/** Regions that are asked for: one, several, or those of a BED file. */
import { BadUsage } from '../../core/errors.ts';
import type { Context, Dataset, InputSpec } from '../../core/job.ts';
import type { Bed } from '../formats/bed.ts';
import { someOf } from '../formats/names.ts';
import { bedOf } from '../formats/remembered.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import type { Region } from '../formats/vcfindex.ts';
import { column, endOf, type Line, textOf } from '../kernels/vcfline.ts';

type Contigs = Pick<VcfHeader, 'contigs'>;

/** What jobs over VCF take. */
export const regionsInput: InputSpec = {
  doc: 'only records that overlap any of these regions, each of them once; an index beside the variants saves reading the others',
  formats: ['bed', 'bed.gz'],
  optional: true,
};

/** A contig's whole name goes before what looks like numbers behind a colon. @throws BadUsage for what is no region */
function parseRegion(text: string, { contigs }: Contigs): Region {
  if (contigs.has(text)) return { contig: text, from: 1, to: Infinity };
  const match = /^(.+?)(?::([\d,]+)(?:-([\d,]*))?)?$/.exec(text);
  const numberOf = (digits: string | undefined, otherwise: number): number =>
    digits ? Number(digits.replaceAll(',', '')) : otherwise;
  const [from, end] = [numberOf(match?.[2], 1), match?.[3]];
  const to = match?.[2] !== undefined && end === undefined ? from : numberOf(end, Infinity);
  if (!match || from > to)
    throw new BadUsage(`option region: found ${JSON.stringify(text)}, expected contig:from-to`);
  return { contig: match[1]!, from, to };
}

/** Regions with commas between; numbers may have some, too: `chr1:1,000-2,000,chr2`. @throws BadUsage for what is none */
function parseRegions(text: string, header: Contigs): readonly Region[] {
  const found: string[] = [];
  for (const piece of text.split(',')) {
    const last = found.at(-1);
    const goesOn = last !== undefined && /:[\d,]+(-[\d,]+)?$/.test(last) && /^\d{3}(-|$)/.test(piece);
    if (goesOn) found[found.length - 1] = `${last},${piece}`;
    else found.push(piece);
  }
  return found.map((one) => parseRegion(one, header));
}

/**
 * The regions by contig, in order, those that overlap or touch joined; undefined where all is wanted.
 * @throws BadUsage for what is no region, or both an option and a file; BadInput for what is no BED
 */
export async function wantedRegions(
  given: { readonly region: string },
  bed: readonly Dataset[] | undefined,
  host: Pick<Context, 'open'>,
  header: Contigs,
): Promise<readonly Region[] | undefined> {
  if (bed && given.region !== '')
    throw new BadUsage(
      '--region and --regions: found both, expected one; write the region into the BED file',
    );
  if (given.region !== '') return joined(parseRegions(given.region, header));
  if (!bed) return undefined;
  const parsed = await bedOf(bed[0]!, host);
  const found = known.get(parsed) ?? regionsOf(parsed);
  known.set(parsed, found);
  return found;
}

/** What a person should know of regions on contigs that a header does not declare, where it declares any: most often the names are those of another reference. */
export function strangersNote(
  regions: readonly Region[] | undefined,
  { contigs }: Contigs,
  name: string,
): readonly string[] {
  const strangers = new Set((regions ?? []).map(({ contig }) => contig).filter((one) => !contigs.has(one)));
  if (contigs.size === 0 || strangers.size === 0) return [];
  return [
    `regions on ${someOf([...strangers])}: ${name} declares no such contigs; it has ${contigs.size}: ${someOf([...contigs.keys()])}`,
  ];
}

/** Parts of a run share these. */
const known = new WeakMap<Bed, readonly Region[]>();

function regionsOf({ contigs }: Bed): readonly Region[] {
  const regions: Region[] = [];
  for (const [contig, { start, end }] of contigs)
    start.forEach((from, i) => from < end[i]! && regions.push({ contig, from: from + 1, to: end[i]! }));
  return joined(regions);
}

function joined(regions: readonly Region[]): readonly Region[] {
  const byContig = new Map<string, Region[]>();
  for (const region of regions)
    if (byContig.has(region.contig)) byContig.get(region.contig)!.push(region);
    else byContig.set(region.contig, [region]);
  return [...byContig.values()].flatMap((all) => {
    const out: Region[] = [];
    for (const region of all.toSorted((a, b) => a.from - b.from)) {
      const last = out.at(-1);
      if (!last || region.from > last.to + 1) out.push(region);
      else if (region.to > last.to) out[out.length - 1] = { ...last, to: region.to };
    }
    return out;
  });
}

/** Whether a record, with its last base, overlaps any of regions as `wantedRegions` gives them. */
export function regionTest(
  regions: readonly Region[],
  lastBase: (line: Line) => number,
): (line: Line) => boolean {
  const byContig = new Map<string, { readonly from: number[]; readonly to: number[] }>();
  for (const { contig, from, to } of regions) {
    let one = byContig.get(contig);
    if (!one) byContig.set(contig, (one = { from: [], to: [] }));
    one.from.push(from);
    one.to.push(to);
  }
  return (line) => {
    const contig = byContig.get(textOf(line.bytes, line.at[0]!, endOf(line, column.chrom)));
    if (!contig) return false;
    // The first region that does not end before the record.
    let [low, high] = [0, contig.to.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (contig.to[middle]! < line.pos) low = middle + 1;
      else high = middle;
    }
    if (low === contig.to.length) return false;
    const from = contig.from[low]!;
    return from <= line.pos || from <= lastBase(line);
  };
}
