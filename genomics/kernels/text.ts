/** Text in the making. */

/** Bytes that grow. */
export type Text = { bytes: Uint8Array<ArrayBuffer>; fill: number };

/** Makes sure that a text has room for `size` more bytes. */
export function makeRoom(text: Text, size: number): void {
  if (text.fill + size <= text.bytes.length) return;
  const larger = new Uint8Array(Math.max(2 * text.bytes.length, text.fill + size));
  larger.set(text.bytes.subarray(0, text.fill));
  text.bytes = larger;
}
