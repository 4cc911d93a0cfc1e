/** Requests to S3 that this process has made, in the two classes that are priced. */

let [gets, puts] = [0, 0];

// DELETE and abort are free (S3 pricing, requests).
const free = /^(Delete|Abort)/;
const reads = /^(Get|Head)/;

/** Counts an attempt at a command of the SDK. */
export function count(command: string): void {
  if (free.test(command)) return;
  if (reads.test(command)) gets++;
  else puts++;
}

export type Requests = { readonly gets: number; readonly puts: number };

/** Requests since `from`; since the start of the process without. */
export const requests = (from: Requests = { gets: 0, puts: 0 }): Requests => ({
  gets: gets - from.gets,
  puts: puts - from.puts,
});
