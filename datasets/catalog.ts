/** Every dataset that has a name: what can be made here, and what others have published. */
import type { AnyGenerator } from './generator.ts';
import { cohort } from './cohort.ts';
import { reads } from './reads.ts';
import { scenes } from './scenes.ts';
import { terrain } from './terrain.ts';

export type { AnyGenerator, Generator } from './generator.ts';
export type { PublicDataset } from './published.ts';
export { published } from './published.ts';

/** Made from a seed, at any size. */
export const generators: readonly AnyGenerator[] = [cohort, reads, scenes, terrain];
