/** Tags of SAM text as BAM has them (SAM spec 1.5, 4.2.4). */
import type { Text } from './text.ts';

const decode = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');

const real = /^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$/;
const whole = /^[-+]?[0-9]+$/;
/** Least and largest of the types of arrays, and how many bytes each takes. */
const ranges: { readonly [type: string]: readonly [least: number, most: number, size: number] } = {
  c: [-128, 127, 1],
  C: [0, 255, 1],
  s: [-32768, 32767, 2],
  S: [0, 65535, 2],
  i: [-(2 ** 31), 2 ** 31 - 1, 4],
  I: [0, 2 ** 32 - 1, 4],
};

function isFloat(text: string): boolean {
  const value = Number(text);
  const isZero = value === 0 && !/[1-9]/.test(text.split(/e/i)[0]!);
  return real.test(text) && Number.isFinite(Math.fround(value)) && (isZero || Math.fround(value) !== 0);
}

/**
 * Appends the tag at `[from, to)` to `out`, which has room for as many bytes and 16 more. Gives what is wrong with it, in words, if anything.
 */
export function writeTag(bytes: Uint8Array, from: number, to: number, out: Text): string | undefined {
  const text = decode(bytes, from, to);
  if (!/^[A-Za-z][A-Za-z0-9]:[AifZHB]:/.test(text)) return 'two letters, a type of AifZHB and a value';
  const value = text.slice(5);
  const { bytes: into } = out;
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  const start = out.fill;
  const begin = (type: string): void => {
    into[out.fill++] = bytes[from]!;
    into[out.fill++] = bytes[from + 1]!;
    into[out.fill++] = type.charCodeAt(0);
  };
  const put = (type: string, number: number): void => {
    if (type === 'f') view.setFloat32(out.fill, number, true);
    else if (ranges[type]![2] === 1) view.setUint8(out.fill, number);
    else if (ranges[type]![2] === 2) view.setUint16(out.fill, number, true);
    else view.setUint32(out.fill, number, true);
    out.fill += type === 'f' ? 4 : ranges[type]![2];
  };
  switch (text[3]!) {
    case 'A':
      if (!/^[!-~]$/.test(value)) return 'one character';
      begin('A');
      into[out.fill++] = value.charCodeAt(0);
      return undefined;
    case 'i': {
      const number = Number(value);
      if (!whole.test(value) || number < -(2 ** 31) || number > 2 ** 32 - 1)
        return 'a whole number from -2147483648 to 4294967295';
      const type = number > 2 ** 31 - 1 ? 'I' : 'i';
      begin(type);
      put(type, number);
      return undefined;
    }
    case 'f':
      if (!isFloat(value)) return 'a number of 32 bits';
      begin('f');
      put('f', Number(value));
      return undefined;
    case 'Z':
    case 'H':
      if (text[3] === 'Z' ? !/^[ -~]*$/.test(value) : !/^([0-9A-F]{2})*$/.test(value))
        return text[3] === 'Z' ? 'characters that can be printed' : 'pairs of 0 to 9 and A to F';
      begin(text[3]);
      for (let i = from + 5; i < to; i++) into[out.fill++] = bytes[i]!;
      into[out.fill++] = 0;
      return undefined;
    default: {
      const [type, ...items] = value.split(',');
      const range = ranges[type!];
      if (!/^[cCsSiIf]$/.test(type!)) return 'an array of type cCsSiIf';
      for (const item of items) {
        const isGood = range
          ? whole.test(item) && Number(item) >= range[0] && Number(item) <= range[1]
          : isFloat(item);
        if (!isGood) {
          out.fill = start;
          return `numbers of type ${type} with commas between`;
        }
      }
      begin('B');
      into[out.fill++] = type!.charCodeAt(0);
      view.setUint32(out.fill, items.length, true);
      out.fill += 4;
      for (const item of items) put(type!, Number(item));
      return undefined;
    }
  }
}
