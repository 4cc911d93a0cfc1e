/**
 * Whether a file is a valid Cloud-Optimized GeoTIFF, rule by rule. Sources: OGC COG 1.0 (21-026); GDAL's COG driver page; the rules of GDAL's
 * validate_cloud_optimized_geotiff with full check, and of rio-cogeo.
 */
import { isBadInput, messageOf } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { readTiff, type Tiff } from '../formats/directories.ts';
import { headerLength } from '../formats/tiff.ts';
import { checkBlocks, type Promises } from './blocks.ts';
import { type Image, type Level, levelsOf } from './images.ts';
import type { Problem, Say } from './problems.ts';

// Larger ones want tiles and overviews.
const smallSide = 512;
// A row of cells that is still as good as a tile.
const longestRow = 1024;

/**
 * Everything that makes a file no valid COG, and what would be better otherwise; of a valid one no problems. Reads the directories, and of
 * the tiles what the ghost area makes promises of: some bytes before and behind each. Memory: 16 MiB, and as much again for long lists of tiles.
 */
export async function validateCog(
  source: Source,
  name: string,
): Promise<{ problems: Problem[]; warnings: Problem[] }> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const say: Say = (text) => void problems.push(`COG: ${text}`);
  try {
    const tiff = await readTiff(source, name);
    const levels = await levelsOf(tiff, name);
    checkLevels(levels, say);
    const [{ image: full }] = levels as [Level];
    if (levels.length === 1 && isLarge(full))
      warnings.push(
        `COG: ${full.width} x ${full.height} cells have no overviews, expected some for a side of more than ${smallSide}`,
      );
    const promises = await checkGhost(source, tiff, say);
    await checkData(source, tiff, levels, promises, say);
  } catch (error) {
    if (!isBadInput(error)) throw error;
    problems.push(messageOf(error));
  }
  return { problems, warnings };
}

const isLarge = ({ width, height }: Image): boolean => width > smallSide || height > smallSide;

/** Tiles, sizes that go down, directories that go up. */
function checkLevels(levels: readonly Level[], say: Say): void {
  for (const [i, { image }] of levels.entries()) {
    const { name, width, height, block, directory } = image;
    if (block.width === width && width > longestRow)
      say(`${name} of ${width} x ${height} cells is not tiled, expected tiles`);
    const before = levels[i - 1]?.image;
    if (!before) continue;
    if (width > before.width || height > before.height)
      say(
        `${name} has ${width} x ${height} cells, expected no more than the ${before.width} x ${before.height} of ${before.name}`,
      );
    if (directory.at < before.directory.at)
      say(
        `the directory of ${name} lies at byte ${directory.at}, expected it behind that of ${before.name} at byte ${before.directory.at}`,
      );
  }
}

const opening = 'GDAL_STRUCTURAL_METADATA_SIZE=';
const openingLength = `${opening}000000 bytes\n`.length;
const noPromises: Promises = { rowMajor: false, leader: false, trailer: false, masks: false };

/** What the ghost area promises; checks that the first directory follows it, or the header. */
async function checkGhost(source: Source, { big, directories }: Tiff, say: Say): Promise<Promises> {
  const at = directories[0]!.at;
  if (at === headerLength(false) || at === headerLength(true)) return noPromises;
  const text = async (from: number, length: number): Promise<string> =>
    new TextDecoder('latin1').decode(
      await source.read(Math.min(source.size, from), Math.min(source.size, from + length)),
    );
  let promises = noPromises;
  let expected = headerLength(big);
  const start = await text(expected, openingLength);
  if (start.length === openingLength && start.startsWith(opening)) {
    const digits = start.slice(opening.length, opening.length + 6);
    if (!/^\d{6}$/.test(digits)) say(`the ghost area has a size of "${digits}", expected six digits`);
    const size = Number(digits) || 0;
    const said = await text(expected + openingLength, size);
    promises = {
      rowMajor: said.includes('BLOCK_ORDER=ROW_MAJOR'),
      leader: said.includes('BLOCK_LEADER=SIZE_AS_UINT4'),
      trailer: said.includes('BLOCK_TRAILER=LAST_4_BYTES_REPEATED'),
      masks: said.includes('MASK_INTERLEAVED_WITH_IMAGERY=YES'),
    };
    if (said.includes('KNOWN_INCOMPATIBLE_EDITION=YES'))
      say('KNOWN_INCOMPATIBLE_EDITION=YES: the file was edited, and its tiles may no longer lie as promised');
    expected += openingLength + size;
    // Directories start at even bytes.
    expected += expected % 2;
  }
  if (at !== expected) say(`the first directory lies at byte ${at}, expected byte ${expected}`);
  return promises;
}

/** Tiles within the file and as promised; the data of the smallest level first, those of the full one last. */
async function checkData(
  source: Source,
  tiff: Tiff,
  levels: readonly Level[],
  promises: Promises,
  say: Say,
): Promise<void> {
  const starts: number[] = [];
  for (const { image, mask } of levels) {
    let beside = promises.masks ? mask : undefined;
    if (beside && (beside.block.width !== image.block.width || beside.block.height !== image.block.height)) {
      say(
        `${beside.name} has blocks of ${beside.block.width} x ${beside.block.height} cells, expected the ${image.block.width} x ${image.block.height} of ${image.name}`,
      );
      beside = undefined;
    }
    starts.push(await checkBlocks(source, tiff, image, beside, promises, say));
    // A mask of several bands is none that GDAL shows as such.
    if (mask?.samples === 1) await checkBlocks(source, tiff, mask, undefined, promises, say);
  }
  const last = levels.at(-1)!.image;
  if (starts.at(-1)! > 0 && starts.at(-1)! < last.directory.at)
    say(
      `the data of ${last.name} start at byte ${starts.at(-1)}, expected them behind its directory at byte ${last.directory.at}`,
    );
  for (let i = levels.length - 2; i >= 0; i--)
    if (starts[i]! > 0 && starts[i]! < starts[i + 1]!)
      say(
        `the data of ${levels[i]!.image.name} start at byte ${starts[i]}, expected them behind those of ${levels[i + 1]!.image.name} at byte ${starts[i + 1]}`,
      );
}
