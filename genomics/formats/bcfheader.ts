/** The header of BCF 2.1 and 2.2 (VCF 4.3 clause 6.2): VCF text, and what the numbers in records stand for. */
import { BadInput } from '../../core/errors.ts';
import type { Chunk, Virtual } from './bgzf.ts';
import { hex } from './block.ts';
import { structured } from './vcfheader.ts';

/** What numbers in records stand for. */
export type Dictionaries = {
  /** Of FILTER, INFO and FORMAT, by number. */
  readonly strings: readonly (Uint8Array | undefined)[];
  readonly contigs: readonly (Uint8Array | undefined)[];
  /** The number of GT; -1 where the header does not define it. */
  readonly genotype: number;
};

export type BcfHeader = Dictionaries & {
  /** 1 or 2: in BCF 2.1 vectors of samples are filled up with missing values, in 2.2 with a value of its own. */
  readonly minor: number;
  readonly samples: number;
  /** Of the first record, or of the end of a file without records. */
  readonly first: Virtual;
};

/** Bytes of a header text, at most. */
const longest = 2 ** 28;
const fixed = 9;

/** Whether these are the first bytes of a BCF, of whatever version. */
export const isBcf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x42 && bytes[1] === 0x43 && bytes[2] === 0x46;

/**
 * The text of the header, from its first bytes on; memory is taken as bytes arrive.
 * @throws BadInput for another version, and for a header that is cut short
 */
export async function readBcfText(
  pieces: AsyncGenerator<Chunk, void, number | undefined>,
  start: Chunk,
  name: string,
): Promise<{ readonly text: string; readonly minor: number; readonly first: Virtual }> {
  let piece = start;
  const need = async (length: number): Promise<void> => {
    while (piece.bytes.length < length) {
      const held = piece.bytes.length;
      const { value, done } = await pieces.next(held);
      if (done)
        throw new BadInput(
          `BCF: the header of ${name} is cut short: found ${held} bytes, expected ${length}; copy or write it again`,
        );
      piece = value;
    }
  };
  await need(fixed);
  const [major, minor] = [piece.bytes[3]!, piece.bytes[4]!];
  if (major !== 2 || (minor !== 1 && minor !== 2))
    throw new BadInput(
      `BCF: bad magic ${hex(piece.bytes.subarray(0, 5))} in ${name}, expected 4243460202 (BCF 2.2) or 4243460201; write it as BCF 2.2 with bcftools view -Ob`,
    );
  const length = new DataView(piece.bytes.buffer, piece.bytes.byteOffset + 5, 4).getUint32(0, true);
  if (length > longest)
    throw new BadInput(
      `BCF: l_text of ${name} is ${length}, expected at most ${longest}; the header is damaged, copy it again`,
    );
  await need(fixed + length);
  const text = piece.bytes.subarray(fixed, fixed + length);
  const end = text.indexOf(0);
  return {
    text: Buffer.from(end < 0 ? text : text.subarray(0, end)).toString('utf8'),
    minor,
    first: piece.place(fixed + length),
  };
}

/** The text as VCF has it: without IDX, which tells numbers. */
export const withoutNumbers = (text: string): string =>
  text.replace(/^##[^=\n]+=<.*IDX=.*$/gm, (line) =>
    line.replace(/"(?:[^"\\]|\\.)*"|,IDX=\d+(?=[,>])|(?<=<)IDX=\d+,/g, (found) =>
      found.startsWith('"') ? found : '',
    ),
  );

/**
 * The dictionaries, from the text with its IDX: a name without one gets the number behind the largest so far, and keeps it when it comes again.
 * @throws BadInput for a number that is none, or that two names have
 */
export function dictionariesOf(text: string, name: string): Dictionaries {
  const strings = createDictionary(name);
  const contigs = createDictionary(name);
  strings.add('PASS', undefined);
  for (const [, kind, values] of text.matchAll(/^##(contig|INFO|FORMAT|FILTER)=(<.*>)\s*$/gm)) {
    const found = structured(values!);
    const id = found?.get('ID');
    if (id !== undefined) (kind === 'contig' ? contigs : strings).add(id, found!.get('IDX'));
  }
  return {
    strings: strings.names,
    contigs: contigs.names,
    genotype: strings.numbers.get('GT') ?? -1,
  };
}

function createDictionary(file: string) {
  const names: (Uint8Array | undefined)[] = [];
  const numbers = new Map<string, number>();
  return {
    names,
    numbers,
    add(id: string, given: string | undefined): void {
      if (numbers.has(id)) return;
      const number = given === undefined ? names.length : Number(given);
      if (!Number.isInteger(number) || number < 0 || number >= 2 ** 24 || names[number])
        throw new BadInput(
          `BCF: IDX of ${id} in the header of ${file} is ${given ?? number}, expected a whole number below ${2 ** 24} that no other name has; the header is damaged, copy it again`,
        );
      // Numbers may be left out; none of a name is `undefined` on purpose.
      names[number] = Buffer.from(id, 'utf8');
      numbers.set(id, number);
    },
  };
}
