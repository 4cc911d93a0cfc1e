/** Letters of the reference that slices of CRAM are spelled with, in capitals. */
import { BadInput } from '../../../core/errors.ts';
import type { Source } from '../../../core/job.ts';
import { type Bases, openBases, type Stretch } from '../fasta.ts';

/** Where the reference of some contigs lies, from the first base on that is needed; null for one that it does not have. */
export type Stretches = readonly (readonly [contig: number, stretch: Stretch | null])[];

/** Letters of a contig by its number, `[start, end]` counted from 1, as far as it reaches; valid until the next are asked for. */
export type Fetch = (contig: number, start: number, end: number) => Promise<Uint8Array>;

export type Reference = { readonly source: Source; readonly name: string };

const capitals = Uint8Array.from({ length: 256 }, (_, c) => (c >= 97 && c <= 122 ? c - 32 : c));

/** Reads forward, contig by contig. Contigs that are not listed have no letters. */
export function createLetters(
  { source, name }: Reference,
  stretches: Stretches,
  contigs: readonly { readonly name: string }[],
  signal: AbortSignal,
): { readonly fetch: Fetch; readonly close: () => Promise<void> } {
  const listed = new Map(stretches);
  const open = new Map<number, Bases>();
  const close = async (): Promise<void> => {
    for (const bases of open.values()) await bases.close();
    open.clear();
  };
  const fetch: Fetch = async (contig, start, end) => {
    const stretch = listed.get(contig);
    if (stretch === undefined) return new Uint8Array(0);
    if (stretch === null)
      throw new BadInput(
        `FASTA: ${name} lacks contig ${contigs[contig]?.name ?? contig}, to which reads are aligned; give the reference that the CRAM was written with`,
      );
    const [from, to] = [start - 1, Math.min(end, stretch.sequence.length)];
    if (from < stretch.from)
      throw new BadInput(
        `CRAM: reads of contig ${contigs[contig]?.name ?? contig} begin at base ${start}, expected from base ${stretch.from + 1} on, where their container begins; the file is damaged, copy it again`,
      );
    let bases = open.get(contig);
    if (!bases || bases.origin > from) {
      if (!bases) await close();
      await bases?.close();
      bases = openBases(source, name, stretch, signal, capitals);
      open.set(contig, bases);
    }
    await bases.hold(from, to);
    return bases.codes.subarray(from - bases.origin, Math.max(from, to) - bases.origin);
  };
  return { fetch, close };
}
