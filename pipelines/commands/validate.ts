/** `servermix validate`: whether a file keeps the rules of its format. */
import { Command } from 'commander';
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { redact } from '../../core/redact.ts';
import { memoryStore } from '../../core/stores/memory.ts';
import { compile, opener } from '../../core/task.ts';
import { accessOf, addAccess } from '../access.ts';
import { parse } from '../arguments.ts';
import { describe, open } from '../storage.ts';

/** How files of a format are judged. */
type Judge = {
  /** What a file is that breaks no rule. */
  readonly name: string;
  /** What to do with one that breaks some. */
  readonly remedy: string;
  judge(source: Source, uri: string): Promise<{ problems: readonly string[]; warnings: readonly string[] }>;
};

const copc: Judge = {
  name: 'COPC',
  remedy: 'write it again with lidar/index',
  async judge(source, uri) {
    const { validateCopc } = await import('../../geospatial/validate/copc.ts');
    const { lazUrl } = await import('../../geospatial/kernels/modules.ts');
    return { problems: await validateCopc(source, uri, await compile(lazUrl())), warnings: [] };
  },
};

const cog: Judge = {
  name: 'COG',
  remedy: 'write it again as a COG, say with gdal_translate -of COG',
  judge: async (source, uri) => (await import('../../geospatial/validate/cog.ts')).validateCog(source, uri),
};

const judges: { readonly [format: string]: Judge } = { laz: copc, tif: cog, tiff: cog };

export async function validate(args: readonly string[]): Promise<void> {
  const parser = new Command('servermix validate')
    .description(
      'whether a file keeps every rule of its format, and each rule that is broken: a Cloud-Optimized Point Cloud (COPC 1.0), read whole, or a Cloud-Optimized GeoTIFF (COG), whose directories are read and what stands around each tile; what could be better is told as a warning and breaks no rule',
    )
    .argument('<uri>', 'a path or address of a .copc.laz, .tif or .tiff file')
    .option('--json', 'as JSON: uri, valid, problems, warnings');
  addAccess(parser);
  const given = parse(parser, args);
  if (!given) return;
  const dataset = await describe(parser.args[0]!, { access: accessOf(given) });
  const judge = judges[dataset.format];
  if (!judge)
    throw new BadUsage(
      `${dataset.uri}: found format ${dataset.format || 'unknown'}, expected COPC (.copc.laz) or COG (.tif, .tiff)`,
    );
  const openOnce = opener(memoryStore(), open);
  const { problems, warnings } = await judge.judge(await openOnce(dataset), dataset.uri);
  await openOnce.close();
  const valid = problems.length === 0;
  const lines = given['json']
    ? [JSON.stringify({ uri: dataset.uri, valid, problems, warnings })]
    : [
        ...problems,
        ...warnings.map((warning) => `warning: ${warning}`),
        ...(valid ? [`${dataset.uri}: valid ${judge.name}`] : []),
      ];
  process.stdout.write(redact(lines.map((line) => `${line}\n`).join('')));
  if (!valid)
    throw new BadInput(`${dataset.uri}: ${problems.length} rules broken, expected none; ${judge.remedy}`);
}
