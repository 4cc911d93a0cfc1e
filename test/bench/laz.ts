/** Prints what the LAZ kernel does in a second on one core, beside laz-perf: of a file that is given, or of generated terrain. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLazPerf } from 'laz-perf';
import { readLas } from '../../geospatial/formats/las.ts';
import { pointFormatOf, readChunks } from '../../geospatial/formats/laz.ts';
import { extract } from '../../geospatial/jobs/extract.ts';
import * as kernel from '../../geospatial/kernels/codec.ts';
import { onlyFile } from '../cloudjobs.ts';
import { sourceOf } from '../lasfile.ts';
import { codec } from '../pointcolumns.ts';
import { generate } from '../generate.ts';

const rounds = 5;
const most = 20;

const bytes = process.argv[2] === undefined ? await made() : readFileSync(process.argv[2]);
const las = await readLas(sourceOf(bytes), 'x.laz');
const chunks = await readChunks(sourceOf(bytes), las);
const format = pointFormatOf(las);
const count = Math.min(most, chunks.start.length);
const points = chunks.points.slice(0, count);
const total = points.reduce((sum, n) => sum + n, 0);
const largest = Math.max(...points);
kernel.makeRoom(codec, {
  chunk: largest,
  bytes: Math.max(...chunks.size),
  extra: format.extra,
  points: total,
  output: kernel.encodeBound(largest, format.extra),
});

async function made(): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'servermix-laz-'));
  try {
    await generate('synthetic/terrain', folder, { points: 1_500_000 });
    const found = await onlyFile(extract, { 'x.las': readFileSync(join(folder, 'terrain.las')) });
    writeFileSync(join(folder, 'x.laz'), found);
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Prints the best of some rounds. */
function measure(name: string, what: number, act: () => void): void {
  let best = Infinity;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    act();
    best = Math.min(best, performance.now() - start);
  }
  console.log(`${name.padEnd(24)}${(what / best / 1000).toFixed(2).padStart(8)} M points/s`);
}

const decode = (wanted: number, set: 0 | 1) => (): void => {
  for (let i = 0, at = 0; i < count; at += points[i]!, i++) {
    const start = chunks.start[i]!;
    kernel.inputOf(codec).set(bytes.subarray(start, start + chunks.size[i]!));
    kernel.aim(codec, set, set === 1 ? at : 0);
    if (kernel.decode(codec, format, chunks.size[i]!, points[i]!, wanted) !== 0)
      throw new Error(`chunk ${i}`);
  }
};
console.log(`${total} points of format ${las.pdrf}, ${(bytes.length / las.count).toFixed(1)} bytes each`);
measure('x, y, returns', total, decode(0, 0));
measure('x, y, z, class', total, decode(kernel.fields.z | kernel.fields.class, 0));
measure('all fields', total, decode(kernel.allFields, 1));
const target = las.pdrf < 6 ? 6 : las.pdrf;
measure('encoding', total, () => {
  for (let i = 0, at = 0; i < count; at += points[i]!, i++) {
    kernel.aim(codec, 1, at);
    kernel.encode(codec, target, points[i]!, 0);
  }
});
const peer = await createLazPerf();
measure('laz-perf, all fields', las.count, () => {
  const [input, output] = [peer._malloc(bytes.length), peer._malloc(las.recordLength)];
  peer.HEAPU8.set(bytes, input);
  const file = new peer.LASZip();
  file.open(input, bytes.length);
  for (let i = 0; i < las.count; i++) file.getPoint(output);
  file.delete();
  peer._free(input);
  peer._free(output);
});
