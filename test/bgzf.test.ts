/** BGZF: what is written is read, any range of it, and damage never passes. */
import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memorySource } from './memorysource.ts';
import { checkEof, chunks, compareVirtual, eofMarker, inflate } from '../genomics/formats/bgzf.ts';
import type { Virtual } from '../genomics/formats/bgzf.ts';
import { bgzip, blockSize, deflateBlocks } from '../genomics/formats/bgzip.ts';
import { portable, reused } from '../genomics/formats/inflate.ts';
import { bgzfOf, blockOf, messageFrom } from './alignments.ts';

async function gather(
  file: Uint8Array,
  from: Virtual = [0, 0],
  to?: Virtual,
  chunk = 1 << 20,
): Promise<Buffer> {
  const out: Buffer[] = [];
  for await (const bytes of inflate(memorySource(file), 'x.gz', from, to, { chunk }))
    out.push(Buffer.from(bytes));
  return Buffer.concat(out);
}

/** Bytes that deflate to about a half. */
function noise(length: number, seed = 1): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    out[i] = 65 + (x >>> 28);
  }
  return out;
}

/** Bytes, and ascending cuts with repeats: block edges, some of them of empty blocks. */
const blocked = fc
  .tuple(fc.integer({ min: 0, max: 3000 }), fc.array(fc.nat(), { maxLength: 12 }), fc.constantFrom(0, 1, 6))
  .map(([length, cuts, level]) => {
    const bytes = noise(length, length + 1);
    const edges = cuts.map((cut) => cut % (length + 1)).sort((a, b) => a - b);
    return { bytes, edges, level, ...bgzfOf(bytes, edges, level) };
  });

describe('inflaters', () => {
  const fast = reused();

  const isKnown = Number.parseInt(process.versions.node, 10) <= 24;

  test('the reused handle is in use on the versions of Node that it was tried on', () => {
    expect(fast !== undefined).toBe(isKnown);
  });

  test.skipIf(!isKnown)('both give the same bytes and find the same faults', () => {
    const apply = (inflater: typeof portable, input: Uint8Array, size: number): string => {
      const output = new Uint8Array(size + 40);
      const problem = inflater(input, 0, input.length, output, 10, size);
      return problem ?? Buffer.from(output.subarray(0, 10 + size)).toString('hex');
    };
    const stream = fc.record({
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 500 }),
        fc.nat(70000).map((n) => noise(n % 65280)),
      ),
      level: fc.integer({ min: 0, max: 9 }),
      strategy: fc.constantFrom(0, constants.Z_FIXED, constants.Z_RLE, constants.Z_HUFFMAN_ONLY),
      cut: fc.nat(12),
      added: fc.nat(3),
      wrong: fc.integer({ min: -3, max: 3 }),
    });
    fc.assert(
      fc.property(stream, ({ bytes, level, strategy, cut, added, wrong }) => {
        const deflated = deflateRawSync(bytes, { level, strategy });
        const variants: [Uint8Array, number][] = [
          [deflated, bytes.length],
          [deflated.subarray(0, Math.max(0, deflated.length - cut)), bytes.length],
          [Buffer.concat([deflated, Buffer.alloc(added, 7)]), bytes.length],
          [deflated, Math.max(0, bytes.length + wrong)],
        ];
        for (const [input, size] of variants)
          expect(apply(fast!, input, size)).toBe(apply(portable, input, size));
      }),
      { numRuns: 150 },
    );
  });

  test.skipIf(!isKnown)('both refuse the same damaged streams', () => {
    const deflated = deflateRawSync(noise(2000));
    for (let at = 0; at < deflated.length; at++) {
      const damaged = Uint8Array.from(deflated);
      damaged[at]! ^= 1 << (at % 8);
      const [a, b] = [new Uint8Array(2001), new Uint8Array(2001)];
      const [x, y] = [
        portable(damaged, 0, damaged.length, a, 0, 2000),
        fast!(damaged, 0, damaged.length, b, 0, 2000),
      ];
      expect(x === undefined).toBe(y === undefined);
      if (x === undefined) expect(Buffer.compare(a.subarray(0, 2000), b.subarray(0, 2000))).toBe(0);
    }
  });
});

describe('reading', () => {
  test('any block sizes, empty and stored blocks, any range', async () => {
    await fc.assert(
      fc.asyncProperty(
        blocked,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 4000 }),
        async ({ bytes, edges, file, offsets }, a, b, chunk) => {
          expect(await gather(file, [0, 0], undefined, chunk)).toEqual(Buffer.from(bytes));
          // A place at a block's end has two names, and empty blocks give it more.
          const starts = [0, ...edges, bytes.length];
          const place = (pick: number): { at: number; virtual: Virtual } => {
            const i = pick % offsets.length;
            const length = (starts[i + 1] ?? starts[i]!) - starts[i]!;
            const within = Math.floor(pick / offsets.length) % (length + 1);
            return { at: starts[i]! + within, virtual: [offsets[i]!, within] };
          };
          const [from, to] = [place(a), place(b)].sort((x, y) => compareVirtual(x.virtual, y.virtual)) as [
            ReturnType<typeof place>,
            ReturnType<typeof place>,
          ];
          expect(await gather(file, from.virtual, to.virtual, chunk)).toEqual(
            Buffer.from(bytes.subarray(from.at, to.at)),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test('what is kept comes again, and places are right', async () => {
    await fc.assert(
      fc.asyncProperty(
        blocked,
        fc.integer({ min: 1, max: 700 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
        async ({ bytes, edges, file, offsets }, chunk, keeps) => {
          const starts = [0, ...edges, bytes.length];
          const pieces = chunks(memorySource(file), 'x.gz', [0, 0], undefined, { chunk });
          let [at, kept, turn] = [0, 0, 0];
          for (;;) {
            const { value, done } = await pieces.next(kept);
            if (done) break;
            expect(Buffer.from(value.bytes)).toEqual(
              Buffer.from(bytes.subarray(at - kept, at - kept + value.bytes.length)),
            );
            for (const i of [0, value.bytes.length >> 1, value.bytes.length]) {
              const [block, within] = value.place(i);
              const index = offsets.indexOf(block);
              // The end of the file is the one place that no block begins at.
              if (index >= 0) expect((starts[index] ?? 0) + within).toBe(at - kept + i);
              else expect([block, within, i]).toEqual([file.length, 0, value.bytes.length]);
            }
            at += value.bytes.length - kept;
            kept = keeps[turn++ % keeps.length]! % (value.bytes.length + 1);
          }
          expect(at).toBe(bytes.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('blocks that straddle reads of the source', async () => {
    const bytes = noise(5_000_000);
    const { file } = bgzfOf(
      bytes,
      Array.from({ length: 90 }, (_, i) => (i + 1) * 55_000),
      0,
    );
    expect((await gather(file)).equals(bytes)).toBe(true);
  });

  test('the BC subfield may stand behind others', async () => {
    const block = blockOf(Buffer.from('hello'), 6, Uint8Array.of(0x41, 0x42, 3, 0, 1, 2, 3));
    expect((await gather(Buffer.concat([block, eofMarker]))).toString()).toBe('hello');
  });

  test('a block of 65,536 bytes, the most there are', async () => {
    const bytes = noise(65536);
    expect((await gather(bgzfOf(bytes).file)).equals(bytes)).toBe(true);
  });
});

describe('damage', () => {
  const bytes = noise(900);
  const { file, offsets } = bgzfOf(bytes, [300, 700]);
  // No empty block: a file cut behind one ends as a complete file does.

  test('a file cut at any byte has no end-of-file marker, and inside a block does not inflate', async () => {
    for (let length = 0; length < file.length; length++) {
      const source = memorySource(file.subarray(0, length));
      const eof = await messageFrom(checkEof(source, 'x.bam'));
      if (length === 0) expect(eof).toBe('BGZF: x.bam is empty (0 bytes)');
      else
        expect(eof).toBe(
          `BGZF: x.bam (${length} bytes) has no BGZF end-of-file marker: it is truncated; copy or write it again`,
        );
      const cut = await messageFrom(gather(file.subarray(0, length)));
      if (length === 0 || offsets.includes(length)) expect(cut).toBeUndefined();
      else {
        const offset = offsets.findLast((start) => start < length);
        expect(cut).toContain(`BGZF: block at byte ${offset} of x.gz is cut short: found`);
      }
    }
    await checkEof(memorySource(file), 'x.bam');
  });

  test('a flipped byte is found, or is one that says nothing of the content', async () => {
    // MTIME, XFL and OS of the gzip header.
    const silent = new Set(offsets.flatMap((start) => [4, 5, 6, 7, 8, 9].map((i) => start + i)));
    for (let at = 0; at < file.length; at++) {
      for (const bit of [1, 0x10, 0x80]) {
        const damaged = Uint8Array.from(file);
        damaged[at]! ^= bit;
        const result = await gather(damaged).catch((error: Error) => error.message);
        if (silent.has(at)) expect(result).toEqual(Buffer.from(bytes));
        else expect(typeof result === 'string' || result.equals(bytes), `byte ${at} ^ ${bit}`).toBe(true);
        // Where bytes come out they are the right ones: unused bits at the end of a deflate stream.
        if (!silent.has(at) && typeof result === 'string')
          expect(result).toMatch(/^BGZF: block at byte \d+ of x\.gz /);
      }
    }
  });

  test('messages name file, block and fault', async () => {
    const [first, last] = [offsets[1]!, offsets[2]!];
    const change = async (at: number, value: number): Promise<string | undefined> => {
      const damaged = Uint8Array.from(file);
      damaged[at] = value;
      return messageFrom(gather(damaged));
    };
    expect(await change(first, 0)).toBe(
      `BGZF: block at byte ${first} of x.gz has a bad magic 008b0804, expected 1f8b0804; the file is damaged or not BGZF`,
    );
    expect(await change(first + 12, 0)).toBe(
      `BGZF: block at byte ${first} of x.gz has no BC subfield: it is plain gzip; compress it with bgzip`,
    );
    expect(await change(last - 8, file[last - 8]! ^ 1)).toMatch(
      new RegExp(
        `^BGZF: block at byte ${first} of x.gz has CRC-32 [0-9a-f]{8}, expected [0-9a-f]{8}; the file is damaged`,
      ),
    );
    expect(await change(last - 4, 5)).toMatch(
      /does not inflate: it inflates to more than the 261 bytes of its ISIZE; the file is damaged, copy it again$/,
    );
    expect(await change(last - 1, 1)).toMatch(/has an ISIZE of \d+, expected at most 65536/);
  });

  test('offsets that are not in the file belong to another one', async () => {
    const foreign = async (from: Virtual, to?: Virtual): Promise<string | undefined> =>
      messageFrom(gather(file, from, to));
    const size = file.length;
    expect(await foreign([size + 1, 0])).toMatch(
      /is past the end of the file .* its index does not belong to it/,
    );
    expect(await foreign([0, 0], [size + 9, 0])).toMatch(/past the end of the file/);
    expect(await foreign([0, 0], [offsets[2]! + 1, 0])).toMatch(/is not the start of a block; its index/);
    expect(await foreign([0, 0], [offsets[2]! + 1, 5])).toMatch(/is not the start of a block; its index/);
    expect(await foreign([offsets[2]!, 60000])).toMatch(/lies past the block's \d+ bytes; its index/);
    expect(await foreign([0, 0], [offsets[2]!, 60000])).toMatch(/lies past the block's \d+ bytes; its index/);
    expect(await foreign([offsets[3]!, 0], [offsets[2]!, 0])).toMatch(/lies before/);
    expect(await foreign([offsets[2]! + 1, 0])).toMatch(/has a bad magic/);
  });

  test('an abort stops it', async () => {
    const stop = new AbortController();
    stop.abort();
    const all = inflate(memorySource(file), 'x.gz', [0, 0], undefined, { signal: stop.signal });
    await expect(all.next()).rejects.toThrow(/abort/i);
  });
});

describe('writing', () => {
  test('what bgzip writes is read, and tell() is where it lies', async () => {
    const pieces = fc.array(fc.nat(200_000), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.constantFrom(0, 1, 6), async (lengths, level) => {
        const out: Uint8Array[] = [];
        const sink = { write: async (bytes: Uint8Array) => void out.push(bytes) };
        const writer = bgzip(sink, level);
        const places: Virtual[] = [];
        const parts = lengths.map((length, i) => noise(length, i + 1));
        for (const [i, part] of parts.entries()) {
          places.push(writer.tell());
          if (i % 3 === 2) {
            const { bytes } = deflateBlocks(part, level);
            await writer.append(bytes.length, () => sink.write(bytes));
          } else await writer.write(part);
        }
        const end = writer.tell();
        await writer.finish();
        const file = Buffer.concat(out);
        await checkEof(memorySource(file), 'x.gz');
        expect((await gather(file)).equals(Buffer.concat(parts))).toBe(true);
        for (const [i, from] of places.entries()) {
          // Appended blocks begin a block of their own, after what was told.
          const to = places[i + 1] ?? end;
          expect((await gather(file, from, to)).equals(parts[i]!)).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('deflateBlocks gives a block each 65,280 bytes, equal bytes for equal input', async () => {
    const bytes = noise(200_000);
    const { bytes: blocks, sizes } = deflateBlocks(bytes);
    expect(sizes.length).toBe(Math.ceil(bytes.length / blockSize));
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(blocks.length);
    expect(Buffer.compare(deflateBlocks(Uint8Array.from(bytes)).bytes, blocks)).toBe(0);
    const second: Virtual = [sizes[0]!, 0];
    expect(
      (await gather(blocks, second, [sizes[0]! + sizes[1]!, 0])).equals(
        bytes.subarray(blockSize, 2 * blockSize),
      ),
    ).toBe(true);
    expect(deflateBlocks(new Uint8Array(0))).toEqual({ bytes: Buffer.alloc(0), sizes: [] });
  });

  test('a sink that fails fails the writer', async () => {
    const writer = bgzip({ write: () => Promise.reject(new Error('disk full')) });
    void writer.write(noise(10));
    await expect(writer.finish()).rejects.toThrow('disk full');
  });
});
