/** Where the build puts the compiled kernel: beside this module, and beside every bundle that it becomes part of. */
export const deflateUrl = (): URL => new URL('deflate.wasm', import.meta.url);
