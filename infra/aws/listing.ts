/** Objects that a pattern names. */
import { BadInput } from '../../core/errors.ts';
import type { Access } from '../../core/job.ts';
import { formatAddress, parseAddress } from './address.ts';
import type { Persisting } from './faults.ts';
import { listPages } from './object.ts';

/**
 * The objects whose names match in their last segment, sorted; one listing of what starts like the pattern, folders left out.
 * `matches` judges that last segment; `*` and `?` before it stand for themselves.
 * @throws BadInput when there is none, and as `describeObject`
 */
export async function listObjects(
  uri: string,
  matches: RegExp,
  access: Access = {},
  how?: Persisting,
): Promise<string[]> {
  const { bucket, key } = parseAddress(uri);
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  const name = key.slice(folder.length);
  const Prefix = folder + name.slice(0, name.search(/[*?]/));
  const found: string[] = [];
  for await (const { keys } of listPages({ Bucket: bucket, Prefix, Delimiter: '/' }, access, how))
    for (const full of keys) {
      const last = full.slice(folder.length);
      // Consoles mark a folder by an object of its name.
      if (last !== '' && !last.endsWith('/') && matches.test(last))
        found.push(formatAddress({ bucket, key: full }));
    }
  if (found.length === 0)
    throw new BadInput(`${uri}: no object matches; see aws s3 ls ${formatAddress({ bucket, key: folder })}`);
  return found.sort((a, b) => (a < b ? -1 : 1));
}
