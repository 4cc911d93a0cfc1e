/** `servermix validate`: whether a file keeps the rules of its format, read whole. */
import { Command } from 'commander';
import { BadInput, BadUsage } from '../../core/errors.ts';
import { redact } from '../../core/redact.ts';
import { memoryStore } from '../../core/stores/memory.ts';
import { compile, opener } from '../../core/task.ts';
import { accessOf, addAccess } from '../access.ts';
import { parse } from '../arguments.ts';
import { describe, open } from '../storage.ts';

export async function validate(args: readonly string[]): Promise<void> {
  const parser = new Command('servermix validate')
    .description(
      'whether a Cloud-Optimized Point Cloud (COPC 1.0) keeps every rule of its format; reads it whole, and tells each rule that is broken',
    )
    .argument('<uri>', 'a path or address of a .copc.laz file')
    .option('--json', 'as JSON')
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  addAccess(parser);
  const given = parse(parser, args);
  if (!given) return;
  const dataset = await describe(parser.args[0]!, { access: accessOf(given) });
  if (dataset.format !== 'laz')
    throw new BadUsage(
      `${dataset.uri}: found format ${dataset.format || 'unknown'}, expected COPC (.copc.laz)`,
    );
  const { validateCopc } = await import('../../geospatial/validate/copc.ts');
  const { lazUrl } = await import('../../geospatial/kernels/modules.ts');
  const openOnce = opener(memoryStore(), open);
  const problems = await validateCopc(await openOnce(dataset), dataset.uri, await compile(lazUrl()));
  await openOnce.close();
  if (given['json'])
    process.stdout.write(
      `${redact(JSON.stringify({ uri: dataset.uri, valid: problems.length === 0, problems }))}\n`,
    );
  else if (problems.length === 0) process.stdout.write(`${redact(dataset.uri)}: valid COPC\n`);
  else for (const problem of problems) process.stdout.write(`${redact(problem)}\n`);
  if (problems.length > 0)
    throw new BadInput(
      `${dataset.uri}: ${problems.length} rules broken, expected none; write it again with lidar/index`,
    );
}
