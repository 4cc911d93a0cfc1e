/** Which points of a cloud count: by class, return and place. */
import { choice, integers, text, type Param, type Values } from '../../core/params.ts';
import type { Dataset, Source } from '../../core/job.ts';
import { polygonFormats, readArea } from '../formats/polygons.ts';
import { fields, type Points } from '../kernels/codec.ts';
import { type Area, isInside } from '../kernels/polygon.ts';

const box: Param<string> = {
  ...text('only points within this box, edges in the west and south included', 'minx,miny,maxx,maxy'),
  check: (v): v is string => typeof v === 'string' && (v === '' || boxOf(v) !== undefined),
  expected: 'minx,miny,maxx,maxy with minx < maxx and miny < maxy',
};

/** Options of jobs that take some points of a cloud. */
export const selection = {
  classes: integers('only points of these classes (ASPRS codes, 2 is ground)', { min: 0 }),
  ignore: integers('no points of these classes', { min: 0 }),
  returns: choice(['all', 'first', 'last'], 'only first returns, or last ones; a single return is both'),
  bbox: box,
};
export type Selection = Values<typeof selection>;

/** A half-open box in the units of the CRS. */
export type Box = {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
};

function boxOf(given: string): Box | undefined {
  const [minX, minY, maxX, maxY, ...rest] = given.split(',').map(Number) as [number, number, number, number];
  const isBox = rest.length === 0 && maxX > minX && maxY > minY;
  return isBox ? { minX, minY, maxX, maxY } : undefined;
}

/** What two boxes have in common. */
export const commonBox = (a: Box, b: Box): Box => ({
  minX: Math.max(a.minX, b.minX),
  minY: Math.max(a.minY, b.minY),
  maxX: Math.min(a.maxX, b.maxX),
  maxY: Math.min(a.maxY, b.maxY),
});

/** The box of a selection; undefined for everywhere. */
export const boxOfSelection = ({ bbox }: Selection): Box | undefined =>
  bbox === '' ? undefined : boxOf(bbox);

/** Fields that a selection looks at. */
export const fieldsOf = ({ classes, ignore }: Selection): number =>
  classes.length > 0 || ignore.length > 0 ? fields.class : 0;

/** A coordinate is `raw * scale + offset`. */
type Placement = { readonly scale: readonly number[]; readonly offset: readonly number[] };

/** The polygons that points are to lie in; undefined where none were given. */
export async function areaOfInput(
  polygon: readonly Dataset[] | undefined,
  context: { open(dataset: Dataset): Promise<Source> },
): Promise<Area | undefined> {
  const [dataset] = polygon ?? [];
  return dataset && readArea(await context.open(dataset), dataset);
}

/** An optional input: polygons in the CRS of the points. */
export const polygonInput = {
  doc: 'only points within these polygons, in the units of the points',
  formats: polygonFormats,
  optional: true,
};

/**
 * Writes the numbers of the selected points to `into`, which has room for all; gives how many they are. Undefined where the selection takes every point there is.
 */
export function selector(
  given: Selection,
  area?: Area,
): ((points: Points, how: Placement, into: Uint32Array) => number) | undefined {
  const { classes, ignore, returns } = given;
  const within = boxOfSelection(given);
  if (classes.length === 0 && ignore.length === 0 && returns === 'all' && !within && !area) return undefined;
  const isWanted = new Uint8Array(256).fill(classes.length === 0 ? 1 : 0);
  for (const c of classes) isWanted[c] = 1;
  for (const c of ignore) isWanted[c] = 0;
  const byClass = classes.length > 0 || ignore.length > 0;
  const isReturn = new Uint8Array(256);
  for (let i = 0; i < 256; i++) {
    const [number, count] = [i & 15, i >> 4];
    isReturn[i] = returns === 'all' || (returns === 'first' ? number <= 1 : number >= count) ? 1 : 0;
  }
  return (points, { scale, offset }, into) => {
    const { count, x, y } = points;
    let found = 0;
    for (let i = 0; i < count; i++) {
      if (isReturn[points.returns[i]!] === 0) continue;
      if (byClass && isWanted[points.classes[i]!] === 0) continue;
      into[found++] = i;
    }
    if (!within && !area) return found;
    let kept = 0;
    for (let k = 0; k < found; k++) {
      const i = into[k]!;
      const px = x[i]! * scale[0]! + offset[0]!;
      const py = y[i]! * scale[1]! + offset[1]!;
      if (within && !(px >= within.minX && px < within.maxX && py >= within.minY && py < within.maxY))
        continue;
      if (area && !isInside(area, px, py)) continue;
      into[kept++] = i;
    }
    return kept;
  };
}
