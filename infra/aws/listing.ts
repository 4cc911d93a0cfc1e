/** Objects that a pattern names. */
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { BadInput } from '../../core/errors.ts';
import type { Access } from '../../core/job.ts';
import { formatAddress, parseAddress } from './address.ts';
import { s3 } from './client.ts';
import { ask } from './faults.ts';

/**
 * The objects whose names match in their last segment, sorted; one listing of what starts like the pattern, folders left out.
 * `matches` judges that last segment.
 * @throws BadInput when there is none, and as `describeObject`
 */
export async function listObjects(uri: string, matches: RegExp, access: Access = {}): Promise<string[]> {
  const { bucket, key } = parseAddress(uri);
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  const prefix = key.slice(0, key.search(/[*?]/));
  const found: string[] = [];
  let token: string | undefined;
  do {
    const page = await ask(uri, () =>
      s3(access).send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          Delimiter: '/',
          ...(token ? { ContinuationToken: token } : {}),
          ...(access.requesterPays ? { RequestPayer: 'requester' as const } : {}),
        }),
      ),
    );
    for (const { Key } of page.Contents ?? [])
      if (Key !== undefined && matches.test(Key.slice(folder.length)))
        found.push(formatAddress({ bucket, key: Key }));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  if (found.length === 0)
    throw new BadInput(`${uri}: no object matches; see aws s3 ls ${formatAddress({ bucket, key: folder })}`);
  return found.sort((a, b) => (a < b ? -1 : 1));
}
