/** The text of `samtools stats`, as version 1.16 writes it. */
import { fixed, scientific } from '../formats/decimal.ts';
import { barcodesOf } from './barcodes.ts';
import { type Column, countAt, type Sparse, type Table } from './columns.ts';
import { type Bins, gcRows } from './gcdepth.ts';
import { basesAt, type Inserts, insertsOf, qualitySum, share, sumsOf, total } from './numbers.ts';
import { gcBins, longestIndel, type Tally } from './tally.ts';

/** All that is counted of a file. */
export type Whole = {
  readonly tally: Tally;
  /** Positions of each depth, the last one with all larger ones. */
  readonly cover: Column;
  /** Mismatches by cycle and quality plus 1, those at N under 0; null without a reference. */
  readonly mismatches: Table | null;
  readonly bins: Bins;
  /** Whether reads are in order of their places, as far as they have one. */
  readonly isSorted: boolean;
};

export type Shown = {
  readonly insertSize: number;
  readonly mostInserts: number;
  readonly bin: number;
  readonly sparse: boolean;
};

/** Depths from here on are counted as one. */
export const deepest = 1001;

/** Lines of the text, without their ends. */
export function* statsText(whole: Whole, shown: Shown): Generator<string> {
  const { tally, cover, mismatches, bins, isSorted } = whole;
  const [longest, longestFirst, longestLast, best] = tally.longest as unknown as [
    number,
    number,
    number,
    number,
  ];
  const inserts = insertsOf(tally, shown.insertSize, shown.mostInserts);

  // MultiQC knows the file by these words.
  yield '# This file was produced by samtools stats (version 1.16, as servermix writes it) and can be plotted using plot-bamstats';
  yield '# This file contains statistics for all reads.';
  yield '# The command line was:  stats';
  yield '# CHK, Checksum\t[2]Read Names\t[3]Sequences\t[4]Qualities';
  yield '# CHK, CRC32 of reads which passed filtering followed by addition (32bit overflow)';
  yield `CHK\t${[...tally.checksums].map((sum) => sum.toString(16).padStart(8, '0')).join('\t')}`;
  yield '# Summary Numbers. Use `grep ^SN | cut -f 2-` to extract this part.';
  for (const [name, value, remark] of summaryOf(tally, inserts, isSorted))
    yield `SN\t${name}:\t${value}${remark ? `\t# ${remark}` : ''}`;

  // One row and one column more than there are, as in samtools.
  const rows = longest + 1;
  const columns = Math.min(256, best + 2);
  const title = (what: string, tag: string): string =>
    `# ${what}. Use \`grep ^${tag} | cut -f 2-\` to extract this part.`;
  for (const [order, name, tag, length] of [
    [0, 'First', 'FFQ', longestFirst],
    [1, 'Last', 'LFQ', longestLast],
  ] as const) {
    yield title(`${name} Fragment Qualities`, tag);
    yield '# Columns correspond to qualities and rows to cycles. First column is the cycle number.';
    yield* tableRows(tag, tally.quality[order], length, columns);
  }
  if (mismatches) {
    yield title('Mismatches per cycle and quality', 'MPC');
    yield '# Columns correspond to qualities, rows to cycles. First column is the cycle number, second';
    yield "# is the number of N's and the rest is the number of mismatches";
    yield* tableRows('MPC', mismatches, rows, columns);
  }
  yield title('GC Content of first fragments', 'GCF');
  yield* gcContent('GCF', tally.gc[0]);
  yield title('GC Content of last fragments', 'GCL');
  yield* gcContent('GCL', tally.gc[1]);
  yield* baseSections(tally, rows);
  yield* barcodeSections(tally);

  yield `${title('Insert sizes', 'IS')} The columns are: insert size, pairs total, inward oriented pairs, outward oriented pairs, other pairs`;
  for (let size = 0; size < inserts.bulk; size++) {
    const [a, b, c] = [inserts.inward[size]!, inserts.outward[size]!, inserts.other[size]!];
    if (!shown.sparse || a + b + c > 0) yield `IS\t${size}\t${a + b + c}\t${a}\t${b}\t${c}`;
  }
  const lengths = 'The columns are: read length, count';
  yield `${title('Read lengths', 'RL')} ${lengths}`;
  yield* lengthRows('RL', tally.lengths[0]);
  yield `${title('Read lengths - first fragments', 'FRL')} ${lengths}`;
  yield* lengthRows('FRL', tally.lengths[1]);
  yield `${title('Read lengths - last fragments', 'LRL')} ${lengths}`;
  yield* lengthRows('LRL', tally.lengths[2]);
  yield `${title('Indel distribution', 'ID')} The columns are: length, number of insertions, number of deletions`;
  const [insertions, deletions] = tally.indels;
  for (let i = 0; i < longestIndel; i++)
    if (insertions[i]! > 0 || deletions[i]! > 0)
      yield `ID\t${i + 1}\t${insertions[i] ?? 0}\t${deletions[i] ?? 0}`;
  yield `${title('Indels per cycle', 'IC')} The columns are: cycle, number of insertions (fwd), .. (rev) , number of deletions (fwd), .. (rev)`;
  const cycles = Math.max(...tally.indelCycles.map((column) => column.length));
  for (let i = 0; i < cycles; i++) {
    const counts = tally.indelCycles.map((column) => column[i] ?? 0);
    if (counts.some((n) => n > 0)) yield `IC\t${i + 1}\t${counts.join('\t')}`;
  }
  yield title('Coverage distribution', 'COV');
  for (let depth = 1; depth < deepest; depth++)
    if (cover[depth]! > 0) yield `COV\t[${depth}-${depth}]\t${depth}\t${cover[depth]}`;
  if (cover[deepest]! > 0) yield `COV\t[${deepest - 1}<]\t${deepest - 1}\t${cover[deepest]}`;
  yield `${title('GC-depth', 'GCD')} The columns are: GC%, unique sequence percentiles, 10th, 25th, 50th, 75th and 90th depth percentile`;
  for (const row of gcRows(bins, mismatches !== null, meanLengthOf(tally), shown.bin))
    yield `GCD\t${fixed(row.gc, 1)}\t${fixed(row.share, 3)}\t${row.depths.map((depth) => fixed(depth, 3)).join('\t')}`;
}

type SummaryRow = readonly [name: string, value: string | number, remark?: string];

/** Mean length of reads, without its fraction, as a number of 32 bits. */
function meanLengthOf(tally: Tally): number {
  const { first, last, other, length } = sumsOf(tally);
  const sequences = first + last + other;
  return sequences > 0 ? Math.fround(Math.floor(length / sequences)) : 0;
}

/** The summary numbers in order. */
export function summaryOf(tally: Tally, inserts: Inserts, isSorted: boolean): SummaryRow[] {
  const sums = sumsOf(tally);
  const sequences = sums.first + sums.last + sums.other;
  const [longest, longestFirst, longestLast] = tally.longest;
  return [
    ['raw total sequences', sums.filtered + sequences, 'excluding supplementary and secondary reads'],
    ['filtered sequences', sums.filtered],
    ['sequences', sequences],
    ['is sorted', isSorted ? 1 : 0],
    ['1st fragments', sums.first],
    ['last fragments', sums.last],
    ['reads mapped', sums.paired + sums.single],
    ['reads mapped and paired', sums.paired, 'paired-end technology bit set + both mates mapped'],
    ['reads unmapped', sums.unmapped],
    ['reads properly paired', sums.properPairs, 'proper-pair bit set'],
    ['reads paired', sums.pairedTech, 'paired-end technology bit set'],
    ['reads duplicated', sums.duplicates, 'PCR or optical duplicate bit set'],
    ['reads MQ0', sums.mapq0, 'mapped and MQ=0'],
    ['reads QC failed', sums.qcFailed],
    ['non-primary alignments', sums.secondary],
    ['supplementary alignments', sums.supplementary],
    ['total length', sums.length, 'ignores clipping'],
    ['total first fragment length', sums.firstLength, 'ignores clipping'],
    ['total last fragment length', sums.lastLength, 'ignores clipping'],
    ['bases mapped', sums.mappedLength, 'ignores clipping'],
    ['bases mapped (cigar)', sums.mappedBases, 'more accurate'],
    ['bases trimmed', sums.trimmed],
    ['bases duplicated', sums.duplicateLength],
    ['mismatches', sums.mismatches, 'from NM fields'],
    ['error rate', scientific(share(sums.mismatches, sums.mappedBases)), 'mismatches / bases mapped (cigar)'],
    ['average length', fixed(meanLengthOf(tally), 0)],
    ['average first fragment length', fixed(share(sums.firstLength, sums.first), 0)],
    ['average last fragment length', fixed(share(sums.lastLength, sums.last), 0)],
    ['maximum length', longest!],
    ['maximum first fragment length', longestFirst!],
    ['maximum last fragment length', longestLast!],
    ['average quality', fixed(sums.length > 0 ? qualitySum(tally) / sums.length : 0, 1)],
    ['insert size average', fixed(inserts.mean, 1)],
    ['insert size standard deviation', fixed(inserts.deviation, 1)],
    ['inward oriented pairs', total(inserts.inward)],
    ['outward oriented pairs', total(inserts.outward)],
    ['pairs with other orientation', total(inserts.other)],
    ['pairs on different chromosomes', Math.floor(sums.anomalous / 2)],
    ['percentage of properly paired reads (%)', fixed(share(100 * sums.properPairs, sequences), 1)],
  ];
}

function* tableRows(tag: string, table: Table, rows: number, columns: number): Generator<string> {
  for (let row = 0; row < rows; row++) {
    let line = `${tag}\t${row + 1}`;
    for (let i = 0; i < columns; i++) line += `\t${countAt(table, row, i)}`;
    yield line;
  }
}

function* gcContent(tag: string, counts: Column): Generator<string> {
  for (let bin = 0, last = 0; bin < gcBins; bin++) {
    const count = counts[last] ?? 0;
    if ((counts[bin] ?? 0) === count) continue;
    yield `${tag}\t${fixed(((bin + last) * 0.5 * 100) / (gcBins - 1), 2)}\t${count}`;
    last = bin;
  }
}

function* baseSections({ bases }: Tally, rows: number): Generator<string> {
  const start = 'ACGT content per cycle';
  const percent = 'A,C,G,T base counts as a percentage of all A/C/G/T bases [%]';
  const others = 'and N and O counts as a percentage of all A/C/G/T bases [%]';
  const use = (tag: string): string =>
    `Use \`grep ^${tag} | cut -f 2-\` to extract this part. The columns are:`;
  const line = (tag: string, cycle: number, counts: readonly number[], shown = 6): string | undefined => {
    const sum = counts[0]! + counts[1]! + counts[2]! + counts[3]!;
    if (sum === 0) return undefined;
    const shares = counts.slice(0, shown).map((n) => fixed((100 * n) / sum, 2));
    return `${tag}\t${cycle + 1}\t${shares.join('\t')}`;
  };
  function* section(
    tag: string,
    countsAt: (cycle: number) => readonly number[],
    shown = 6,
  ): Generator<string> {
    for (let cycle = 0; cycle < rows; cycle++) {
      const text = line(tag, cycle, countsAt(cycle), shown);
      if (text !== undefined) yield text;
    }
  }
  const [first, last] = [bases.slice(0, 2), bases.slice(2)];
  yield `# ${start}. ${use('GCC')} cycle; ${percent}; ${others}`;
  yield* section('GCC', (cycle) => basesAt(bases, cycle));
  yield `# ${start}, read oriented. ${use('GCT')} cycle; ${percent}`;
  const oriented = (cycle: number): number[] => {
    const forward = basesAt([bases[0]!, bases[2]!], cycle);
    const [a, c, g, t] = basesAt([bases[1]!, bases[3]!], cycle) as [number, number, number, number];
    return [forward[0]! + t, forward[1]! + g, forward[2]! + c, forward[3]! + a];
  };
  yield* section('GCT', oriented, 4);
  for (const [name, tag, raw, columns] of [
    ['first', 'FBC', 'FTC', first],
    ['last', 'LBC', 'LTC', last],
  ] as const) {
    yield `# ${start} for ${name} fragments. ${use(tag)} cycle; ${percent}; ${others}`;
    yield* section(tag, (cycle) => basesAt(columns, cycle));
    const totals = [0, 0, 0, 0, 0];
    for (let cycle = 0; cycle < rows; cycle++) {
      const counts = basesAt(columns, cycle);
      for (let i = 0; i < 5; i++) totals[i]! += counts[i]!;
    }
    yield `# ACGT raw counters for ${name} fragments. ${use(raw)} A,C,G,T,N base counters`;
    yield `${raw}\t${totals.join('\t')}`;
  }
}

function* barcodeSections({ barcodes }: Tally): Generator<string> {
  for (const { tag, qualityTag, length, separator, bases, qualities, maxQuality } of barcodesOf(barcodes)) {
    const place = (i: number): string =>
      separator < 0 || i < separator ? `1\t${i + 1}` : `2\t${i - separator}`;
    yield `# ACGT content per cycle for barcodes. Use \`grep ^${tag}C | cut -f 2-\` to extract this part. The columns are: cycle; A,C,G,T base counts as a percentage of all A/C/G/T bases [%]; and N counts as a percentage of all A/C/G/T bases [%]`;
    for (let i = 0; i < length; i++) {
      const counts = [...bases.subarray(5 * i, 5 * i + 5)];
      const sum = counts[0]! + counts[1]! + counts[2]! + counts[3]!;
      if (i !== separator && sum > 0)
        yield `${tag}C${place(i)}\t${counts.map((n) => fixed((100 * n) / sum, 2)).join('\t')}`;
    }
    yield `# Barcode Qualities. Use \`grep ^${qualityTag}Q | cut -f 2-\` to extract this part.`;
    yield '# Columns correspond to qualities and rows to barcode cycles. First column is the cycle number.';
    for (let i = 0; i < length; i++) {
      if (i === separator) continue;
      const counts = qualities.subarray(256 * i, 256 * i + maxQuality + 1);
      yield [`${qualityTag}Q${place(i)}`, ...counts].join('\t');
    }
  }
}

function* lengthRows(tag: string, { value, count }: Sparse): Generator<string> {
  for (let i = 0; i < value.length; i++) if (value[i]! > 0) yield `${tag}\t${value[i]}\t${count[i]}`;
}
