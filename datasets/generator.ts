/** What makes a synthetic dataset: a name, a parameter table and a function of the seed. */
import type { Spec, Values } from '../core/params.ts';

/** Makes one kind of dataset, of any size, with the truth about it. The same parameters give the same content on every machine. */
export type Generator<S extends Spec> = {
  /** `synthetic/<noun>`. */
  readonly name: string;
  /** One line for lists and help. */
  readonly doc: string;
  readonly params: S;
  /**
   * Writes the files into `folder`, which is made if need be; they appear together when all are complete.
   * `report` is told the share that is done, from 0 to 1. Gives the paths written.
   * @throws BadUsage for parameters that do not go together
   */
  make(folder: string, params: Values<S>, report: (done: number) => void): Promise<readonly string[]>;
};

// Generators of different parameters share a catalog, as jobs do.
export type AnyGenerator = Generator<any>;

/** Checks types; adds nothing at run time. */
export function defineGenerator<S extends Spec>(made: Generator<S>): Generator<S> {
  return made;
}
