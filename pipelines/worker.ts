/** What a worker is made of: this module is the entry of threads and processes alike. */
import { serveProcess } from '../core/backends/processes.ts';
import type { Services } from '../core/backends/serve.ts';
import { serveThread } from '../core/backends/threads.ts';
import { catalog } from './catalog.ts';
import { open, store } from './storage.ts';

const services: Services = { catalog, open, store };

/** Pass to `threads` or `processes`. The module names itself, so that the name is right wherever it is built to. */
export const entry = new URL(import.meta.url);

await serveThread(services);
await serveProcess(services);
