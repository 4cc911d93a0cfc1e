/** Synthetic datasets for tests. */
import type { Json } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { generators } from '../datasets/catalog.ts';

/** Makes a synthetic dataset. */
export async function generate(
  name: string,
  folder: string,
  params: { readonly [name: string]: Json },
): Promise<readonly string[]> {
  const generator = generators.find((g) => g.name === name)!;
  return generator.make(folder, resolve(generator.params as Spec, params), () => {});
}
