/** A layered chunk with other classes: no layer but theirs depends on them, so the others are copied as they are. */
import { classes, extraBytes, input } from './columns.ts';
import { encodeClasses } from './encode.ts';

const CLASS_AT: usize = 16;
const CLASS_LAYER: usize = 2;

/** Writes the chunk of format 6, 7 or 8 at the input, which was just decoded with its classes, to `out` with those that are aimed at; gives its bytes. */
export function reclassChunk(pdrf: u32, bytes: u32, count: u32, out: usize): u32 {
  const bare: usize = pdrf == 6 ? 30 : pdrf == 7 ? 36 : 38;
  const sizesAt = bare + extraBytes + 4;
  const layers: usize = 9 + <usize>(pdrf >= 7) + <usize>(pdrf == 8) + extraBytes;
  const layersAt = sizesAt + 4 * layers;
  let before = layersAt;
  for (let i: usize = 0; i < CLASS_LAYER; i++) before += load<u32>(input + sizesAt + 4 * i);
  const behind = before + load<u32>(input + sizesAt + 4 * CLASS_LAYER);
  memory.copy(out, input, before);
  store<u8>(out + CLASS_AT, load<u8>(classes));
  const size = encodeClasses(count, out + before);
  store<u32>(out + sizesAt + 4 * CLASS_LAYER, <u32>size);
  memory.copy(out + before + size, input + behind, <usize>bytes - behind);
  return <u32>(before + size + <usize>bytes - behind);
}
