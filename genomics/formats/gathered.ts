/** Records of BAM, inflated and stepped over by the scan kernel, and looked at in its memory. */
import type { Source } from '../../core/job.ts';
import {
  gathered,
  passRecords,
  returnScanner,
  scan,
  type Scanner,
  startRecords,
  type Status,
  takeScanner,
} from '../kernels/scan.ts';
import { records } from './bam.ts';
import type { Virtual } from './bgzf.ts';
import { pieces } from './feed.ts';

/**
 * As `records`, which it goes on with where the kernel finds a fault: what is wrong is for the reading in TypeScript to find and to word.
 */
export async function* gatheredRecords(
  module: WebAssembly.Module,
  source: Source,
  name: string,
  contigs: number,
  from: Virtual,
  to: Virtual | undefined,
  signal: AbortSignal,
  hint?: number,
): AsyncGenerator<Uint8Array> {
  const scanner = takeScanner(module);
  // Bytes that were given.
  let given = 0;
  let isSound = true;
  try {
    startRecords(scanner);
    for await (const _ of pieces(scanner, source, from, to, { signal, hint })) {
      for (let status: Status = 'full'; status === 'full';) {
        isSound = false;
        status = goOn(scanner, contigs);
        if (status === 'fault') break;
        isSound = true;
        const bytes = gathered(scanner);
        given += bytes.length;
        if (bytes.length > 0) yield bytes;
        passRecords(scanner);
        if (status === 'end') return;
      }
      if (!isSound) break;
    }
  } finally {
    if (isSound) returnScanner(scanner);
  }
  for await (const bytes of records(source, name, contigs, from, to, signal, hint)) {
    if (given < bytes.length) yield given > 0 ? bytes.subarray(given) : bytes;
    given = Math.max(0, given - bytes.length);
  }
}

/** A trap, or memory that cannot be had, is a fault like others. */
function goOn(scanner: Scanner, contigs: number): Status {
  try {
    return scan(scanner, 'records', contigs);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return 'fault';
    throw error;
  }
}
