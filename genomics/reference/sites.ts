/** Where motifs lie, as rows of BED. */
import { roomFor } from '../../core/room.ts';
import { writeNumber } from '../kernels/digits.ts';
import { createFinder, type Motif, patternsOf } from '../kernels/motifs.ts';
import { makeRoom, type Text } from '../kernels/text.ts';

/** Writes rows of the motifs that begin in `[low, high)` of `classes` and end before `end`, by place; `origin` is the base at 0. */
export type Sites = (
  name: string,
  classes: Uint8Array,
  origin: number,
  low: number,
  high: number,
  end: number,
) => void;

export function createSites(motifs: readonly Motif[], text: Text): Sites {
  const patterns = patternsOf(motifs);
  const finder = createFinder(patterns);
  const longest = Math.max(...motifs.map(({ sets }) => sets.length));
  const tails = patterns.map(({ motif, strand }) => Buffer.from(`\t${motif.name}\t0\t${strand}\n`));
  const sizes = patterns.map(({ motif }) => motif.sets.length);
  // Start and pattern in one number, which sorts them.
  let hits = new Float64Array(1024);
  return (name, classes, origin, low, high, end) => {
    let count = 0;
    finder.find(classes, low, Math.min(high + longest - 1, end), (pattern, start) => {
      if (start >= high) return;
      hits = roomFor(hits, count + 1);
      hits[count++] = start * patterns.length + pattern;
    });
    const head = Buffer.from(`${name}\t`, 'latin1');
    const found = hits.subarray(0, count).sort();
    makeRoom(text, count * (head.length + 22 + Math.max(...tails.map(({ length }) => length))));
    const { bytes } = text;
    let at = text.fill;
    for (let i = 0; i < count; i++) {
      const pattern = found[i]! % patterns.length;
      const start = origin + Math.floor(found[i]! / patterns.length);
      const tail = tails[pattern]!;
      for (let k = 0; k < head.length; k++) bytes[at++] = head[k]!;
      at = writeNumber(bytes, at, start);
      bytes[at++] = 9;
      at = writeNumber(bytes, at, start + sizes[pattern]!);
      for (let k = 0; k < tail.length; k++) bytes[at++] = tail[k]!;
    }
    text.fill = at;
  };
}
