/** Tiles and strips of a TIFF image: where they lie in the file, and what the ghost area of a Cloud-Optimized GeoTIFF promises of them. */
import type { Source } from '../../core/job.ts';
import type { Tiff } from '../formats/directories.ts';
import type { Image } from './images.ts';
import { limited, type Say } from './problems.ts';

/** What the ghost area says of tiles; GDAL's COG driver page, "Header ghost area" and "Tile data leader and trailer". */
export type Promises = {
  /** Tiles come row by row, each after those before it. */
  readonly rowMajor: boolean;
  /** The four bytes before a tile are its size, little-endian. */
  readonly leader: boolean;
  /** The last four bytes of a tile come again behind it. */
  readonly trailer: boolean;
  /** The tile of the mask follows that of the image. */
  readonly masks: boolean;
};

// Blocks looked at together: 16 bytes each, twice where there is a mask.
const atOnce = 2 ** 18;
// The four bytes before a block and behind it.
const edge = 4;
// A request on its own costs less than reading on over a wider gap, on a disk as over a network.
const widestGap = 65_536;
const longestRun = 2 ** 20;
const runsAtOnce = 16;

/**
 * Checks that all blocks of an image lie within the file, and what is promised of those of its first band (of all bands, where a block
 * holds them all). Gives the byte of the first block that is there, 0 for none.
 * @throws BadInput where offsets cannot be read
 */
export async function checkBlocks(
  source: Source,
  tiff: Tiff,
  image: Image,
  mask: Image | undefined,
  promises: Promises,
  say: Say,
): Promise<number> {
  const checks = {
    place: limited(say),
    order: limited(say),
    mask: limited(say),
    leader: limited(say),
    trailer: limited(say),
  };
  const around = (promises.leader ? edge : 0) + (promises.trailer ? edge : 0);
  let first = 0;
  let last = 0;
  for (let from = 0; from < image.blocks; from += atOnce) {
    const to = Math.min(image.blocks, from + atOnce);
    const { offsets, sizes } = await blocksOf(tiff, image, from, to);
    const masks = mask && from < mask.blocks ? await blocksOf(tiff, mask, from, to) : undefined;
    for (let i = 0; i < offsets.length; i++) {
      const [offset, size] = [offsets[i]!, sizes[i]!];
      if (offset > 0 && (offset < edge * 2 || offset + size > source.size)) {
        checks.place(
          `${nameOf(image, from + i)} lies from byte ${offset} to ${offset + size}, expected it within ${source.size} bytes`,
        );
        offsets[i] = 0;
      }
      if (from + i >= image.perBand) continue;
      if (offset > 0 && first === 0) first = offset;
      if (promises.rowMajor && offset > 0 && offset < last)
        checks.order(
          `${nameOf(image, from + i)} lies at byte ${offset}, expected it behind the one before at byte ${last}: BLOCK_ORDER=ROW_MAJOR is promised`,
        );
      last = offset;
      const beside = masks?.offsets[i] ?? 0;
      if (beside === 0) continue;
      if (offset > 0 && beside !== offset + size + around)
        checks.mask(
          `${nameOf(mask!, from + i)} lies at byte ${beside}, expected byte ${offset + size + around}, behind the image's: MASK_INTERLEAVED_WITH_IMAGERY=YES is promised`,
        );
      if (offset > 0) continue;
      if (promises.rowMajor && beside < last)
        checks.order(
          `${nameOf(mask!, from + i)} lies at byte ${beside}, expected it behind the one before at byte ${last}: BLOCK_ORDER=ROW_MAJOR is promised`,
        );
      last = beside;
    }
    if (around > 0)
      await checkEdges(
        source,
        image,
        offsets.subarray(0, Math.max(0, image.perBand - from)),
        sizes,
        from,
        promises,
        checks,
      );
  }
  return first;
}

/** Bytes of the file and sizes of the blocks `[from, to)`, both 0 for one that is left out. */
async function blocksOf(tiff: Tiff, { directory, tags }: Image, from: number, to: number) {
  const offsets = (await tiff.numbers(directory, tags.offsets, from, to))!;
  const sizes = (await tiff.numbers(directory, tags.sizes, from, to))!;
  for (let i = 0; i < offsets.length; i++) if (sizes[i] === 0) offsets[i] = 0;
  return { offsets, sizes };
}

/** A block as people find it: column and row, from 0. */
function nameOf({ name, columns, perBand, isTiled }: Image, index: number): string {
  const [band, inBand] = [Math.floor(index / perBand), index % perBand];
  const place = isTiled
    ? `tile (${inBand % columns}, ${Math.floor(inBand / columns)})`
    : `strip ${Math.floor(inBand / columns)}`;
  return `${place}${band > 0 ? ` of band ${band + 1}` : ''} of ${name}`;
}

/** Leaders and trailers, in the order of the file: those near one another by one request, some requests at a time. */
async function checkEdges(
  source: Source,
  image: Image,
  offsets: Float64Array,
  sizes: Float64Array,
  from: number,
  promises: Promises,
  checks: { readonly leader: Say; readonly trailer: Say },
): Promise<void> {
  // Edge 2 i is the leader of block i, 2 i + 1 its last bytes and trailer.
  const startOf = (k: number): number =>
    k % 2 === 0 ? offsets[k >> 1]! - edge : offsets[k >> 1]! + sizes[k >> 1]! - edge;
  const endOf = (k: number): number => Math.min(source.size, startOf(k) + (k % 2 === 0 ? edge : 2 * edge));
  const edges = Uint32Array.from({ length: 2 * offsets.length }, (_, k) => k).filter((k) => {
    const isThere = offsets[k >> 1]! > 0;
    return isThere && (k % 2 === 0 ? promises.leader : promises.trailer && sizes[k >> 1]! >= edge);
  });
  edges.sort((a, b) => startOf(a) - startOf(b));
  const check = (bytes: Uint8Array, k: number): void => {
    const size = sizes[k >> 1]!;
    const found = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (k % 2 === 0) {
      const said = found.getUint32(0, true);
      if (said !== size)
        checks.leader(
          `${nameOf(image, from + (k >> 1))} has a leader of ${said}, expected its size of ${size} bytes: BLOCK_LEADER=SIZE_AS_UINT4 is promised`,
        );
    } else if (bytes.length < 2 * edge || found.getUint32(0) !== found.getUint32(edge))
      checks.trailer(
        `${nameOf(image, from + (k >> 1))} is not followed by its last 4 bytes: BLOCK_TRAILER=LAST_4_BYTES_REPEATED is promised`,
      );
  };
  const runs = cut(edges, startOf, endOf);
  for (let i = 0; i < runs.length; i += runsAtOnce)
    await Promise.all(
      runs.slice(i, i + runsAtOnce).map(async ({ start, end, edges: within }) => {
        const bytes = await source.read(start, end);
        for (const k of within) check(bytes.subarray(startOf(k) - start, endOf(k) - start), k);
      }),
    );
}

/** Ranges of the file that hold edges sorted by their starts, with the edges of each. */
function cut(edges: Uint32Array, startOf: (k: number) => number, endOf: (k: number) => number) {
  const runs: { readonly start: number; readonly end: number; readonly edges: Uint32Array }[] = [];
  for (let i = 0; i < edges.length;) {
    const first = i;
    const start = startOf(edges[i]!);
    let end = endOf(edges[i]!);
    for (i++; i < edges.length; i++) {
      const next = startOf(edges[i]!);
      if (next - end > widestGap || endOf(edges[i]!) - start > longestRun) break;
      end = Math.max(end, endOf(edges[i]!));
    }
    runs.push({ start, end, edges: edges.subarray(first, i) });
  }
  return runs;
}
