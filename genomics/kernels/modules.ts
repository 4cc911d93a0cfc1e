/** Where the build puts compiled kernels: beside this module, and beside every bundle that it becomes part of. */
const beside = (name: string) => (): URL => new URL(name, import.meta.url);

export const scanUrl = beside('scan.wasm');
export const rowsUrl = beside('rows.wasm');
export const cyclesUrl = beside('cycles.wasm');
export const pairhmmUrl = beside('pairhmm.wasm');
/** What `withVcfTable` asks for. */
export const vcfModules = { vcf: beside('vcf.wasm') };
