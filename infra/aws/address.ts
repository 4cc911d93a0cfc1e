/** Addresses of objects: `s3://bucket/key`. */
import { BadUsage } from '../../core/errors.ts';

export type Address = { readonly bucket: string; readonly key: string };

export const isS3 = (uri: string): boolean => /^s3:\/\//i.test(uri);

// Names of buckets: 3 to 63 letters (S3 user guide, bucket naming rules); older ones may have capitals and underscores.
const form = /^s3:\/\/([A-Za-z0-9][A-Za-z0-9._-]{2,62})(?:\/(.*))?$/is;

/**
 * Bucket and key of an address; the key is taken as it stands, without decoding, and may be empty.
 * @throws BadUsage for anything else
 */
export function parseAddress(uri: string): Address {
  const [, bucket, key = ''] = form.exec(uri) ?? [];
  if (bucket === undefined)
    throw new BadUsage(`s3: found ${uri}, expected s3://bucket/key; check the name of the bucket`);
  return { bucket, key };
}

export const formatAddress = ({ bucket, key }: Address): string => `s3://${bucket}/${key}`;

/** A bucket and key as a copy's source: each segment encoded, slashes kept. */
export const copySource = ({ bucket, key }: Address): string =>
  `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
