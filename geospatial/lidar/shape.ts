/** The one form that points of several files take when they are written together. */
import { BadInput } from '../../core/errors.ts';
import type { Las, Triple } from '../formats/las.ts';
import { pointFormatOf } from '../formats/laz.ts';
import type { Codec, PointFormat, Points } from '../kernels/codec.ts';
import { promoteAngles } from '../kernels/codec.ts';
import { commonCrs } from './clouds.ts';

/** Format, extra bytes, and what a raw coordinate stands for. Plain JSON. */
export type Shape = {
  readonly pdrf: 6 | 7 | 8;
  readonly extra: number;
  readonly scale: Triple;
  readonly offset: Triple;
};

const colored = [2, 3, 5, 7, 8, 10];
const infrared = [8, 10];
const waved = [4, 5, 9, 10];

/**
 * The form that holds the points of all files unchanged: format 6, 7 with colours, 8 with infrared; the finest scale.
 * @throws BadInput for files of several CRS, wave packets, extra bytes that differ, and coordinates that are no whole steps of the finest scale
 */
export function shapeOf(files: readonly Las[]): Shape {
  const [first] = files;
  commonCrs(files);
  for (const { name, pdrf } of files)
    if (waved.includes(pdrf))
      throw new BadInput(
        `LAS: ${name} has point format ${pdrf} with wave packets, which would be lost; write it without them`,
      );
  const layout = extraLayout(first!);
  const other = files.find((file) => extraLayout(file) !== layout);
  if (other)
    throw new BadInput(
      `LAS: ${first!.name} has ${pointFormatOf(first!).extra} extra bytes a point, ${other.name} has ${pointFormatOf(other).extra} or of another kind, expected the same in all; run them apart`,
    );
  const has = (formats: readonly number[]): boolean => files.some(({ pdrf }) => formats.includes(pdrf));
  const axis = (i: 0 | 1 | 2): [number, number] => {
    const finest = files.reduce((a, b) => (b.scale[i] < a.scale[i] ? b : a));
    return [finest.scale[i], finest.offset[i]];
  };
  const axes = [axis(0), axis(1), axis(2)] as const;
  const scale: Triple = [axes[0][0], axes[1][0], axes[2][0]];
  const offset: Triple = [axes[0][1], axes[1][1], axes[2][1]];
  const { extra } = pointFormatOf(first!);
  const shape: Shape = { pdrf: has(infrared) ? 8 : has(colored) ? 7 : 6, extra, scale, offset };
  for (const file of files) stepsOf(file, shape);
  return shape;
}

/** Number and meaning of extra bytes. */
function extraLayout(las: Las): string {
  const said = las.records.find(({ user, id }) => user === 'LASF_Spec' && id === 4)?.bytes;
  return `${pointFormatOf(las).extra} ${said ? Buffer.from(said).toString('base64') : ''}`;
}

/** How raw coordinates become those of a shape: `raw * by + add`, whole numbers. */
export type Steps = readonly { readonly by: number; readonly add: number }[];

/** @throws BadInput where they do not, or leave 32 bits */
export function stepsOf(
  las: Pick<Las, 'name' | 'scale' | 'offset'> & Partial<Pick<Las, 'min' | 'max'>>,
  shape: Shape,
): Steps {
  return ([0, 1, 2] as const).map((i) => {
    const by = Math.round(las.scale[i] / shape.scale[i]);
    const add = Math.round((las.offset[i] - shape.offset[i]) / shape.scale[i]);
    const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
    const isWhole =
      near(las.scale[i] / shape.scale[i], by) &&
      near((las.offset[i] - shape.offset[i]) / shape.scale[i], add);
    const isSame = by === 1 && add === 0;
    const fits = [las.min?.[i], las.max?.[i]].every(
      (v) => isSame || v === undefined || Math.abs((v - shape.offset[i]) / shape.scale[i]) < 2 ** 31,
    );
    if (!isWhole || !fits)
      throw new BadInput(
        `LAS: ${'xyz'[i]} of ${las.name} has scale ${las.scale[i]} and offset ${las.offset[i]}, expected coordinates that scale ${shape.scale[i]} and offset ${shape.offset[i]} hold to the digit; write the files with one scale and offset`,
      );
    return { by, add };
  });
}

/** Gives points that were just read the form of a shape, where they stand and are aimed at. */
export function conform(codec: Codec, points: Points, { pdrf }: PointFormat, steps: Steps): void {
  if (pdrf < 6) promoteAngles(codec, points.count);
  for (const [i, column] of [points.x, points.y, points.z].entries()) {
    const { by, add } = steps[i]!;
    if (by === 1 && add === 0) continue;
    for (let k = 0; k < column.length; k++) column[k] = column[k]! * by + add;
  }
  if (!colored.includes(pdrf)) for (const column of [points.red, points.green, points.blue]) column.fill(0);
  if (!infrared.includes(pdrf)) points.nir.fill(0);
}
