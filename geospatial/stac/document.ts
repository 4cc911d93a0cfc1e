/** STAC documents as they come from outside: JSON whose members may be anything. */
import { BadInput } from '../../core/errors.ts';
import type { Planning } from '../../core/job.ts';
import { addressOf } from './address.ts';

/** Gives the bytes at an address or a path. */
export type Open = (address: string) => Promise<Uint8Array>;

type Document = { readonly [name: string]: unknown };

const mostBytes = 2 ** 28;

/** Documents as a job may open them when it plans. @throws BadInput for what is not there, or has more than 256 MiB */
export const openPlanned =
  (planning: Planning): Open =>
  async (address) => {
    const dataset = await planning.find(address);
    if (!dataset)
      throw new BadInput(`STAC: ${address} is not there, expected a document; check the link to it`);
    if (dataset.size > mostBytes)
      throw new BadInput(
        `STAC: ${address} has ${dataset.size} bytes, expected ${mostBytes} at most; give fewer items at a time`,
      );
    const source = await planning.open(dataset);
    return source.read(0, source.size);
  };

/** @throws BadInput for what is no JSON object */
export function parseDocument(bytes: Uint8Array, address: string): Document {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new BadInput(`STAC: ${address} is no JSON, expected an object; check the address`, {
      cause: error,
    });
  }
  if (!isObject(value))
    throw new BadInput(`STAC: ${address} is no JSON object, expected one; check the address`);
  return value;
}

export const isObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A link that leads somewhere, its address absolute; `given` as it stands. */
export type Link = { readonly rel: string; readonly href: string; readonly given: Document };

/** Links of a document that lies at `base`; what is no link is passed over. */
export function linksOf(document: Document, base: string): Link[] {
  const { links } = document;
  if (!Array.isArray(links)) return [];
  return links.flatMap((given: unknown): Link[] => {
    if (!isObject(given)) return [];
    const [rel, href] = [textOf(given['rel']), textOf(given['href'])];
    return rel === undefined || href === undefined ? [] : [{ rel, href: addressOf(href, base), given }];
  });
}
