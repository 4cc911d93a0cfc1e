/** What must not be written down: signatures in addresses, and the secrets of this process's environment. */

// A signed address carries its credential in the query: SigV4, Azure's SAS, Google's, CloudFront's, and plain tokens. The
// addresses of S3 have neither queries nor users: what looks like one is a key's own.
const scheme = /\b(?!s3:)[a-z][a-z0-9+.-]{0,20}:\/\//.source;
const signed = new RegExp(
  `(${scheme}[^\\s"'<>?]+)\\?(?=[^\\s"'<>]*(?:signature|credential|security-token|access_?key|sig|token|password|policy)=)[^\\s"'<>]*`,
  'gi',
);
// Without an address around it, as of an argument that was torn apart.
const torn = /\b(x-(?:amz|goog)-(?:signature|security-token|credential)=)[^\s"'<>&]+/gi;
// A password may hold an @ itself, and a careless one a slash; what follows a colon may also be a port.
const user = new RegExp(`(${scheme})(?:[^\\s"'<>/?#]+|[^\\s"'<>/?#:]*:(?!\\d+/)[^\\s"'<>?#]+)@`, 'gi');
const secrets = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_ACCESS_KEY_ID'] as const;
/** Shorter values would be found by chance. */
const shortest = 8;

/** The text with the query of signed addresses, users and passwords, and AWS's credentials left out. */
export function redact(text: string): string {
  let out = text.includes('://') ? text.replace(signed, '$1').replace(user, '$1') : text;
  if (out.includes('-')) out = out.replace(torn, '$1<...>');
  for (const name of secrets) {
    const value = process.env[name];
    if (value === undefined || value.length < shortest) continue;
    // As it is, within JSON, and within a query.
    for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])
      if (out.includes(form)) out = out.replaceAll(form, `<${name}>`);
  }
  return out;
}

/** Whether an address carries what `redact` would take out. */
export const isSigned = (uri: string): boolean => redact(uri) !== uri;
