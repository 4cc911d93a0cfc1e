/** Whether a file is a valid Cloud-Optimized Point Cloud, rule by rule, down to every point. Sources: COPC 1.0; ASPRS LAS 1.4 R15. */
import { messageOf } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { type CopcInfo, type Entry, infoBytes, infoOf, readHierarchy } from '../formats/copc.ts';
import type { Las } from '../formats/las.ts';
import { readLas } from '../formats/las.ts';
import type { Chunks } from '../formats/laz.ts';
import { pointFormatOf, readChunks } from '../formats/laz.ts';
import { readRun } from '../formats/points.ts';
import { allFields, type Codec, createCodec, type Points } from '../kernels/codec.ts';
import type { NodeKey } from '../kernels/octree.ts';
import { startTally, tallyPoints } from '../kernels/tally.ts';
import { limited, type Problem, type Say } from './problems.ts';

/** Everything that is wrong with a COPC file; nothing for a valid one. Reads it whole. */
export async function validateCopc(
  source: Source,
  name: string,
  module: WebAssembly.Module,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const say = (text: string): void => void problems.push(`COPC: ${text}`);
  let las: Las;
  try {
    las = await readLas(source, name);
  } catch (error) {
    return [messageOf(error)];
  }
  const first = await source.read(0, Math.min(source.size, 375 + 54));
  checkHeader(las, first, say);
  const info = infoOf(las);
  if (!info) return problems;
  checkInfo(las, info, say);
  if (!las.laszip) return problems;
  let chunks: Chunks;
  let entries: Entry[];
  try {
    chunks = await readChunks(source, las);
    entries = await readHierarchy(source, name, info);
  } catch (error) {
    return [...problems, messageOf(error)];
  }
  const isWhole = checkHierarchy(las, chunks, entries, say);
  if (isWhole) await checkPoints(source, las, info, entries, createCodec(module), say);
  return problems;
}

function checkHeader(las: Las, first: Uint8Array, say: Say): void {
  const at = new DataView(first.buffer, first.byteOffset, first.byteLength);
  if (las.minor !== 4) say(`LAS 1.${las.minor}, expected 1.4`);
  if (at.getUint16(94, true) !== 375) say(`header of ${at.getUint16(94, true)} bytes, expected 375`);
  if (!las.laszip) say('points are not compressed, expected LAZ');
  if (![6, 7, 8].includes(las.pdrf)) say(`point format ${las.pdrf}, expected 6, 7 or 8`);
  const [record] = las.records;
  if (record?.user !== 'copc' || record.id !== 1)
    say(
      `the first record is ${record ? `"${record.user}" ${record.id}` : 'missing'}, expected "copc" 1 at byte 375`,
    );
  else if (record.bytes.length !== infoBytes)
    say(`info record of ${record.bytes.length} bytes, expected ${infoBytes}`);
  const chunk =
    las.laszip && new DataView(las.laszip.record.buffer, las.laszip.record.byteOffset).getUint32(12, true);
  if (chunk !== undefined && chunk !== 0xffffffff)
    say(`chunk size ${chunk} in the LASzip record, expected 4294967295: chunks of different sizes`);
}

function checkInfo(las: Las, { center, halfsize, spacing, page, reserved }: CopcInfo, say: Say): void {
  const used = reserved.findIndex((value) => value !== 0n);
  if (used >= 0) say(`reserved number ${used} of the info record is ${reserved[used]}, expected 0`);
  if (!(halfsize > 0 && center.every(Number.isFinite)))
    say(`cube of half size ${halfsize}, expected a number above 0`);
  if (!(spacing > 0)) say(`spacing ${spacing}, expected a number above 0`);
  if (page.bytes === 0 || page.bytes % 32 !== 0)
    say(`root page of ${page.bytes} bytes, expected a multiple of 32`);
  if (!(page.start >= 375 && page.start + page.bytes <= las.size))
    say(
      `root page from byte ${page.start} to ${page.start + page.bytes}, expected it within ${las.size} bytes`,
    );
}

const nameOf = (key: NodeKey): string => key.join('-');

/** False where nodes cannot be read. */
function checkHierarchy(las: Las, chunks: Chunks, entries: readonly Entry[], say: Say): boolean {
  const some = limited(say);
  const keys = new Set<string>();
  let isWhole = true;
  for (const { key, points } of entries) {
    const [level, ...place] = key;
    if (!(level >= 0 && level <= 30 && place.every((p) => p >= 0 && p < 2 ** level)))
      some(`node ${nameOf(key)} is outside of the octree`);
    if (keys.has(nameOf(key))) some(`node ${nameOf(key)} comes twice`);
    if (points < 0) some(`node ${nameOf(key)} has ${points} points, expected 0 or more`);
    keys.add(nameOf(key));
  }
  for (const { key } of entries) {
    const [level, x, y, z] = key;
    const parent: NodeKey = [level - 1, x >> 1, y >> 1, z >> 1];
    if (level > 0 && !keys.has(nameOf(parent))) some(`node ${nameOf(key)} has no parent ${nameOf(parent)}`);
  }
  const nodes = entries.filter(({ points }) => points > 0);
  for (const { key, bytes, points } of entries)
    if (points === 0 && bytes !== 0)
      some(`node ${nameOf(key)} has no points in ${bytes} bytes, expected none`);
  if (chunks.points.includes(0)) some('a chunk has no points, expected at least one in each');
  if (nodes.length !== chunks.start.length)
    say(`${nodes.length} nodes with points, ${chunks.start.length} chunks, expected as many`);
  const starts = new Map(Array.from(chunks.start, (start, i) => [start, i]));
  for (const { key, offset, bytes, points } of nodes) {
    const i = starts.get(offset);
    if (!(offset >= 0 && bytes > 0 && offset + bytes <= las.size)) {
      some(
        `node ${nameOf(key)} lies from byte ${offset} to ${offset + bytes}, expected it within ${las.size} bytes`,
      );
      isWhole = false;
    } else if (i === undefined || chunks.size[i] !== bytes || chunks.points[i] !== points) {
      some(
        `node ${nameOf(key)} of ${points} points from byte ${offset} to ${offset + bytes} is no chunk of the chunk table`,
      );
      isWhole = false;
    }
  }
  const sum = nodes.reduce((total, { points }) => total + points, 0);
  if (sum !== las.count) say(`nodes of ${sum} points, expected ${las.count} as in the header`);
  return isWhole;
}

async function checkPoints(
  source: Source,
  las: Las,
  info: CopcInfo,
  entries: readonly Entry[],
  codec: Codec,
  say: Say,
): Promise<void> {
  const { scale, offset } = las;
  const format = pointFormatOf(las);
  const some = limited(say);
  const tally = startTally();
  for (const [index, { key, offset: start, bytes, points }] of entries.entries()) {
    if (points <= 0) continue;
    const chunks = { first: index, sizes: [bytes], points: [points] };
    const run = { first: 0, points, start, end: start + bytes, format, scale, offset, chunks };
    try {
      for await (const _ of readRun(source, run, las.name, codec, allFields, (found) => {
        tallyPoints(tally, found);
        const out = outsideOf(found, las, info, key);
        if (out)
          some(
            `${out.count} of ${points} points of node ${nameOf(key)} lie outside of it, the first at ${out.place.join(', ')}`,
          );
      }));
    } catch (error) {
      some(messageOf(error).replace(/^LAZ: /, ''));
    }
  }
  if (tally.points !== las.count) return;
  for (const i of [0, 1, 2] as const) {
    const [min, max] = [tally.min[i]! * scale[i] + offset[i], tally.max[i]! * scale[i] + offset[i]];
    const isOff = (a: number, b: number): boolean => Math.abs(a - b) > scale[i] / 1000;
    if (isOff(las.min[i], min) || isOff(las.max[i], max))
      say(`header has ${'xyz'[i]} from ${las.min[i]} to ${las.max[i]}, points from ${min} to ${max}`);
  }
  const [first, last] = tally.times as unknown as [number, number];
  if (first <= last && (info.times[0] !== first || info.times[1] !== last))
    say(
      `info record has GPS times from ${info.times[0]} to ${info.times[1]}, points from ${first} to ${last}`,
    );
  for (let i = 1; i <= 15; i++) {
    const said = Number(las.byReturn[i] ?? 0);
    if (said !== tally.byReturn[i])
      say(`header has ${said} points of return ${i}, found ${tally.byReturn[i]}`);
  }
}

/** How many points lie off a node's box by more than rounding, and where the first is. */
function outsideOf(
  { count, x, y, z }: Points,
  { scale, offset }: Las,
  { center, halfsize }: CopcInfo,
  [level, ...node]: NodeKey,
): { count: number; place: number[] } | undefined {
  const side = (2 * halfsize) / 2 ** level;
  const axes = [x, y, z].map((raw, i) => {
    const low = center[i as 0 | 1 | 2] - halfsize + node[i as 0 | 1 | 2] * side;
    const slack = Math.abs(center[i as 0 | 1 | 2]) * 2 ** -50 + scale[i as 0 | 1 | 2] * 1e-6;
    return {
      raw,
      by: scale[i as 0 | 1 | 2],
      add: offset[i as 0 | 1 | 2],
      low: low - slack,
      high: low + side + slack,
    };
  });
  let found = 0;
  let place: number[] = [];
  for (let k = 0; k < count; k++) {
    if (axes.every(({ raw, by, add, low, high }) => raw[k]! * by + add >= low && raw[k]! * by + add <= high))
      continue;
    if (found++ === 0) place = axes.map(({ raw, by, add }) => raw[k]! * by + add);
  }
  return found > 0 ? { count: found, place } : undefined;
}
