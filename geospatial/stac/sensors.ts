/**
 * What names of satellite images tell: the scene and its band, the satellite, the day. Sources: Sentinel-2 products specification (PSD), naming of
 * products; USGS "Landsat Collection 2 file naming convention"; common names of the electro-optical extension 2.0.0.
 */
import { bare, segmentsOf } from './names.ts';

/** Where a file belongs: files of one folder and scene are the bands of one image. */
export type NamedFile = {
  readonly folder: string;
  readonly scene: string;
  /** As the file's name has it, say `B04_10m`; undefined for a file that is a scene by itself. */
  readonly asset?: string;
  /** As the satellite's makers call it, `B04`, or by its common name, `red`. */
  readonly band?: string;
};

/** A satellite; `commonNames` of its bands. */
export type Sensor = {
  readonly platform?: string;
  readonly constellation: string;
  readonly instruments: readonly string[];
  readonly commonNames: { readonly [band: string]: string };
  /** How the image was made, say `05.10`; Sentinel-2 tells. */
  readonly baseline?: string;
};

/** What bands are called whoever made the image (STAC's eo extension 2, and names of before that are still met). */
export const commonNames: ReadonlySet<string> = new Set(
  (
    'pan coastal blue green green05 yellow red rededge rededge071 rededge075 rededge078 nir nir08 nir09 cirrus ' +
    'swir16 swir22 lwir lwir11 lwir12'
  ).split(' '),
);

const masks = 'BQA|SCL|TCI|AOT|WVP|CLD|SNW|MSK_CLDPRB|QA_PIXEL|QA_RADSAT|QA_AEROSOL|SR_QA_AEROSOL|ST_QA';
const suffix = new RegExp(
  `(?:^|[_.-])(((?:SR_|ST_)?B\\d{1,2}A?|${masks}|VV|VH|HH|HV|${[...commonNames].join('|')})(?:_\\d+m)?)$`,
  'i',
);

/** The scene and the band of a file; a file that is called after its band alone, as `B04.tif`, is of the scene that its folder is called after. */
export function namedFile(uri: string): NamedFile {
  const { folder, name } = segmentsOf(uri);
  const around = bare(uri).slice(0, -name.length);
  const stem = name.replace(/\.(tiff?|jp2|vrt)$/i, '') || name;
  const [found, asset, band] = suffix.exec(stem) ?? [];
  if (!found) return { folder: around, scene: stem };
  const scene = stem.slice(0, -found.length) || folder || stem;
  const common = band!.toLowerCase();
  const own = commonNames.has(common) ? common : band!.replace(/^S[RT]_(?=B\d)/i, '').toUpperCase();
  return { folder: around, scene, asset: asset!, band: own };
}

const multispectral = {
  B01: 'coastal',
  B02: 'blue',
  B03: 'green',
  B04: 'red',
  B05: 'rededge071',
  B06: 'rededge075',
  B07: 'rededge078',
  B08: 'nir',
  B8A: 'nir08',
  B09: 'nir09',
  B10: 'cirrus',
  B11: 'swir16',
  B12: 'swir22',
};
const operational = {
  B1: 'coastal',
  B2: 'blue',
  B3: 'green',
  B4: 'red',
  B5: 'nir08',
  B6: 'swir16',
  B7: 'swir22',
  B8: 'pan',
  B9: 'cirrus',
  B10: 'lwir11',
  B11: 'lwir12',
};
const thematic = {
  B1: 'blue',
  B2: 'green',
  B3: 'red',
  B4: 'nir08',
  B5: 'swir16',
  B6: 'lwir',
  B7: 'swir22',
  B8: 'pan',
};

/** The satellite that a scene's name tells; undefined for names of other kinds. */
export function sensorOf(scene: string): Sensor | undefined {
  const sentinel = /^S2([A-D])(?:2A|1C)?_/.exec(scene)?.[1];
  if (sentinel !== undefined || /^(?:L2A_)?T\d\d[A-Z]{3}_\d{8}T\d{6}/.test(scene)) {
    const [, major, minor] = /_N(\d\d)(\d\d)_/.exec(scene) ?? [];
    return {
      ...(sentinel === undefined ? {} : { platform: `sentinel-2${sentinel.toLowerCase()}` }),
      constellation: 'sentinel-2',
      instruments: ['msi'],
      commonNames: multispectral,
      ...(major === undefined ? {} : { baseline: `${major}.${minor}` }),
    };
  }
  const [, kind, number] = /^L([COTEM])0?([4-9])(?:_|\d{13})/.exec(scene) ?? [];
  if (kind === undefined) return undefined;
  const isNew = Number(number) >= 8;
  const own = { C: ['oli', 'tirs'], O: ['oli'], T: [isNew ? 'tirs' : 'tm'], E: ['etm+'], M: ['mss'] }[kind]!;
  return {
    platform: `landsat-${number}`,
    constellation: 'landsat',
    instruments: own,
    // The scanner of old (MSS) numbers its bands otherwise on each satellite.
    commonNames: isNew ? operational : kind === 'M' ? {} : thematic,
  };
}

/** The first day that a name tells, with the time where it does, as RFC 3339 in UTC: `20190723T101031`, `20190723`, `2019-07-23`, and Landsat's day of a year. */
export function timeInName(name: string): string | undefined {
  for (const { groups } of name.matchAll(day)) {
    const { y, m, d, time } = groups as { y: string; m: string; d: string; time?: string };
    const [hour = '00', minute = '00', second = '00'] = time?.match(/\d\d/g) ?? [];
    const date = `${y}-${m}-${d}`;
    const told = instant(`${date}T${hour}:${minute}:${second}Z`) ?? instant(`${date}T00:00:00Z`);
    if (told !== undefined) return told;
  }
  const [, year, number] = /^L[COTEM]\d{7}(\d{4})(\d{3})/.exec(name) ?? [];
  if (year === undefined || Number(number) < 1 || Number(number) > 366) return undefined;
  return new Date(Date.UTC(Number(year), 0, Number(number))).toISOString().replace('.000', '');
}
const day =
  /(?<!\d)(?<y>\d{4})(?<between>[-.]?)(?<m>\d\d)\k<between>(?<d>\d\d)(?<time>[T_]?\d\d[-:.]?\d\d[-:.]?\d\d)?(?!\d)/g;

/** The text, if it is a time that there was, since there are pictures from above. */
function instant(text: string): string | undefined {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return undefined;
  const year = date.getUTCFullYear();
  // 30 February reads as a day of March.
  const isReal = date.toISOString().startsWith(text.slice(0, 10));
  return isReal && year >= 1900 && year < 2100 ? text : undefined;
}

/** An instant of the forms that tags of TIFF have, as RFC 3339 in UTC; undefined for other texts. A time without a zone is taken for UTC. */
export function timeInTag(text: string | undefined): string | undefined {
  const [, year, month, day, time = '00:00:00', fraction = '', zone = 'Z'] =
    /^\s*(\d{4})[-:/](\d\d)[-:/](\d\d)(?:[T ]+(\d\d:\d\d:\d\d)(\.\d{1,9})?\s*(Z|[+-]\d\d:?\d\d)?)?\s*$/.exec(
      text ?? '',
    ) ?? [];
  if (year === undefined) return undefined;
  const local = instant(`${year}-${month}-${day}T${time}Z`);
  if (local === undefined) return undefined;
  if (zone === 'Z') return `${local.slice(0, -1)}${fraction}Z`;
  const shifted = new Date(`${local.slice(0, -1)}${zone.replace(/(\d\d)(\d\d)$/, '$1:$2')}`);
  return shifted.toISOString().replace('.000', '');
}
