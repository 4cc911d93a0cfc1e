/** What a worker is made of: this module is the entry of threads and processes alike. */
import { serve } from '../core/backends/serve.ts';
import { requests } from '../infra/aws/meter.ts';
import { catalog } from './catalog.ts';
import { open, store } from './storage.ts';

/** Pass to `threads` or `processes`. The module names itself, so that the name is right wherever it is built to. */
export const entry = new URL(import.meta.url);

// Not waited for: a job's chunk may import from this one, which then must have come to its end.
void serve({ catalog, open, store, requests });
