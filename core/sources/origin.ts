/** Which source a wrapper stands for: what was learned from one of its wrappers need not be read again through another. */
import type { Source } from '../job.ts';

const origins = new WeakMap<Source, Source>();

/** Says that a wrapper gives the bytes of `source`; gives the wrapper. */
export function from(source: Source, wrapper: Source): Source {
  origins.set(wrapper, originOf(source));
  return wrapper;
}

/** The source below all wrappers: the same for all tasks of a worker. */
export const originOf = (source: Source): Source => origins.get(source) ?? source;
