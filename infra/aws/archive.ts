/** The functions' code as one zip: the same files give the same bytes, so that its digest says whether code changed. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { BadUsage } from '../../core/errors.ts';

export type Archive = {
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, hexadecimal. */
  readonly digest: string;
  /** Names in the archive, sorted. */
  readonly files: readonly string[];
};

/** What the functions' handlers are in. */
const entry = 'index.mjs';
// The first time that a zip can say; its fields are local time, and so is this.
const mtime = new Date(1980, 0, 1);
/** Unix, and a regular file that everyone may read: functions run as another user. */
const [os, attrs] = [3, (0o100644 << 16) >>> 0];

/** Where an archive lies in the bucket of its stack. */
export const codeKey = ({ digest }: Archive): string => `code/${digest}.zip`;

/** Packs a folder, which must hold `index.mjs`. @throws BadUsage */
export async function archive(folder: string): Promise<Archive> {
  const files = await namesIn(folder);
  if (!files.includes(entry))
    throw new BadUsage(
      `${folder}: found no ${entry}, expected the functions' code; make it with npm run bundle:lambda, or name another folder with --code`,
    );
  const zippable: Zippable = {};
  for (const name of files)
    zippable[name] = [await readFile(join(folder, name)), { level: 9, mtime, os, attrs }];
  const bytes = zipSync(zippable);
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex'), files };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    const names = found
      .filter((each) => each.isFile())
      .map((each) => relative(folder, join(each.parentPath, each.name)).split(sep).join('/'));
    // By code unit: the order of the archive is not to depend on a language.
    return names.sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
