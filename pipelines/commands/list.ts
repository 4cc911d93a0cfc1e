/** `servermix list`: jobs and pipelines, one line each; as a table for the README with --markdown. */
import { BadUsage } from '../../core/errors.ts';
import { loadNamed, names } from '../catalog.ts';
import type { Runnable } from '../pipeline.ts';

export async function list(args: readonly string[]): Promise<void> {
  const [option] = args;
  if (option !== undefined && option !== '--markdown')
    throw new BadUsage(`list: found ${option}, expected nothing or --markdown`);
  const jobs = await Promise.all(names.map(loadNamed));
  if (option) return void process.stdout.write(markdown(jobs));
  const wide = Math.max(...jobs.map(({ name }) => name.length));
  for (const { name, doc } of jobs) process.stdout.write(`${name.padEnd(wide)}  ${doc}\n`);
}

/** A table of jobs from their own tables of inputs and options. */
export function markdown(jobs: readonly Runnable[]): string {
  const rows = jobs.map(({ name, doc, inputs, params, unit }) => {
    const files = Object.entries(inputs)
      .filter(([input]) => !Object.hasOwn(params, input))
      .map(([input, { formats }]) => `\`--${input}\` ${formats.join(', ')}`);
    const options = Object.keys(params).map((option) => `\`--${option}\``);
    return `| \`${name}\` | ${doc} | ${files.join('; ')} | ${options.join(' ') || '-'} | ${unit} |\n`;
  });
  return `| job | gives | reads | options | cut by |\n|---|---|---|---|---|\n${rows.join('')}`;
}
