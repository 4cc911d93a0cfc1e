/** A table of counts by position and strand: numbers in columns from the parts, Parquet from the writer. */
import type { Context, Output } from '../../core/job.ts';
import type { Contig } from '../formats/bam.ts';
import { openTable } from '../formats/parquet.ts';
import { countNames, countSize, createCounts } from '../kernels/pilecounts.ts';
import type { Depths } from '../kernels/pileup.ts';
import type { Stack } from '../kernels/stack.ts';
import { createPieces, type Maker, type Pileup, shownRows } from './result.ts';

/** Rows of a piece in the store, and of a row group of the file. */
const [pieceRows, groupRows] = [1 << 16, 1 << 17];
/** Numbers of a row: contig, position from 1 on, letter of the reference, and the counts. */
const rowSize = 3 + countSize;

export function createTable(
  stack: Stack,
  { depth }: Depths,
  { quality, isWhole }: { readonly quality: number; readonly isWhole: boolean },
  context: Pick<Context, 'put'>,
): Maker {
  const counts = createCounts(stack, quality);
  const pieces = createPieces(context);
  let bytes = new Uint8Array(0);
  let rows = new Int32Array(0);
  let count = 0;
  let owner = -1;
  const flush = async (): Promise<void> => {
    if (count === 0) return;
    bytes = await pieces.put(bytes, 4 * rowSize * count, owner);
    rows = new Int32Array(bytes.buffer);
    count = 0;
  };
  return {
    async show(contig, window, letters, wanted) {
      if (isWhole && owner !== contig) {
        await flush();
        owner = contig;
      }
      const numbers = counts(window, letters);
      for (let i = 0; i < window.to - window.from; i++) {
        if ((depth[i] === 0 && !isWhole) || wanted?.[i] === 0) continue;
        if (rows.length === 0) {
          bytes = new Uint8Array(4 * rowSize * pieceRows);
          rows = new Int32Array(bytes.buffer);
        }
        const at = count++ * rowSize;
        const pos = window.from + i;
        rows[at] = contig;
        rows[at + 1] = pos + 1;
        rows[at + 2] = letters && pos < letters.to ? letters.bytes[pos - letters.from]! : 0x4e;
        for (let k = 0; k < countSize; k++) rows[at + 3 + k] = numbers[i * countSize + k]!;
        if (count === pieceRows) await flush();
      }
    },
    async build() {
      await flush();
      return pieces.build();
    },
  };
}

const strands = ['forward', 'reverse'];
const columns = countNames.flatMap((name) => strands.map((strand) => `${name}_${strand}`));

/** Columns: contig, position (from 1), reference, depth (bases, deletions and skips), and each count by strand. */
export async function writeCounts(
  result: Pileup,
  contigs: readonly Contig[],
  output: Output,
  context: Pick<Context, 'get'>,
): Promise<void> {
  const table = await openTable(await output.file(), {
    contig: 'text',
    position: 'count',
    reference: 'text',
    depth: 'count',
    ...Object.fromEntries(columns.map((name) => [name, 'count' as const])),
  });
  const numbers = Array.from({ length: rowSize + 1 }, () => new Int32Array(groupRows));
  let fill = 0;
  const [ids, positions, letters, depths] = numbers as [Int32Array, Int32Array, Int32Array, Int32Array];
  const flush = async (): Promise<void> => {
    if (fill === 0) return;
    await table.write({
      contig: Array.from(ids.subarray(0, fill), (id) => contigs[id]!.name),
      position: positions.slice(0, fill),
      reference: Array.from(letters.subarray(0, fill), (letter) => String.fromCharCode(letter)),
      depth: depths.slice(0, fill),
      ...Object.fromEntries(columns.map((name, k) => [name, numbers[4 + k]!.slice(0, fill)])),
    });
    fill = 0;
  };
  for (const stored of shownRows(result)) {
    const bytes = await context.get(stored);
    const rows = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (let at = 0; at < rows.length; at += rowSize) {
      ids[fill] = rows[at]!;
      positions[fill] = rows[at + 1]!;
      letters[fill] = rows[at + 2]!;
      let depth = 0;
      for (let k = 0; k < countSize; k++) {
        const count = rows[at + 3 + k]!;
        numbers[4 + k]![fill] = count;
        // An insertion goes with a base that is counted already.
        if (countNames[k >> 1] !== 'ins') depth += count;
      }
      depths[fill] = depth;
      if (++fill === groupRows) await flush();
    }
  }
  await flush();
  await table.finish();
}
