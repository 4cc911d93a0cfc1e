/** Tables of stations: CSV with a line of names, places and values (RFC 4180 without quotes). */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';

/** Places and values in the order of the table. */
export type StationTable = { readonly x: number[]; readonly y: number[]; readonly value: number[] };

const names = {
  x: ['x', 'lon', 'longitude', 'easting'],
  y: ['y', 'lat', 'latitude', 'northing'],
};
const mostBytes = 2 ** 26;

/**
 * Reads the columns x and y (or lon and lat, longitude and latitude, easting and northing) and `column`.
 * @throws BadInput for a table without them, and for values that are no numbers, naming the line
 */
export async function readStations(source: Source, name: string, column: string): Promise<StationTable> {
  const fail = (place: string, found: string, expected: string): never => {
    throw new BadInput(`CSV: ${name}, ${place}: found ${found}, expected ${expected}; mend the table`);
  };
  if (source.size > mostBytes) fail('file', `${source.size} bytes`, `${mostBytes} at most`);
  const text = Buffer.from(await source.read(0, source.size)).toString('utf8');
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const header = (lines[0] ?? '').split(',').map((one) => one.trim().toLowerCase());
  const find = (some: readonly string[]): number => {
    const at = header.findIndex((one) => some.includes(one));
    return at < 0 ? fail('line 1', header.join(',') || 'nothing', `a column ${some.join(' or ')}`) : at;
  };
  const places = [find(names.x), find(names.y), find([column.toLowerCase()])];
  const out: StationTable = { x: [], y: [], value: [] };
  for (const [i, line] of lines.slice(1).entries()) {
    if (line.trim() === '') continue;
    const cells = line.split(',');
    const numbers = places.map((at) => {
      const cell = cells[at]?.trim() ?? '';
      const value = cell === '' ? NaN : Number(cell);
      return Number.isFinite(value)
        ? value
        : fail(`line ${i + 2}`, cell || 'nothing', `a number of ${header[at]}`);
    });
    out.x.push(numbers[0]!);
    out.y.push(numbers[1]!);
    out.value.push(numbers[2]!);
  }
  if (out.x.length === 0) fail('line 2', 'no station', 'one or more');
  return out;
}
