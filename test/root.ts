/** The checkout: the folder of package.json above the compiled tests. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

function find(from: string): string {
  return existsSync(join(from, 'tsconfig.json')) ? from : find(dirname(from));
}
export const root = find(process.cwd());
