/** What GDAL tells of bands in a tag of its own: XML with an item a fact. Source: GDAL's GeoTIFF driver page, "Metadata". */

/** What is told of a band: what it holds, say `max`; its values are `scale * cell + offset`. */
export type BandNote = {
  /** What it stands for in a picture, as GDAL says it: Red, Alpha, Undefined, ... */
  readonly color?: string;
  readonly name?: string;
  /** Of its values, as the file writes it: `m`. */
  readonly unit?: string;
  readonly scale?: number;
  readonly offset?: number;
  /** Of its cells, as they are in the file. */
  readonly statistics?: Statistics;
};

/** Of cells that hold a value; `valid` is their share of all in percent. */
export type Statistics = {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** From the mean, over all of them. */
  readonly deviation: number;
  readonly valid: number;
};

/** The XML of names, units, scales, offsets and statistics; undefined where there are none. */
export function encodeGdalMetadata(bands: readonly BandNote[]): string | undefined {
  const items = bands.flatMap(({ name, unit, scale = 1, offset = 0, color, statistics }, sample) => [
    ...(statistics ? statisticsItems(statistics, sample) : []),
    ...(color === undefined ? [] : [item('COLORINTERP', sample, 'colorinterp', escape(color))]),
    // GDAL escapes texts twice, and undoes it twice.
    ...(name === undefined ? [] : [item('DESCRIPTION', sample, 'description', escape(escape(name)))]),
    ...(unit === undefined ? [] : [item('UNITTYPE', sample, 'unittype', escape(escape(unit)))]),
    ...(scale === 1 && offset === 0
      ? []
      : [item('OFFSET', sample, 'offset', String(offset)), item('SCALE', sample, 'scale', String(scale))]),
  ]);
  return items.length === 0 ? undefined : `<GDALMetadata>\n${items.join('')}</GDALMetadata>\n`;
}

const item = (name: string, sample: number, role: string | undefined, value: string): string =>
  `  <Item name="${name}" sample="${sample}"${role === undefined ? '' : ` role="${role}"`}>${value}</Item>\n`;

/** As gdalinfo -stats writes them: 14 digits, the share with 4; nothing but the share where no cell holds a value. */
function statisticsItems({ min, max, mean, deviation, valid }: Statistics, sample: number): string[] {
  const one = (name: string, value: number, digits = 14): string =>
    item(`STATISTICS_${name}`, sample, undefined, general(value, digits));
  const share = one('VALID_PERCENT', valid, 4);
  if (valid === 0) return [share];
  return [one('MAXIMUM', max), one('MEAN', mean), one('MINIMUM', min), one('STDDEV', deviation), share];
}

/** A number with so many digits as C writes it: where it lies halfway between two, the even one. */
function general(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(60).split('e') as [string, string];
  const end = mantissa.indexOf('.') + digits;
  const isHalf = /^50*$/.test(mantissa.slice(end));
  const isEven = Number(mantissa[end - 1]) % 2 === 0;
  return String(
    Number(isHalf && isEven ? `${mantissa.slice(0, end)}e${exponent}` : value.toPrecision(digits)),
  );
}

const entities: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => entities[c]!);
const characters = new Map(Object.entries(entities).map(([character, entity]) => [entity, character]));
const unescape = (text: string): string => text.replace(/&(amp|lt|gt|quot);/g, (e) => characters.get(e)!);

type Item = { readonly attributes: ReadonlyMap<string, string>; readonly value: string };

// Patterns that stop at the next tag and start at words: those that do not take the square of a long text's time.
const itemsOf = (text: string): Item[] =>
  [...text.matchAll(/<Item\s([^<>]*)>([^<]*)<\/Item>/g)].map(([, given, value]) => ({
    attributes: new Map(
      [...given!.matchAll(/\b(\w+)\s*=\s*"([^"]*)"/g)].map(([, name, said]) => [name!, said!]),
    ),
    value: value!,
  }));

/** Names, units, scales and offsets of `count` bands as the XML has them; what it does not tell is absent. */
export function decodeGdalMetadata(text: string, count: number): BandNote[] {
  const notes: { name?: string; unit?: string; color?: string; scale?: number; offset?: number }[] =
    Array.from({ length: count }, () => ({}));
  for (const { attributes, value } of itemsOf(text)) {
    const note = notes[Number(attributes.get('sample') ?? NaN)];
    if (!note) continue;
    const role = attributes.get('role');
    if (role === 'colorinterp') note.color = unescape(value);
    else if (role === 'description') note.name = unescape(unescape(value));
    else if (role === 'unittype') note.unit = unescape(unescape(value));
    else if ((role === 'scale' || role === 'offset') && Number.isFinite(Number(value)))
      note[role] = Number(value);
  }
  return notes;
}

/** What the XML tells of the file as a whole, by name in capital letters: `DATE_ACQUIRED`. */
export const decodeFacts = (text: string): Map<string, string> =>
  new Map(
    itemsOf(text)
      .filter(({ attributes }) => attributes.has('name') && !attributes.has('sample'))
      .map(({ attributes, value }) => [attributes.get('name')!.toUpperCase(), unescape(unescape(value))]),
  );
