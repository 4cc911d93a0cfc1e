/** Zstandard frames of tiles (RFC 8878), by the authors' library in WebAssembly. */

// As small as level 6 makes them: GDAL's level 9 takes twice the time for a hundredth less.
const level = 6;

/** What compresses; the same bytes for the same input everywhere, as the library is part of the package. */
export async function zstdOf(): Promise<(bytes: Uint8Array) => Uint8Array> {
  const { init, compress } = await import('@bokuweb/zstd-wasm');
  await init();
  return (bytes) => compress(bytes, level);
}
