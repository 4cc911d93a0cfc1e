/** Measures a part in the scan kernel: compressed bytes in, runs of depth out. */
import { feed, withScanner } from '../formats/feed.ts';
import {
  endInterval,
  nextContig,
  passOver,
  readsOf,
  scan,
  type Scanner,
  startDepths,
  type Status,
  turn,
} from '../kernels/scan.ts';
import type { Measuring } from './plain.ts';
import { createPartSweep, type CreateMeter, type PartSweep } from './sweep.ts';

/**
 * What `done` makes of the part's sweep, which holds what `measurePlain` gives; undefined when the kernel finds a fault: then it is for that one to
 * word it. For parts of one BAM file.
 */
export function measureFused<R>(
  module: WebAssembly.Module,
  how: Measuring,
  done: (sweep: PartSweep) => Promise<R>,
): Promise<R | undefined> {
  return withScanner(module, async (scanner) => {
    const { part, settings, bed, reading, spill } = how;
    const { source } = reading.files[part.spans[0]?.file ?? 0]!;
    const { signal } = reading;
    const createMeter: CreateMeter = (emit, tally) => {
      startDepths(scanner, settings.filter, emit);
      return {
        begin: ({ id, length }, from, to) => turn(scanner, id, length, from, to),
        end() {
          endInterval(scanner, tally);
          return readsOf(scanner);
        },
      };
    };
    const sweep = createPartSweep(part, settings, bed, createMeter);
    for (const { from, last, to: hint } of part.spans) {
      const go = (): Status => step(scanner, sweep, part.total, last);
      const status = await feed(scanner, source, from, undefined, go, {
        signal,
        hint,
        between: async () => spill(sweep),
      });
      if (status === 'fault') return undefined;
    }
    return done(sweep);
  });
}

/** Goes on with what the kernel was given; `past` also before a record behind contig `stop` of the header. */
function step(scanner: Scanner, sweep: PartSweep, contigs: number, stop: number): Status {
  for (;;) {
    const status = scan(scanner, 'depths', contigs);
    if (status !== 'elsewhere') return status;
    const id = nextContig(scanner);
    if (id < 0 || id > stop) return 'past';
    const current = sweep.turn(id);
    if (id < current && readsOf(scanner).last >= 0) return 'fault';
    if (id !== current) passOver(scanner, id);
  }
}
