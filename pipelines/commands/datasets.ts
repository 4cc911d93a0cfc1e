/** `servermix datasets`: the catalog of public data, fetching from it, and making synthetic data. */
import { Command } from 'commander';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BadUsage } from '../../core/errors.ts';
import { fileOutput } from '../../core/output.ts';
import type { Spec } from '../../core/params.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import { generators, published } from '../../datasets/catalog.ts';
import type { AnyGenerator } from '../../datasets/generator.ts';
import type { PublicDataset } from '../../datasets/published.ts';
import { addParams, paramsOf, parse } from '../arguments.ts';
import { bytes, seconds } from '../quantity.ts';
import { describe, open } from '../storage.ts';

export async function datasets([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined) return list();
  if (name === '--help' || name === '-h') {
    process.stdout.write(
      'Usage: servermix datasets                         the catalog\n' +
        '       servermix datasets NAME                    one of it\n' +
        '       servermix datasets NAME --fetch FOLDER     brings a public one here\n' +
        '       servermix datasets synthetic/NAME --make FOLDER [options]; see synthetic/NAME --help\n',
    );
    return;
  }
  const generator = generators.find((g) => g.name === name);
  if (generator) return make(generator, args);
  const dataset = published.find((d) => d.name === name);
  if (!dataset) throw new BadUsage(`no dataset ${name}; see servermix datasets`);
  return fetchOrShow(dataset, args);
}

function list(): void {
  const wide = Math.max(...[...generators, ...published].map(({ name }) => name.length));
  process.stdout.write('Synthetic, any size, with its truth (--make FOLDER):\n');
  for (const { name, doc } of generators) process.stdout.write(`  ${name.padEnd(wide)}  ${doc}\n`);
  process.stdout.write('Public:\n');
  for (const { name, doc } of published) process.stdout.write(`  ${name.padEnd(wide)}  ${doc}\n`);
}

async function make(generator: AnyGenerator, args: readonly string[]): Promise<void> {
  const parser = new Command(`servermix datasets ${generator.name}`)
    .description(generator.doc)
    .requiredOption('--make <folder>', 'folder to write into');
  const never = (): boolean => false;
  addParams(parser, generator.params as Spec, never);
  const given = parse(parser, args);
  if (!given) return;
  const { params } = paramsOf(generator.params as Spec, given, never);
  const began = performance.now();
  let shown = 0;
  const files = await generator.make(given['make'] as string, params, (done) => {
    if (!process.stderr.isTTY || performance.now() - shown < 100) return;
    shown = performance.now();
    process.stderr.write(`\r${generator.name}  ${Math.floor(100 * done)} %\u001b[K`);
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  for (const file of files) process.stdout.write(`${file}\n`);
  process.stderr.write(`made ${files.length} files in ${seconds((performance.now() - began) / 1000)}\n`);
}

async function fetchOrShow(dataset: PublicDataset, args: readonly string[]): Promise<void> {
  const parser = new Command(`servermix datasets ${dataset.name}`)
    .description(dataset.doc)
    .option('--fetch <folder>', 'bring it here');
  const given = parse(parser, args);
  if (!given) return;
  if (given['fetch'] === undefined) {
    for (const [key, value] of Object.entries(dataset)) process.stdout.write(`${key.padEnd(10)}${value}\n`);
    return;
  }
  const access = dataset.access === 'public' ? { unsigned: true } : { requesterPays: true };
  const source = await describe(dataset.uri, { access });
  const folder = given['fetch'] as string;
  await mkdir(folder, { recursive: true });
  const path = join(folder, basename(new URL(dataset.uri).pathname));
  const output = fileOutput(path);
  try {
    const sink = await output.file();
    for await (const chunk of readAhead(await open(source), 0, source.size)) await sink.write(chunk);
    await output.commit();
  } catch (error) {
    await output.abort();
    throw error;
  }
  process.stdout.write(`${path}\n`);
  process.stderr.write(`fetched ${bytes(source.size)}; licence: ${dataset.licence}\n`);
}
