/** Polygons that a later step of a pipeline reads: what is wrong with them is told before the first step runs. */
import type { Inputs, Planning } from '../core/job.ts';
import { readPolygons } from '../geospatial/formats/polygons.ts';

/** @throws BadInput for polygons that cannot be read */
export async function checkPolygons({ polygons = [] }: Inputs, planning: Planning): Promise<void> {
  for (const dataset of polygons) await readPolygons(await planning.open(dataset), dataset);
}
