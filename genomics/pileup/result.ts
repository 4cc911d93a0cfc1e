/** What parts pile up: rows in the store, and what their writer must know. */
import type { Context, Stored } from '../../core/job.ts';
import type { Letters } from '../kernels/pilerows.ts';
import type { Window } from '../kernels/pileup.ts';

/** Rows of any number of contigs; those of contig `contig` alone are written only if it has reads, -1: always. */
export type Rows = { readonly stored: Stored; readonly contig: number };

export type Pileup = {
  readonly records: number;
  readonly rows: readonly Rows[];
  /** Contigs with reads that count, where that matters. */
  readonly seen: Int32Array<ArrayBuffer>;
};

/** Makes rows of windows, of which the reads lie on the stack. */
export type Maker = {
  /** `wanted`: which of the positions have rows, all without it. */
  show(
    contig: number,
    window: Window,
    letters: Letters,
    wanted: Uint8Array | undefined,
  ): void | Promise<void>;
  /** Puts what is left into the store. */
  build(): Promise<readonly Rows[]>;
};

export const joinPileups = (all: readonly Pileup[]): Pileup => ({
  records: all.reduce((sum, { records }) => sum + records, 0),
  rows: all.flatMap(({ rows }) => rows),
  seen: Int32Array.from(new Set(all.flatMap(({ seen }) => [...seen]))),
});

/** The rows that are written. */
export function shownRows({ rows, seen }: Pileup): Stored[] {
  const known = new Set(seen);
  return rows.filter(({ contig }) => contig < 0 || known.has(contig)).map(({ stored }) => stored);
}

/** Puts pieces into the store, one while the next one is made. `put` gives bytes that may be used again, or none. */
export function createPieces(context: Pick<Context, 'put'>) {
  const rows: Promise<Rows>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let spare = new Uint8Array(0);
  return {
    async put(
      bytes: Uint8Array<ArrayBuffer>,
      length: number,
      contig: number,
    ): Promise<Uint8Array<ArrayBuffer>> {
      const waiting = context.put(bytes.subarray(0, length)).then((stored): Rows => {
        // Unless they have moved away.
        if (bytes.length > 0) spare = bytes;
        return { stored, contig };
      });
      rows.push(waiting);
      waiting.catch(() => {});
      await last;
      last = waiting;
      const free = spare;
      spare = new Uint8Array(0);
      return free;
    },
    build: (): Promise<readonly Rows[]> => Promise.all(rows),
  };
}
