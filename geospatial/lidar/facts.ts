/** What a point cloud is, from its header and records alone. */
import type { Json } from '../../core/json.ts';
import { infoOf } from '../formats/copc.ts';
import { crsOf } from '../formats/crs.ts';
import type { Las } from '../formats/las.ts';
import { recordLengths } from '../formats/las.ts';

/** By name, in the order in which people read them. */
export type Facts = { readonly [name: string]: Json };

/** Types of extra bytes: LAS 1.4 R15, table 24. */
const types = ['bytes', 'u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'u64', 'i64', 'f32', 'f64'];

export function factsOf(las: Las): Facts {
  const { keys, reason } = crsOf(las.crs);
  const code = keys && (keys.epsg === undefined ? 'user-defined' : `EPSG:${keys.epsg}`);
  const copc = infoOf(las);
  const returns = Object.fromEntries(
    las.byReturn.flatMap((n, i) => (n !== undefined && n > 0 ? [[String(i), n] as const] : [])),
  );
  const extra = extraOf(las);
  return {
    format: `${copc ? 'COPC' : las.laszip ? 'LAZ' : 'LAS'} 1.${las.minor}, point format ${las.pdrf}`,
    points: las.count,
    ...(Object.keys(returns).length > 0 ? { returns } : {}),
    crs: keys ? `${code}${keys.name ? ` ${keys.name}` : ''}` : (reason ?? 'none'),
    min: [...las.min],
    max: [...las.max],
    scale: [...las.scale],
    offset: [...las.offset],
    'point-bytes': las.recordLength,
    ...(extra.length > 0 ? { extra } : {}),
    ...(copc ? { spacing: copc.spacing, cube: [...copc.center, copc.halfsize] } : {}),
    ...(las.system === '' ? {} : { system: las.system }),
    ...(las.software === '' ? {} : { software: las.software }),
    ...(las.created[1] === 0 ? {} : { created: `day ${las.created[0]} of ${las.created[1]}` }),
    records: las.records.map(
      ({ user, id, description, bytes }) =>
        `${user} ${id}, ${bytes.length} bytes${description === '' ? '' : `: ${description}`}`,
    ),
  };
}

/** Names and types of the extra bytes of a point, where the file says them. */
function extraOf({ records, pdrf, recordLength }: Las): string[] {
  const bytes = recordLength - recordLengths[pdrf]!;
  if (bytes === 0) return [];
  const said = records.find(({ user, id }) => user === 'LASF_Spec' && id === 4)?.bytes;
  if (!said) return [`${bytes} bytes that no record explains`];
  const one = 192;
  return Array.from({ length: Math.floor(said.length / one) }, (_, i) => {
    const record = Buffer.from(said.subarray(i * one, (i + 1) * one));
    const [name] = record.toString('latin1', 4, 36).split('\0');
    return `${name} ${typeOf(record[2]!)}`;
  });
}

/** Of old files pairs (11 to 20) and triples (21 to 30) of a type. */
function typeOf(code: number): string {
  if (code <= 10) return types[code]!;
  return code <= 30 ? `${types[code > 20 ? code - 20 : code - 10]}[${code > 20 ? 3 : 2}]` : `type ${code}`;
}
