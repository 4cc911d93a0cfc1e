/** What must not be written down: signatures in addresses, and the secrets of this process's environment. */

// A signed address carries its credential in the query: SigV4, Azure's SAS, Google's, CloudFront's, and plain tokens.
const signed =
  /\b(https?:\/\/[^\s"'<>?]+)\?(?=[^\s"'<>]*(?:signature|credential|security-token|access_?key|sig|token|password|policy)=)[^\s"'<>]*/gi;
const user = /\b(https?:\/\/)[^\s"'<>/@]+@/gi;
const secrets = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_ACCESS_KEY_ID'] as const;
/** Shorter values would be found by chance. */
const shortest = 8;

/** The text with the query of signed addresses, users and passwords, and AWS's credentials left out. */
export function redact(text: string): string {
  let out = text.includes('://') ? text.replace(signed, '$1').replace(user, '$1') : text;
  for (const name of secrets) {
    const value = process.env[name];
    if (value !== undefined && value.length >= shortest && out.includes(value))
      out = out.replaceAll(value, `<${name}>`);
  }
  return out;
}

/** Whether an address carries what `redact` would take out. */
export const isSigned = (uri: string): boolean => redact(uri) !== uri;
