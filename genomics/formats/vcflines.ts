/** Lines of VCF that parts leave in the store, deflated already as far as the blocks of the file that they go to are known. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Stored } from '../../core/job.ts';
import { blockSize, deflateBlocks } from './bgzip.ts';

/** What zlib is told. */
export const level = 6;
/** Positions have 32 bits (VCF 4.3, 1.3). */
const mostBases = 2 ** 31 - 1;

/** The text of neighbouring lines: what lies before the first of them that begins a block, whole blocks, and what is left for the block behind these. */
export type VcfText = {
  readonly lines: number;
  /** Bytes before the blocks; with those behind them they are `ends`. */
  readonly head: number;
  readonly ends: Stored | null;
  readonly blocks: Stored | null;
  /** Deflated bytes of each block. */
  readonly deflated: Int32Array<ArrayBuffer>;
};

export type VcfLines = {
  readonly texts: readonly VcfText[];
  /** By line: contig, `[from, to)` on it, bytes. */
  readonly contig: Int32Array<ArrayBuffer>;
  readonly from: Int32Array<ArrayBuffer>;
  readonly to: Int32Array<ArrayBuffer>;
  readonly size: Int32Array<ArrayBuffer>;
};

/** A line in so many bytes of text begins a block. */
const spacing = 2 ** 18;

/**
 * Whether a line begins a block wherever it is written: by its own place and length alone, so that parts agree on that whatever is before them. Others follow in
 * that block as far as it reaches.
 */
export function beginsBlock(from: number, to: number, size: number): boolean {
  let hash = Math.imul(from ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ to, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16) ^ size, 0x27d4eb2f);
  return (hash ^ (hash >>> 15)) >>> 0 < size * (2 ** 32 / spacing);
}

/** Collects lines; `store` leaves their text in the store. */
export type LineCollector = {
  /** `line` has its line feed; as text no letters beyond latin1. Bytes are copied. @throws BadInput for a position of more than 32 bits */
  add(contig: number, from: number, to: number, line: string | Uint8Array): void;
  store(context: Pick<Context, 'put'>): Promise<VcfLines>;
};

export function collectLines(): LineCollector {
  const [contigs, froms, tos, sizes]: [number[], number[], number[], number[]] = [[], [], [], []];
  const head: Uint8Array[] = [];
  let hasBegun = false;
  const block = Buffer.allocUnsafeSlow(blockSize);
  let fill = 0;
  const blocks: Uint8Array[] = [];
  const deflated: number[] = [];
  const endBlock = (): void => {
    if (fill > 0) {
      const {
        bytes,
        sizes: [size],
      } = deflateBlocks(block.subarray(0, fill), level);
      blocks.push(bytes);
      deflated.push(size!);
    }
    fill = 0;
  };
  const fillBlocks = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(bytes.length - at, blockSize - fill);
      block.set(bytes.subarray(at, at + taken), fill);
      fill += taken;
      at += taken;
      if (fill === blockSize) endBlock();
    }
  };
  return {
    add(contig, from, to, line) {
      if (from >= mostBases)
        throw new BadInput(
          `VCF: a record has POS ${from + 1}, expected ${mostBases} at most, as 32 bits hold; correct or remove it`,
        );
      const bytes = typeof line === 'string' ? Buffer.from(line, 'latin1') : line;
      contigs.push(contig);
      froms.push(from);
      // An END beyond means as far as the contig goes.
      tos.push(Math.min(to, mostBases));
      sizes.push(bytes.length);
      if (beginsBlock(from, to, bytes.length)) {
        endBlock();
        hasBegun = true;
      }
      if (hasBegun) fillBlocks(bytes);
      else head.push(bytes === line ? bytes.slice() : bytes);
    },
    async store(context) {
      const before = Buffer.concat(head);
      const ends = Buffer.concat([before, block.subarray(0, fill)]);
      const whole = Buffer.concat(blocks);
      const text = {
        lines: sizes.length,
        head: before.length,
        ends: ends.length > 0 ? await context.put(ends) : null,
        blocks: whole.length > 0 ? await context.put(whole) : null,
        deflated: Int32Array.from(deflated),
      };
      return {
        texts: text.lines > 0 ? [text] : [],
        contig: Int32Array.from(contigs),
        from: Int32Array.from(froms),
        to: Int32Array.from(tos),
        size: Int32Array.from(sizes),
      };
    },
  };
}

export function joinLines(all: readonly VcfLines[]): VcfLines {
  const column = (key: 'contig' | 'from' | 'to' | 'size'): Int32Array<ArrayBuffer> => {
    const out = new Int32Array(all.reduce((sum, one) => sum + one[key].length, 0));
    let at = 0;
    for (const one of all) {
      out.set(one[key], at);
      at += one[key].length;
    }
    return out;
  };
  return {
    texts: all.flatMap(({ texts }) => texts),
    contig: column('contig'),
    from: column('from'),
    to: column('to'),
    size: column('size'),
  };
}
