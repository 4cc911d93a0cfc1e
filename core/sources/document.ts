/** A document behind an http(s) address, read whole: for answers that are made when they are asked for, and have no size before. */
import { BadInput } from '../errors.ts';
import { type Init, type Network, request, shownUrl } from './request.ts';

/** `status`: as the server said, after those that `request` repeats. */
export type Answered = { readonly status: number; readonly bytes: Uint8Array };

/**
 * Asks, with the retries of `request`; refusals are answers too.
 * @throws BadInput for a body of more than `most` bytes, and what is no http(s) address; as `request`
 */
export async function askDocument(
  url: string,
  init: Init,
  most: number,
  network: Network = {},
): Promise<Answered> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '')
    throw new BadInput(
      `http: ${parsed ? `${parsed.protocol}//${parsed.host}` : JSON.stringify(url)} is no address that can be asked, expected http://host/path or https://host/path without a user`,
    );
  return request(url, init, network, async (response, alive) => {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body ?? []) {
      alive();
      size += piece.length;
      if (size > most)
        throw new BadInput(
          `http: ${shownUrl(url)} sends more than ${most} bytes, expected ${most} at most; ask for less at a time`,
        );
      pieces.push(piece);
    }
    return { status: response.status, bytes: Buffer.concat(pieces) };
  });
}
