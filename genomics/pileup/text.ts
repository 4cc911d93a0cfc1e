/** The rows of `samtools mpileup`, made in the parts. */
import type { Context, Output } from '../../core/job.ts';
import type { Contig } from '../formats/bam.ts';
import { createFusedRows } from '../kernels/fusedrows.ts';
import type { RowRules } from '../kernels/pilerows.ts';
import type { Text } from '../kernels/text.ts';
import type { Depths } from '../kernels/pileup.ts';
import type { Stack } from '../kernels/stack.ts';
import { createPieces, type Maker, type Pileup, shownRows } from './result.ts';

/** Bytes of text that a kernel holds before they go to the store. */
const pieceSize = 4 << 20;

export async function createText(
  stack: Stack,
  depths: Depths,
  rules: RowRules,
  contigs: readonly Contig[],
  context: Pick<Context, 'put' | 'module'>,
): Promise<Maker> {
  const rows = createFusedRows(await context.module('rows'), stack, depths, rules);
  const pieces = createPieces(context);
  const text: Text = { bytes: new Uint8Array(0), fill: 0 };
  let [owner, named] = [-1, -1];
  let name = new Uint8Array(0);
  const flush = async (): Promise<void> => {
    if (text.fill === 0) return;
    text.bytes = await pieces.put(text.bytes, text.fill, owner);
    text.fill = 0;
  };
  return {
    async show(contig, window, letters, wanted) {
      // Whether rows without reads are written is only known when all parts are done.
      if (rules.isWhole && owner !== contig) {
        await flush();
        owner = contig;
      }
      if (named !== contig) {
        name = new TextEncoder().encode(contigs[contig]!.name);
        named = contig;
      }
      if (text.bytes.length === 0) text.bytes = new Uint8Array(pieceSize + (1 << 20));
      rows.write(text, name, window, letters, wanted);
      if (text.fill >= pieceSize) await flush();
    },
    async build() {
      await flush();
      return pieces.build();
    },
  };
}

/** Joins the texts of the parts. */
export async function writeText(result: Pileup, output: Output): Promise<void> {
  const sink = await output.file();
  for (const stored of shownRows(result)) await sink.append(stored);
}
