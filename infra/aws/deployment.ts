/** A deployed stack as the commands know it: its names, its bucket, its sizes, kept in the working folder. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BadUsage } from '../../core/errors.ts';

/**
 * Memory of the functions in MB (2^20 bytes), ascending. A function has one vCPU for each 1,769 MB; 10,240 MB is the most there is
 * (AWS Lambda developer guide, "Configure Lambda function memory").
 */
export const ladder = [1769, 3538, 7076, 10240] as const;

/** Where tasks go: the functions `functionName(stack, megabytes)` of a region, and the bucket they share. */
export type Deployment = {
  readonly stack: string;
  readonly region: string;
  readonly bucket: string;
  /** Memory of the functions in MB, ascending. */
  readonly ladder: readonly number[];
};

const pattern = /^[a-z][a-z0-9-]{0,39}$/;

/** The name, where it can name a stack and its functions. @throws BadUsage */
export function checkStack(stack: string): string {
  if (pattern.test(stack)) return stack;
  throw new BadUsage(
    `--stack: found ${stack || 'nothing'}, expected a letter and then at most 39 of a-z, 0-9 and -`,
  );
}

/** The function that runs tasks in so many MB. */
export const functionName = (stack: string, megabytes: number): string => `${stack}-${megabytes}`;

/** The function that drives a run whose terminal may be closed. */
export const driverName = (stack: string): string => `${stack}-driver`;

/** Where finished tasks of a stack are kept; what lies there expires. */
export const storeOf = (bucket: string): string => `s3://${bucket}/store`;

const pathOf = (stack: string): string => join('.servermix', 'stacks', `${checkStack(stack)}.json`);

/** Writes down a deployment, whole or not at all. @throws BadUsage for a name that cannot be */
export async function keepDeployment(deployment: Deployment): Promise<void> {
  const path = pathOf(deployment.stack);
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, `${JSON.stringify(deployment, undefined, 2)}\n`);
  await rename(beside, path);
}

/** What was written down of a stack; undefined if nothing was. @throws BadUsage for a file that is no deployment */
export async function readDeployment(stack: string): Promise<Deployment | undefined> {
  const path = pathOf(stack);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const found = parse(text);
  if (found?.stack === stack) return found;
  throw new BadUsage(
    `${path}: found no deployment of ${stack}, expected its stack, region, bucket and ladder; make it anew with servermix deploy aws --stack ${stack}`,
  );
}

/** Forgets a stack. */
export async function forgetDeployment(stack: string): Promise<void> {
  await rm(pathOf(stack), { force: true });
}

function parse(text: string): Deployment | undefined {
  let found: Partial<Deployment> | null;
  try {
    found = JSON.parse(text) as Partial<Deployment> | null;
  } catch {
    return undefined;
  }
  const { stack, region, bucket, ladder: sizes } = found ?? {};
  if (![stack, region, bucket].every((s) => typeof s === 'string' && s !== '')) return undefined;
  if (!Array.isArray(sizes) || sizes.length === 0) return undefined;
  const ascending = sizes.every((n, i) => Number.isInteger(n) && n > (i === 0 ? 0 : sizes[i - 1]!));
  return ascending
    ? { stack: stack!, region: region!, bucket: bucket!, ladder: sizes as number[] }
    : undefined;
}
