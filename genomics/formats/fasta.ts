/** Reads stretches of FASTA, plain or bgzipped, by its index: `.fai`, and `.gzi` for the latter (samtools faidx). */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Planning, Source } from '../../core/job.ts';
import { inflate, type Virtual } from './bgzf.ts';

/** What files of sequences are called, plain or bgzipped. */
export const fastaFormats = ['fa', 'fasta', 'fna', 'fa.gz', 'fasta.gz', 'fna.gz'] as const;

/** Where a sequence lies: its bases, the byte of the first one, bases of a line, and bytes of a line with its end. */
export type Sequence = {
  readonly length: number;
  readonly offset: number;
  readonly bases: number;
  readonly width: number;
};

export type FastaIndex = {
  readonly sequences: ReadonlyMap<string, Sequence>;
  /** Of bgzipped FASTA: where blocks begin, in the file and in the text. */
  readonly blocks: { readonly file: Float64Array; readonly text: Float64Array } | null;
};

/**
 * Finds and reads the index of a FASTA file.
 * @throws BadInput when there is none, or it is damaged
 */
export async function readFastaIndex(planning: Planning, fasta: Dataset): Promise<FastaIndex> {
  const whole = async (suffix: string): Promise<Uint8Array> => {
    const found = await planning.find(`${fasta.uri}${suffix}`);
    if (!found)
      throw new BadInput(
        `FASTA: ${fasta.uri} has no index, expected ${fasta.uri}${suffix}; make one with samtools faidx`,
      );
    const source = await planning.open(found);
    return source.read(0, source.size);
  };
  const source = await planning.open(fasta);
  const head = await source.read(0, Math.min(4, source.size));
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  // BGZF has an extra field (SAM spec 4.1).
  if (isGzip && (head[3]! & 4) === 0)
    throw new BadInput(
      `FASTA: ${fasta.uri} is plain gzip, expected plain text or BGZF; write it with gunzip -c | bgzip`,
    );
  const sequences = parseFai(new TextDecoder().decode(await whole('.fai')), `${fasta.uri}.fai`);
  return { sequences, blocks: isGzip ? parseGzi(await whole('.gzi'), `${fasta.uri}.gzi`) : null };
}

/** @throws BadInput with the line */
function parseFai(text: string, name: string): Map<string, Sequence> {
  const out = new Map<string, Sequence>();
  text.split('\n').forEach((line, i) => {
    if (line === '') return;
    const [sequence, ...rest] = line.split('\t');
    const [length, offset, bases, width] = rest.slice(0, 4).map(Number) as [number, number, number, number];
    const isGood = [length, offset, bases, width].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!isGood || width < bases || (length > 0 && bases === 0))
      throw new BadInput(
        `FASTA: line ${i + 1} of ${name} is ${JSON.stringify(line.slice(0, 60))}, expected name, length, offset, bases and bytes of a line; make it again with samtools faidx`,
      );
    if (!out.has(sequence!)) out.set(sequence!, { length, offset, bases, width });
  });
  return out;
}

function parseGzi(bytes: Uint8Array, name: string): { file: Float64Array; text: Float64Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : -1;
  if (bytes.length !== 8 + 16 * count)
    throw new BadInput(
      `GZI: ${name} has ${bytes.length} bytes, expected ${count < 0 ? 'at least 8' : 8 + 16 * count}; make it again with samtools faidx`,
    );
  // The first block is not listed.
  const [file, text] = [new Float64Array(count + 1), new Float64Array(count + 1)];
  for (let i = 0; i < count; i++) {
    file[i + 1] = Number(view.getBigUint64(8 + 16 * i, true));
    text[i + 1] = Number(view.getBigUint64(16 + 16 * i, true));
  }
  return { file, text };
}

/** The byte of the text where a base lies. */
const byteOf = ({ offset, bases, width }: Sequence, pos: number): number =>
  offset + Math.floor(pos / bases) * width + (pos % bases);

/** Where a byte of the text lies in a bgzipped file. */
function virtualOf({ file, text }: NonNullable<FastaIndex['blocks']>, byte: number): Virtual {
  const i = text.findLastIndex((start) => start <= byte);
  return [file[i]!, byte - text[i]!];
}

/** A sequence to be read from base `from` on; `at` is where that lies in a bgzipped file. */
export type Stretch = { readonly sequence: Sequence; readonly from: number; readonly at: Virtual | null };

/** Where a sequence lies from a base on; null for one that is not there. */
export function stretchOf({ sequences, blocks }: FastaIndex, name: string, pos: number): Stretch | null {
  const sequence = sequences.get(name);
  return sequence ? stretchAt(sequence, blocks, pos) : null;
}

export function stretchAt(sequence: Sequence, blocks: FastaIndex['blocks'], pos: number): Stretch {
  const from = Math.min(pos, sequence.length);
  return {
    sequence,
    from,
    at: blocks && sequence.length > 0 ? virtualOf(blocks, byteOf(sequence, from)) : null,
  };
}

const readSize = 1 << 20;
/** Less at a time of what has to be inflated: a part needs little more than its own stretch. */
const inflateSize = 1 << 17;

/** Pieces of the text of a sequence from a base on, line ends among them, at least up to its end. */
async function* textOf(
  source: Source,
  name: string,
  { sequence, from, at }: Stretch,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (at) {
    yield* inflate(source, name, at, undefined, { chunk: inflateSize, signal });
    return;
  }
  const end = sequence.length > 0 ? byteOf(sequence, sequence.length - 1) + 1 : 0;
  for (let byte = byteOf(sequence, from); byte < end; byte += readSize) {
    signal.throwIfAborted();
    yield await source.read(byte, Math.min(byte + readSize, end, source.size));
  }
}

/** Codes of bases as in BAM: A 1, C 2, G 4, T 8; 0 of all others. */
const codes = new Uint8Array(256);
for (const [letters, code] of [
  ['Aa', 1],
  ['Cc', 2],
  ['Gg', 4],
  ['Tt', 8],
] as const)
  for (const letter of letters.split('')) codes[letter.charCodeAt(0)] = code;

/** The letters themselves, for `openBases`. */
export const asLetters = Uint8Array.from({ length: 256 }, (_, letter) => letter);

/** A window that moves along a sequence: base `pos` is `codes[pos - origin]`. */
export type Bases = {
  readonly codes: Uint8Array;
  /** Of the sequence. */
  readonly length: number;
  readonly origin: number;
  readonly end: number;
  /** Moves to hold `[from, to)`, as far as the sequence reaches. Neither ever goes back. */
  hold(from: number, to: number): Promise<void>;
  close(): Promise<void>;
};

/**
 * Reads a sequence from base `stretch.from` on; `table` turns letters into what is wanted.
 * @throws BadInput when the file ends before the sequence does: its index is another file's
 */
export function openBases(
  source: Source,
  name: string,
  stretch: Stretch,
  signal: AbortSignal,
  table: Uint8Array = codes,
): Bases {
  const { length } = stretch.sequence;
  const pieces = textOf(source, name, stretch, signal);
  const bases = {
    codes: new Uint8Array(1 << 16),
    length,
    origin: stretch.from,
    end: stretch.from,
    async hold(from: number, to: number): Promise<void> {
      const limit = Math.min(to, length);
      let isOver = false;
      while (bases.end < limit && !isOver) {
        const { value, done } = await pieces.next();
        isOver = done === true;
        if (value) append(value, from);
      }
      if (bases.end < limit)
        throw new BadInput(
          `FASTA: ${name} ends at base ${bases.end} of a sequence of ${length}; its index is another file's, make it again with samtools faidx`,
        );
    },
    async close(): Promise<void> {
      await pieces.return(undefined);
    },
  };
  const append = (text: Uint8Array, from: number): void => {
    const skipped = Math.min(Math.max(0, from - bases.origin), bases.end - bases.origin);
    const held = bases.end - bases.origin - skipped;
    if (held + text.length > bases.codes.length) {
      const larger = new Uint8Array(2 * (held + text.length));
      larger.set(bases.codes.subarray(skipped, skipped + held));
      bases.codes = larger;
    } else bases.codes.copyWithin(0, skipped, skipped + held);
    bases.origin += skipped;
    let fill = held;
    const room = held + (length - bases.end);
    for (let i = 0; i < text.length && fill < room; i++) {
      const byte = text[i]!;
      if (byte > 32 && byte < 127) bases.codes[fill++] = table[byte]!;
    }
    bases.end = bases.origin + fill;
  };
  return bases;
}
