/** The chunk table's code: of each chunk its points, where they vary, and its bytes. Source: LASzip's format as laz-perf and laz-rs read it. */
import { input, output } from './columns.ts';
import { endEncoder, startEncoder } from './encoder.ts';
import { BEFORE_K, leadOfK, putDifference } from './integers.ts';
import { fresh, of32K, placeBytes, placeModels, xAt } from './layers.ts';

const E: usize = memory.data(16, 16);

/** Encodes `chunks` pairs (points, bytes) of u32 at the input to the output; the points only with `isVarying`. Gives the bytes of the code. */
export function encodeTable(chunks: u32, isVarying: bool): u32 {
  // A coder of 32 bits and two contexts that has seen nothing.
  const coder = fresh(placeModels, placeBytes, 0) + xAt;
  const models = coder + leadOfK(32);
  const correctors = coder + BEFORE_K + 2 * of32K;
  startEncoder(E, output);
  let points: i32 = 0;
  let bytes: i32 = 0;
  for (let i: u32 = 0, p = input; i < chunks; i++, p += 8) {
    if (isVarying) {
      putDifference(E, coder, models, correctors, load<i32>(p) - points);
      points = load<i32>(p);
    }
    putDifference(E, coder, models + of32K, correctors, load<i32>(p, 4) - bytes);
    bytes = load<i32>(p, 4);
  }
  return <u32>(endEncoder(E) - output);
}
