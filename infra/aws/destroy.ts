/** Removes a stack; its bucket, with results and all, only where that is asked for. */
import { BadUsage } from '../../core/errors.ts';
import { openBucket } from './bucket.ts';
import { forgetDeployment, readDeployment } from './deployment.ts';
import { formation, type Watching } from './formation.ts';

export type Unwanted = {
  readonly stack: string;
  /** The one it was deployed to from this folder, or the one of the AWS configuration, unless given. */
  readonly region?: string;
  /** Also the bucket and everything in it. */
  readonly data: boolean;
  /** Asked before anything is removed for good, with the bucket's name; throws to leave everything as it is. */
  readonly confirm: (bucket: string) => Promise<void>;
};
export type Destroyed = {
  /** Undefined if the stack never got one. */
  readonly bucket: string | undefined;
  /** Objects that were removed, undefined if the bucket stays. */
  readonly objects: number | undefined;
};

/**
 * Safe to repeat: it goes on where it was stopped.
 * @throws BadUsage if there is nothing of that name, or for credentials and permissions that will not do
 */
export async function destroy(unwanted: Unwanted, watching: Watching): Promise<Destroyed> {
  const { stack, data } = unwanted;
  const kept = await readDeployment(stack);
  const stacks = await formation(stack, unwanted.region ?? kept?.region, watching);
  try {
    const found = await stacks.find();
    const own = kept?.region === stacks.region ? kept.bucket : undefined;
    const bucket = found?.outputs['Bucket'] ?? own;
    if (!found && own === undefined)
      throw new BadUsage(
        `stack ${stack}: found none in ${stacks.region}, expected one; name it with --stack and its region with --region`,
      );
    const removing = data && bucket !== undefined;
    if (removing) await unwanted.confirm(bucket);
    // The functions go first: what still ran would write on.
    if (found && found.status !== 'DELETE_COMPLETE') {
      watching.progress(`stack ${stack}: removing functions, roles, logs and alarms`);
      await stacks.remove(found);
    }
    let objects: number | undefined;
    if (removing) {
      watching.progress(`bucket ${bucket}: removing everything in it`);
      const open = openBucket(bucket, stacks.region, watching);
      objects = await open.remove().finally(() => open.close());
    }
    if (own !== undefined) await forgetDeployment(stack);
    return { bucket, objects };
  } finally {
    stacks.close();
  }
}
