/** Where the build puts compiled kernels: beside this module, and beside every bundle that it becomes part of. */
export const lazUrl = (): URL => new URL('laz.wasm', import.meta.url);
