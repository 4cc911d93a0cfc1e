/** Text in the making. */
import { roomFor } from '../../core/room.ts';

/** Bytes that grow. */
export type Text = { bytes: Uint8Array<ArrayBuffer>; fill: number };

/** Makes sure that a text has room for `size` more bytes. */
export function makeRoom(text: Text, size: number): void {
  text.bytes = roomFor(text.bytes, text.fill + size);
}
