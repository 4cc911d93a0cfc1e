/** Worker entry for the toy jobs. */
import { serve } from '../core/backends/serve.ts';
import { folderStore } from '../core/stores/folder.ts';
import { toyCatalog } from './toys.ts';

const services = {
  catalog: toyCatalog,
  open: () => Promise.reject(new Error('toys have no inputs')),
  store: folderStore,
};
export const entry = new URL(import.meta.url);
await serve(services);
