/** Small named objects beside the blobs of a store: how runs are, and what people tell them. */
import { parseAddress } from './address.ts';
import { claimObject, isThere, listPages, type Place, readObject, writeObject } from './object.ts';

function at(store: string, name: string): Place {
  const { bucket, key } = parseAddress(store);
  const base = key.replace(/\/+$/, '');
  return { Bucket: bucket, Key: base ? `${base}/${name}` : name };
}

const encoded = (text: string | Uint8Array): Uint8Array =>
  typeof text === 'string' ? new TextEncoder().encode(text) : text;

/** The text under a name; undefined where there is none. */
export async function readNote(store: string, name: string): Promise<string | undefined> {
  const bytes = await readObject(at(store, name));
  return bytes && new TextDecoder().decode(bytes);
}

/** Writes a note, over an older one. */
export const writeNote = (store: string, name: string, text: string | Uint8Array): Promise<void> =>
  writeObject(at(store, name), encoded(text));

/** Writes a note that nobody has written before; whether it was the first. Where the server lacks If-None-Match all are. */
export async function claimNote(store: string, name: string, text: string): Promise<boolean> {
  // Refused, it may be this call's own, whose answer was lost.
  return (await claimObject(at(store, name), encoded(text))) || (await readNote(store, name)) === text;
}

export const exists = (store: string, name: string): Promise<boolean> => isThere(at(store, name));

/** Names of runs that a store has notes of, sorted, which is the order of time. */
export async function listRuns(store: string): Promise<string[]> {
  const { Bucket, Key: Prefix } = at(store, 'runs/');
  const runs: string[] = [];
  for await (const { folders } of listPages({ Bucket, Prefix, Delimiter: '/' }))
    for (const folder of folders) runs.push(folder.slice(Prefix.length, -1));
  return runs.sort((a, b) => (a < b ? -1 : 1));
}
