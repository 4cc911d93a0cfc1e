/** What stands between brackets: `0`, `1-2`, `0,2-4`, `1-`, `*`; of FORMAT samples, then values: `0:1`, `*:1`, `:1`. */
import { BadUsage } from '../../../core/errors.ts';

/** Whether the value, or the sample, of that place is meant. */
export type Places = (place: number) => boolean;
const all: Places = () => true;

function placesOf(text: string, whole: string): Places {
  if (text === '' || text === '*') return all;
  const ranges = text.split(',').map((part) => {
    const match = /^(\d+)(-(\d*))?$/.exec(part.trim());
    if (!match)
      throw new BadUsage(`expression: found [${whole}], expected places such as 0, 1-2, 1-, 0,2 or *`);
    const from = Number(match[1]);
    return [from, match[2] === undefined ? from : match[3] === '' ? Infinity : Number(match[3])] as const;
  });
  return (place) => ranges.some(([from, to]) => place >= from && place <= to);
}

/** Of INFO and ALT. */
export const valuesOf = (subscript: string | undefined): Places =>
  subscript === undefined ? all : placesOf(subscript, subscript);

/** Of FORMAT: which samples, as a mask where not all are meant, and which values of each. */
export function samplesAndValues(
  subscript: string | undefined,
  samples: number,
): { readonly mask: Uint8Array | undefined; readonly values: Places } {
  if (subscript === undefined) return { mask: undefined, values: all };
  const [first = '', second = ''] = subscript.split(':');
  const isMeant = placesOf(first, subscript);
  return {
    mask: isMeant === all ? undefined : Uint8Array.from({ length: samples }, (_, i) => (isMeant(i) ? 1 : 0)),
    values: placesOf(second, subscript),
  };
}
