/** `servermix list`: the jobs, one line each. */
import { catalog } from '../catalog.ts';

export async function list(): Promise<void> {
  const jobs = await Promise.all(catalog.names.map((name) => catalog.load(name)));
  const wide = Math.max(...jobs.map(({ name }) => name.length));
  for (const { name, doc } of jobs) process.stdout.write(`${name.padEnd(wide)}  ${doc}\n`);
}
