/** A set of files that appear together in a folder, or not at all. */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sink } from '../core/job.ts';

/** A file being written that may be corrected behind its end, as headers with counts need. */
export type Draft = Sink & {
  /** Bytes written so far. */
  size(): number;
  /** Overwrites bytes at `offset`; they must have been written before. */
  patch(offset: number, bytes: Uint8Array): Promise<void>;
};

/** The files of one dataset. */
export type Release = {
  /** A new file in the folder. */
  file(name: string): Promise<Draft>;
  /** Puts every file in its place and gives the paths, in the order of their making. */
  publish(): Promise<readonly string[]>;
  /** Removes what was written; for use after a failure. */
  discard(): Promise<void>;
};

/** Starts a release into `folder`. Files wait beside their final names until `publish`. */
export async function openRelease(folder: string): Promise<Release> {
  await mkdir(folder, { recursive: true });
  const files: { path: string; handle: FileHandle }[] = [];
  const part = (path: string): string => `${path}.${process.pid}.part`;
  return {
    async file(name) {
      const path = join(folder, name);
      const handle = await open(part(path), 'w+');
      files.push({ path, handle });
      let size = 0;
      return {
        size: () => size,
        async write(bytes) {
          await writeAll(handle, bytes, size);
          size += bytes.length;
        },
        patch: (offset, bytes) => writeAll(handle, bytes, offset),
      };
    },
    async publish() {
      for (const { handle } of files) await handle.close();
      for (const { path } of files) await rename(part(path), path);
      return files.map(({ path }) => path);
    },
    async discard() {
      for (const { path, handle } of files) {
        await handle.close().catch(() => undefined);
        await rm(part(path), { force: true });
      }
    },
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** What `fill` puts into a folder, all of it or nothing. Gives the paths. */
export async function release(
  folder: string,
  fill: (files: Release) => Promise<void>,
): Promise<readonly string[]> {
  const files = await openRelease(folder);
  try {
    await fill(files);
    return await files.publish();
  } catch (error) {
    await files.discard();
    throw error;
  }
}
