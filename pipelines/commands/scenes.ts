/** `servermix scenes`: searches a STAC API, and writes what it finds as the item collection that jobs take. */
import { Command } from 'commander';
import { BadUsage } from '../../core/errors.ts';
import { redact } from '../../core/redact.ts';
import { askDocument } from '../../core/sources/document.ts';
import { scenesOf } from '../../geospatial/stac/scenes.ts';
import { type Ask, type Found, type Query, searchItems } from '../../geospatial/stac/search.ts';
import { spansOf } from '../../geospatial/stac/spans.ts';
import { told } from '../../geospatial/stac/item.ts';
import { parse } from '../arguments.ts';
import { count } from '../quantity.ts';
import { checkOutput, output } from '../storage.ts';

const mostPageBytes = 2 ** 26;
const mostItems = 100_000;

export async function scenes(args: readonly string[]): Promise<void> {
  const parser = new Command('servermix scenes')
    .description(
      'searches a STAC API, and writes what it finds as an item collection, which jobs on scenes take',
    )
    .argument('<address>', 'address of the API, say https://earth-search.aws.element84.com/v1')
    .option('--collections <name,...>', 'collections to search, say sentinel-2-l2a')
    .option(
      '--bbox <w,s,e,n>',
      'west, south, east, north in degrees; west is greater across the antimeridian',
    )
    .option('--from <time>', 'not before: 2024-05-01, or with the time 2024-05-01T10:00:00Z')
    .option('--to <time>', 'not after; a day counts whole')
    .option('--cloud <percent>', 'clouds at most; scenes that do not tell are left out then')
    .option('--max <n>', 'scenes at most', '10000')
    .option('--limit <n>', 'scenes a page, as the server is asked', '100')
    .option('--out <path>', 'file to write, .json; standard output unless given');
  const given = parse(parser, args);
  if (!given) return;
  const text = (name: string): string | undefined => given[name] as string | undefined;
  const most = numberOf('max', text('max')!, 1, mostItems, true);
  const query: Query = {
    collections: (text('collections') ?? '').split(',').filter((name) => name !== ''),
    limit: numberOf('limit', text('limit')!, 1, 10_000, true),
    ...(text('bbox') === undefined ? {} : { bbox: parseBox(text('bbox')!) }),
    ...intervalOf(text('from'), text('to')),
    ...(text('cloud') === undefined ? {} : { cloud: numberOf('cloud', text('cloud')!, 0, 100, false) }),
  };
  const out = text('out');
  if (out !== undefined) await checkOutput(out, { prefix: false });
  const ask: Ask = ({ method, address, headers, body }) =>
    askDocument(
      address,
      { method, headers: { ...headers }, ...(body ? { body: JSON.stringify(body) } : {}) },
      mostPageBytes,
    );
  const found = await searchItems(parser.args[0]!, query, ask, { most });
  const line = said(found, most);
  const files = await output(out, 'memory:');
  try {
    const items = { type: 'FeatureCollection', features: found.items };
    await (await files.file()).write(Buffer.from(told(items)));
    await files.commit();
  } catch (error) {
    await files.abort();
    throw error;
  }
  process.stderr.write(`${redact(line)}\n`);
}

/** How many there are, from when, and how cloudy. @throws BadInput for items that jobs would not take */
function said({ items, matched, isCut, unsaid }: Found, most: number): string {
  const { scenes: all } = scenesOf({ type: 'FeatureCollection', features: items }, 'the answer');
  const { dates, clouds } = spansOf(all);
  const percent = (value: number): string => String(Math.round(value * 10) / 10);
  return [
    `found ${count(all.length)} scenes`,
    ...(dates ? [dates[0] === dates[1] ? dates[0] : `${dates[0]} to ${dates[1]}`] : []),
    ...(clouds ? [`cloud ${percent(clouds[0])} to ${percent(clouds[1])} %`] : []),
    ...(unsaid > 0 ? [`${count(unsaid)} that do not tell their clouds left out`] : []),
    ...(isCut
      ? [
          `there are more${matched === undefined ? '' : ` (${count(matched)} match)`}: raise --max ${most} or ask for less`,
        ]
      : []),
  ].join(', ');
}

function numberOf(name: string, text: string, least: number, most: number, isWhole: boolean): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value)))
    throw new BadUsage(
      `--${name}: found ${text || 'nothing'}, expected a${isWhole ? ' whole' : ''} number from ${least} to ${most}`,
    );
  return value;
}

function parseBox(text: string): number[] {
  const box = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  const [west = NaN, south = NaN, east = NaN, north = NaN] = box;
  const isRight =
    box.length === 4 &&
    Math.abs(west) <= 180 &&
    Math.abs(east) <= 180 &&
    south >= -90 &&
    north <= 90 &&
    south <= north;
  if (!isRight)
    throw new BadUsage(
      `--bbox: found ${text || 'nothing'}, expected west,south,east,north in degrees, say 11.2,46.4,11.5,46.6`,
    );
  return box;
}

function intervalOf(from: string | undefined, to: string | undefined): { datetime?: string } {
  if (from === undefined && to === undefined) return {};
  const [start, end] = [from && instant('from', from, '00:00:00'), to && instant('to', to, '23:59:59')];
  if (start && end && Date.parse(start) > Date.parse(end))
    throw new BadUsage(`--to: found ${to}, expected a time after --from ${from}`);
  return { datetime: `${start ?? '..'}/${end ?? '..'}` };
}

/** A time as the API wants it; of a day, `clock`. */
function instant(name: string, text: string, clock: string): string {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const time = isDay ? `${text}T${clock}Z` : text;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(time);
  const date = new Date(time);
  // 30 February reads as a day of March.
  if (!isTime || Number.isNaN(date.getTime()) || (isDay && !date.toISOString().startsWith(text)))
    throw new BadUsage(
      `--${name}: found ${text || 'nothing'}, expected a day, 2024-05-01, or a time, 2024-05-01T10:00:00Z`,
    );
  return time;
}
