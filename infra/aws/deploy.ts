/** Makes a stack, or brings it up to date: first its bucket, then the code in it, then the functions that run the code. */
import type { Archive } from './archive.ts';
import { codeKey } from './archive.ts';
import { openBucket } from './bucket.ts';
import { type Deployment, keepDeployment, ladder, readDeployment } from './deployment.ts';
import { type Formation, type Found, formation, type Watching } from './formation.ts';
import type { Given, Template } from './template.ts';

export type Wanted = {
  readonly stack: string;
  /** Unless given the one it was deployed to from this folder, or else that of the AWS configuration. */
  readonly region?: string;
  readonly template: Template;
  readonly code: Archive;
  /** Parameters of the template; those of an earlier deployment stay where nothing is given. */
  readonly parameters: Given;
};
export type Deployed = {
  readonly deployment: Deployment;
  readonly functions: readonly string[];
  /** False if all was there already. */
  readonly changed: boolean;
};

/**
 * Deploys and writes the deployment down in the working folder. Safe to repeat: it goes on where it was stopped, and changes nothing
 * where nothing is to be changed.
 * @throws BadUsage for credentials, permissions and regions that will not do, Error with the first resource that failed
 */
export async function deploy(wanted: Wanted, watching: Watching): Promise<Deployed> {
  // A file that cannot be read is written anew in the end.
  const kept = await readDeployment(wanted.stack).catch(() => undefined);
  const stacks = await formation(wanted.stack, wanted.region ?? kept?.region, watching);
  try {
    const { found, made } = await withBucket(stacks, wanted, watching);
    const bucket = found.outputs['Bucket'];
    if (bucket === undefined)
      throw new Error(
        `stack ${wanted.stack}: found ${found.status} without a bucket, expected one; remove it with servermix destroy aws and deploy again`,
      );
    const brought = await bring(bucket, stacks.region, wanted.code, watching);
    const { progress } = watching;
    const parameters = { ...wanted.parameters, CodeBucket: 'own', CodeKey: codeKey(wanted.code) };
    progress(`stack ${wanted.stack}: bringing the functions up to date`);
    const updated = await stacks.update(found, wanted.template.text, parameters);
    if (!updated) progress(`stack ${wanted.stack}: nothing to change`);
    const deployment = { stack: wanted.stack, region: stacks.region, bucket, ladder };
    await keepDeployment(deployment);
    return {
      deployment,
      functions: ((updated ?? found).outputs['Functions'] ?? '').split(','),
      changed: made || brought || updated !== undefined,
    };
  } finally {
    stacks.close();
  }
}

/** The stack with its bucket, made where it is not there: functions need code, and code a bucket. */
async function withBucket(
  stacks: Formation,
  { stack, template, parameters }: Wanted,
  { progress }: Watching,
): Promise<{ found: Found; made: boolean }> {
  const found = await stacks.find();
  // A stack whose making failed can only be removed; it has left nothing behind.
  if (found && /^(ROLLBACK_COMPLETE|ROLLBACK_FAILED|CREATE_FAILED)$/.test(found.status)) {
    progress(`stack ${stack}: removing what is left of a failed attempt`);
    await stacks.remove(found);
  } else if (found && found.status !== 'DELETE_COMPLETE') return { found, made: false };
  progress(`stack ${stack}: making its bucket, roles and alarms in ${stacks.region}`);
  return { found: await stacks.create(template.text, { ...parameters, CodeKey: '' }), made: true };
}

async function bring(name: string, region: string, code: Archive, watching: Watching): Promise<boolean> {
  const bucket = openBucket(name, region, watching);
  try {
    const brought = await bucket.upload(code);
    watching.progress(`bucket ${name}: the code ${brought ? 'is now' : 'was already'} there`);
    return brought;
  } finally {
    bucket.close();
  }
}
