/** Where relative references lead. Source: RFC 3986, 5.2; paths and objects of S3 are taken as they are written, without escapes. */
import { posix } from 'node:path';

/** Whether it has a scheme, `https://...`. */
export const isAddress = (href: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(href);

/** `href` as seen from the document at `base`: an address or a path. What is absolute stays as it is. */
export function addressOf(href: string, base: string): string {
  if (isAddress(href) || /^(data|urn|mailto):/i.test(href)) return href;
  if (/^(https?|file):/i.test(base)) return URL.canParse(href, base) ? new URL(href, base).href : href;
  const [, root, path] = /^([a-z][a-z0-9+.-]*:\/\/[^/]*)?(.*)$/is.exec(base)!;
  if (root === undefined) return href.startsWith('/') ? href : posix.join(posix.dirname(path!), href);
  return `${root}${href.startsWith('/') ? href : posix.join(posix.dirname(path || '/'), href)}`;
}
