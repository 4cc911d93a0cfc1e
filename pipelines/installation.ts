/** Where the files lie that ship beside the compiled code: in a checkout, in the bundle and in an installed package alike. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json above this module, of whatever build. */
export function installation(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder))
      throw new Error(
        `${start}: found no package.json above it, expected servermix's; install servermix anew`,
      );
  }
}
