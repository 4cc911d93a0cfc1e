/** Random alignments as SAM text with all that a record may have, and their reference: the same for the same seed. */

export const contigs = [
  ['one', 60_000],
  ['empty', 5000],
  ['tiny', 90],
  ['two', 16_500],
  ['last', 3000],
] as const;

type Random = (below: number) => number;

/** Xorshift. */
function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** FASTA in lines of 60 bases, some small, some N. */
export function referenceOf(seed: number): string {
  const below = randomOf(seed + 1);
  return contigs
    .map(([name, length]) => {
      let text = '';
      // G and C are more frequent here, less there.
      for (let i = 0; i < length; i++) {
        const isRich = (i >> 11) % 2 === 0;
        text +=
          below(200) === 0 ? 'NRYacgt'[below(7)] : (isRich ? 'ACGTGC' : 'ACGTAATT')[below(isRich ? 6 : 8)];
      }
      return `>${name}\n${text.replace(/.{60}/g, '$&\n')}\n`;
    })
    .join('');
}

const shapes = [
  '100M',
  '100M',
  '100M',
  '100M',
  '100M',
  '100M',
  '40M5D60M',
  '10S90M',
  '5H20S75M',
  '50M3I47M',
  '30M300N70M',
  '30M1600N40M2D30M',
  '10=1X89=',
  '20M1P5I75M',
  '60M40S',
  '350M',
  '700M12H',
  '20H30M',
  '1M1D1M1I1M',
  '50M20D10I40M',
];

/** The bases of the read and of the reference that a CIGAR takes. */
function sizesOf(cigar: string): { query: number; reference: number } {
  let [query, reference] = [0, 0];
  for (const [, length, code] of cigar.matchAll(/(\d+)([MIDNSHP=X])/g)) {
    if ('MIS=X'.includes(code!)) query += Number(length);
    if ('MDN=X'.includes(code!)) reference += Number(length);
  }
  return { query, reference };
}

/** Sorted SAM text. Pairs that overlap, unmapped mates, all FLAG bits, barcodes, missing qualities, odd bases. */
export function randomSam(seed: number): string {
  const below = randomOf(seed);
  const letters = (length: number, from: string): string =>
    Array.from({ length }, () => from[below(from.length)]).join('');
  const rows: { contig: number; pos: number; line: string }[] = [];
  const lengths = contigs.map(([, length]) => length);
  const qualities = (length: number): string =>
    below(15) === 0
      ? '*'
      : Array.from({ length }, () => String.fromCharCode(33 + below(below(9) === 0 ? 93 : 42))).join('');
  const tags = (): string => {
    const out: string[] = [];
    if (below(4) > 0) out.push(`NM:i:${below(300)}`);
    if (below(3) === 0) out.push(`XA:B:S,${below(9)},${below(9)}`, 'XZ:Z:text', `XF:f:0.5`);
    if (below(3) === 0) {
      const barcode = [
        letters(8, 'ACGTN'),
        `${letters(4, 'ACGT')}-${letters(3, 'ACGT')}`,
        letters(6, 'ACGT'),
        letters(12, 'ACGT'),
      ][below(4)]!;
      out.push(`BC:Z:${barcode}`);
      if (below(3) > 0) out.push(`QT:Z:${letters(below(5) === 0 ? 3 : barcode.length, '#5AFI')}`);
    }
    if (below(6) === 0) out.push(`RX:Z:${letters(5, 'ACGT')}`, `QX:Z:${letters(5, '#AF')}`);
    return out.map((tag) => `\t${tag}`).join('');
  };
  const add = (
    name: string,
    bits: number,
    contig: number,
    pos: number,
    cigar: string,
    mate: readonly [contig: number, pos: number],
    size: number,
  ): void => {
    const { query } = sizesOf(cigar);
    const isBare = (bits & 0x100) !== 0 && below(2) === 0;
    const length = cigar === '*' ? 1 + below(420) : query;
    const place = contig < 0 ? '*' : contigs[contig]![0];
    const next = mate[0] < 0 ? '*' : mate[0] === contig ? '=' : contigs[mate[0]]![0];
    const bases = isBare ? '*' : letters(length, below(5) === 0 ? 'ACGTNRYKMSWBDHV=' : 'ACGT');
    const line = [
      name,
      bits,
      place,
      pos + 1,
      [0, 0, 3, 10, 20, 60, 255][below(7)],
      cigar,
      next,
      mate[1] + 1,
      size,
      bases,
      isBare ? '*' : qualities(length),
    ];
    rows.push({ contig, pos, line: `${line.join('\t')}${tags()}` });
  };
  const fit = (contig: number, at: number): { pos: number; cigar: string } => {
    let cigar = shapes[below(shapes.length)]!;
    if (sizesOf(cigar).reference > lengths[contig]!) cigar = '30M';
    return { pos: Math.max(0, Math.min(at, lengths[contig]! - sizesOf(cigar).reference)), cigar };
  };
  for (let i = 0; i < 2600; i++) {
    const contig = [0, 0, 0, 0, 2, 3, 3, 4][below(8)]!;
    const at = below(lengths[contig]!);
    // A gap without reads, and some places that are deep.
    if (contig === 0 && at > 30_000 && at < 36_000) continue;
    const start = below(12) === 0 ? Math.min(40_000 + below(40), lengths[contig]! - 1) : at;
    const name = `read${i}`;
    const extra = (below(12) === 0 ? 0x400 : 0) | (below(15) === 0 ? 0x200 : 0);
    const a = fit(contig, start);
    const kind = below(10);
    if (kind === 0) add(name, extra | [0, 16][below(2)]!, contig, a.pos, a.cigar, [-1, -1], 0);
    else if (kind === 1) {
      // The mate is unmapped, and lies where the read does.
      add(name, extra | 0x49, contig, a.pos, a.cigar, [contig, a.pos], 0);
      add(name, extra | 0x85, contig, a.pos, '*', [contig, a.pos], 0);
    } else if (kind === 2)
      add(`${name}s`, [0x100, 0x900, 0x800, 0x810][below(4)]! | extra, contig, a.pos, a.cigar, [-1, -1], 0);
    else {
      const other = kind === 3 ? 3 : contig;
      const b = fit(other, other === contig ? start + below(300) : below(16_000));
      const [ra, rb] = [below(2), below(2)];
      const proper = below(3) > 0 ? 2 : 0;
      const size = other === contig ? b.pos + sizesOf(b.cigar).reference - a.pos : 0;
      const ends = below(25) === 0 ? [0xc0, 0] : below(2) === 0 ? [0x40, 0x80] : [0x80, 0x40];
      add(
        name,
        extra | 1 | proper | (ra << 4) | (rb << 5) | ends[0]!,
        contig,
        a.pos,
        a.cigar,
        [other, b.pos],
        size,
      );
      add(
        name,
        extra | 1 | proper | (rb << 4) | (ra << 5) | ends[1]!,
        other,
        b.pos,
        b.cigar,
        [contig, a.pos],
        -size,
      );
    }
  }
  const sorted = rows.toSorted((x, y) => x.contig - y.contig || x.pos - y.pos);
  for (let i = 0; i < 40; i++) add(`nowhere${i}`, [4, 0x4d, 0x8d, 0x204][i % 4]!, -1, -1, '*', [-1, -1], 0);
  const header = contigs.map(([name, length]) => `@SQ\tSN:${name}\tLN:${length}\n`).join('');
  return `${header}${[...sorted, ...rows.slice(sorted.length)].map(({ line }) => `${line}\n`).join('')}`;
}
