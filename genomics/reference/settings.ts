/** The options of genomics/reference, and what they mean for its reports. */
import { BadUsage } from '../../core/errors.ts';
import { flag, integer, text, words, type Values } from '../../core/params.ts';
import { classOf, masked } from '../kernels/classes.ts';
import { longestWord } from '../kernels/kmers.ts';
import { longestMotif, type Motif } from '../kernels/motifs.ts';

/** In the order in which they are written. */
const reportNames = ['index', 'windows', 'kmers', 'motifs'] as const;
export type ReportName = (typeof reportNames)[number];

export const params = {
  reports: words(reportNames, 'index,windows', `what to write: ${reportNames.join(', ')}`),
  window: integer(1000, 'windows: size; the last one of a sequence is shorter', {
    unit: 'bases',
    min: 1,
    max: 2 ** 31 - 1,
  }),
  k: integer(6, 'kmers: bases of a word', { min: 1, max: longestWord }),
  canonical: flag('kmers: a word and its reverse complement count as one'),
  motif: text(
    'motifs: what to find on both strands, in letters of IUPAC, with names or without',
    'NGG,EcoRI=GAATTC,...',
  ),
};
export type Params = Values<typeof params>;

export type Settings = {
  readonly reports: ReadonlySet<ReportName>;
  readonly motifs: readonly Motif[];
};

/** @throws BadUsage for motifs that cannot be, or none where they are asked for */
export function settingsOf({ reports: names, motif }: Pick<Params, 'reports' | 'motif'>): Settings {
  const reports = new Set(names.split(',') as ReportName[]);
  const motifs = motif === '' ? [] : motif.split(',').map(motifOf);
  if (motifs.length > 0) reports.add('motifs');
  if (reports.has('motifs') && motifs.length === 0)
    throw new BadUsage(
      'option reports: motifs finds what --motif names, expected it as well; add --motif GAATTC',
    );
  return { reports, motifs };
}

function motifOf(text: string): Motif {
  const [letters, name = letters!] = text.split('=').toReversed();
  const sets = Array.from(letters!, (letter) => classOf[letter.charCodeAt(0)]! & ~masked);
  const isKnown = /^[A-Za-z]+$/.test(letters!) && sets.every((set) => set !== 0);
  if (!isKnown || sets.length > longestMotif || !/^[^\s]+$/.test(name))
    throw new BadUsage(
      `option motif: found ${JSON.stringify(text)}, expected 1 to ${longestMotif} letters of ACGTURYSWKMBDHVN, say GAATTC or EcoRI=GAATTC`,
    );
  return { name, sets };
}
