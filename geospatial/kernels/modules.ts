/** Where the build puts compiled kernels: beside this module, and beside every bundle that it becomes part of. */
const beside = (name: string) => (): URL => new URL(name, import.meta.url);

export const lazUrl = beside('laz.wasm');
export const groundUrl = beside('ground.wasm');
