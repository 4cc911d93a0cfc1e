/** `servermix info`: what a file is, from its header and index alone. */
import { Command } from 'commander';
import { BadUsage } from '../../core/errors.ts';
import type { Access, Dataset } from '../../core/job.ts';
import { redact } from '../../core/redact.ts';
import type { Json } from '../../core/json.ts';
import { opener } from '../../core/task.ts';
import { memoryStore } from '../../core/stores/memory.ts';
import { accessOf, addAccess } from '../access.ts';
import { parse } from '../arguments.ts';
import { bytes, count } from '../quantity.ts';
import { describe, open, planning } from '../storage.ts';

type Facts = { readonly [name: string]: Json };
const openOnce = opener(memoryStore(), open);

export async function info(args: readonly string[]): Promise<void> {
  const parser = new Command('servermix info')
    .description(
      'what a file is: contigs or CRS, counts, bounds, index; reads headers and indexes only, STAC whole',
    )
    .argument('<uri>', 'a path or address of a BAM, LAS, LAZ, GeoTIFF or STAC file')
    .option('--json', 'as JSON');
  addAccess(parser);
  const given = parse(parser, args);
  if (!given) return;
  const access = accessOf(given);
  const dataset = await describe(parser.args[0]!, { access });
  const read = readers[dataset.format];
  if (!read)
    throw new BadUsage(
      `${dataset.uri}: found format ${dataset.format || 'unknown'}, expected ${Object.keys(readers).join(', ')}`,
    );
  const facts: Facts = {
    uri: dataset.uri,
    id: dataset.id,
    bytes: dataset.size,
    ...(await read(dataset, access)),
  };
  await openOnce.close();
  if (given['json']) process.stdout.write(`${redact(JSON.stringify(facts))}\n`);
  else
    for (const [name, value] of Object.entries(facts))
      process.stdout.write(`${name.padEnd(12)}${redact(shown(name, value))}\n`);
}

const readers: { readonly [format: string]: (dataset: Dataset, access: Access) => Promise<Facts> } = {
  bam: bamFacts,
  las: lasFacts,
  laz: lasFacts,
  tif: tiffFacts,
  tiff: tiffFacts,
  json: documentFacts,
  geojson: documentFacts,
  vpc: documentFacts,
};

async function bamFacts(dataset: Dataset, access: Access): Promise<Facts> {
  const { readHeader } = await import('../../genomics/formats/bam.ts');
  const { checkEof } = await import('../../genomics/formats/bgzf.ts');
  const { readIndex } = await import('../../genomics/formats/bai.ts');
  const source = await openOnce(dataset);
  // What is no BAM is no truncated one.
  const header = await readHeader(source, dataset.uri);
  await checkEof(source, dataset.uri);
  const index = await readIndex(planning(openOnce, new AbortController().signal, access), dataset, header);
  const sum = (of: 'mapped' | 'unmapped'): number => index.contigs.reduce((n, c) => n + (c[of] ?? 0), 0);
  return {
    format: 'BAM',
    contigs: header.contigs.map(({ name, length }) => `${name} ${length}`),
    bases: header.contigs.reduce((n, { length }) => n + length, 0),
    sorted: /\tSO:(\w+)/.exec(header.text)?.[1] ?? 'not said',
    index: index.uri,
    mapped: sum('mapped'),
    unmapped: sum('unmapped') + (index.unplaced ?? 0),
  };
}

async function lasFacts(dataset: Dataset): Promise<Facts> {
  const { readLas } = await import('../../geospatial/formats/las.ts');
  const { factsOf } = await import('../../geospatial/lidar/facts.ts');
  return factsOf(await readLas(await openOnce(dataset), dataset.uri));
}

async function tiffFacts(dataset: Dataset): Promise<Facts> {
  const { openRaster } = await import('../../geospatial/formats/geotiff.ts');
  const { rasterFacts } = await import('../../geospatial/rasters/facts.ts');
  return rasterFacts(await openRaster(await openOnce(dataset), dataset.uri));
}

async function documentFacts(dataset: Dataset, access: Access): Promise<Facts> {
  const { openPlanned } = await import('../../geospatial/stac/document.ts');
  const { stacFacts } = await import('../../geospatial/stac/facts.ts');
  const openDocument = openPlanned(planning(openOnce, new AbortController().signal, access));
  return stacFacts(await openDocument(dataset.uri), dataset.uri);
}

function shown(name: string, value: Json): string {
  if (name === 'bytes') return `${count(value as number)} (${bytes(value as number)})`;
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return Object.entries(value)
      .map(([what, n]) => `${what}: ${shown('', n)}`)
      .join(', ');
  if (!Array.isArray(value)) return typeof value === 'number' ? count(value) : `${value as string}`;
  const most = 25;
  if (typeof value[0] === 'number') return value.join(' ');
  const rest = value.length > most ? [`and ${count(value.length - most)} more`] : [];
  return [`${count(value.length)}`, ...value.slice(0, most), ...rest].join('\n            ');
}
