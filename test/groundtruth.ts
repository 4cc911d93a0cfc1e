/** The labelled samples of ISPRS's filter test, lidar/ground on them, and Cohen's kappa. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../core/json.ts';
import { ground } from '../geospatial/jobs/ground.ts';
import { onlyFile } from './cloudjobs.ts';
import { lasFile } from './lasfile.ts';
import { columnsOfFile } from './pointcolumns.ts';

export type Options = { readonly [name: string]: Json };
/** Parameters that Pingel 2013 tuned to each sample. */
export function tunedSets(folder: string): { readonly [sample: string]: Options } {
  const text = readFileSync(join(folder, 'published/isprs_smrf_settings.txt'), 'latin1');
  const rows = text.trim().split('\n').slice(1);
  return Object.fromEntries(
    rows.map((row) => {
      const [file, ...values] = row.split(',');
      const [slope, window, threshold, scalar] = values.map(Number) as [number, number, number, number];
      return [file!.replace('.txt', ''), { slope, window, threshold, scalar }];
    }),
  );
}

export const samplesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /^samp\d+\.txt$/.test(name))
    .map((name) => name.replace('.txt', ''))
    .toSorted();

/** A sample as a point cloud, and which of its points are objects. */
export function readSample(folder: string, sample: string): { bytes: Uint8Array; isObject: boolean[] } {
  const rows = readFileSync(join(folder, `${sample}.txt`), 'latin1')
    .trim()
    .split('\n');
  const points = rows.map((row) => row.split('\t').map(Number) as [number, number, number, number]);
  const bytes = lasFile(
    points.map(([x, y, z]) => ({ x, y, z })),
    { minor: 4, pdrf: 6, offset: [512_000, 5_403_000, 0] },
  );
  return { bytes, isObject: points.map(([, , , object]) => object === 1) };
}

/** Agreement of a classification with the truth, as the literature has it. */
export type Score = {
  readonly kappa: number;
  readonly total: number;
  readonly first: number;
  readonly second: number;
};

/** Kappa and total, type I (ground taken for an object) and type II errors, in percent. */
export function scoreOf(found: readonly boolean[], isObject: readonly boolean[]): Score {
  let [both, missed, wrong, neither] = [0, 0, 0, 0];
  for (const [i, truth] of isObject.entries()) {
    if (truth && found[i]) both++;
    else if (truth) missed++;
    else if (found[i]) wrong++;
    else neither++;
  }
  const n = isObject.length;
  const agreed = (both + neither) / n;
  const chance = ((both + missed) * (both + wrong) + (wrong + neither) * (missed + neither)) / n ** 2;
  return {
    kappa: (100 * (agreed - chance)) / (1 - chance),
    total: (100 * (missed + wrong)) / n,
    first: (100 * wrong) / (wrong + neither),
    second: (100 * missed) / (both + missed),
  };
}

/** What lidar/ground makes of a sample. */
export async function score(folder: string, sample: string, given: Options): Promise<Score> {
  const { bytes, isObject } = readSample(folder, sample);
  const { classes } = await columnsOfFile(await onlyFile(ground, { [`${sample}.las`]: bytes }, given));
  return scoreOf(
    classes!.map((c) => c !== 2),
    isObject,
  );
}
