/** Rows of text that go to the store when there are many. */
import type { Context, Stored } from '../../core/job.ts';
import { makeRoom, type Text } from '../kernels/text.ts';

const pieceSize = 4 << 20;

export function createSpill(context: Pick<Context, 'put'>) {
  const stored: Stored[] = [];
  const text: Text = { bytes: new Uint8Array(0), fill: 0 };
  const put = async (): Promise<void> => {
    if (text.fill === 0) return;
    const bytes = text.bytes.subarray(0, text.fill);
    [text.bytes, text.fill] = [new Uint8Array(0), 0];
    stored.push(await context.put(bytes));
  };
  return {
    /** For those who write bytes themselves. */
    text,
    add(row: string): void {
      makeRoom(text, row.length);
      // Bytes as characters, as names were read.
      for (let i = 0; i < row.length; i++) text.bytes[text.fill++] = row.charCodeAt(i);
    },
    /** Stores them if they are many. */
    flush: async (): Promise<void> => (text.fill >= pieceSize ? put() : undefined),
    async build(): Promise<readonly Stored[]> {
      await put();
      return stored;
    },
  };
}
