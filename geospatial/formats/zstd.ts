/** Zstandard frames of tiles (RFC 8878), by the authors' library in WebAssembly. */

// As small as DEFLATE in less than half of its time; level 9 takes three times as long for one hundredth less.
const level = 3;
// Once: to load it again would empty the memory that others are using.
let loaded: Promise<(bytes: Uint8Array) => Uint8Array> | undefined;

/** What compresses; the same bytes for the same input everywhere, as the library is part of the package. */
export const zstdOf = (): Promise<(bytes: Uint8Array) => Uint8Array> => (loaded ??= load());

async function load(): Promise<(bytes: Uint8Array) => Uint8Array> {
  const { init, compress } = await import('@bokuweb/zstd-wasm');
  await init();
  return (bytes) => compress(bytes, level);
}
