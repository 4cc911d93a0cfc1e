/** Colour ramps: colours of values from the least to the greatest, as tables of 256 steps. */
import { BadUsage } from '../../core/errors.ts';

/** 256 colours of four bytes each: red, green, blue, alpha. */
export type Ramp = Uint8Array<ArrayBuffer>;

/** Steps of a ramp. */
export const rampSteps = 256;

/** A colour at a place from 0 to 1. */
type Stop = { readonly at: number; readonly color: readonly [red: number, green: number, blue: number] };

/** Colours at even distances from 0 to 1. */
const even = (colors: string): Stop[] =>
  colors.split(' ').map((color, i, all) => ({ at: i / (all.length - 1), color: bytesOf(color) }));

const bytesOf = (color: string): [number, number, number] => {
  const value = Number.parseInt(color, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
};

// ColorBrewer 2 (Brewer, Harrower; Apache 2.0), 9 classes.
const redYellowGreen = even('d73027 f46d43 fdae61 fee08b ffffbf d9ef8b a6d96a 66bd63 1a9850');

const named: { readonly [name: string]: readonly Stop[] } = {
  // From black to white.
  greys: even('000000 ffffff'),
  // matplotlib (Smith, van der Walt; CC0), every fifteenth of its 256 steps: the others are met to 5 of 255.
  viridis: even(
    '440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e 1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f d8e219 fde725',
  ),
  // As viridis; to 3 of 255.
  magma: even(
    '000004 090720 1a1042 311165 4a1079 621980 792282 912b81 aa337d c23b75 d9466b ec5860 f7725c fc8e64 feaa74 fec68a fde2a3 fcfdbf',
  ),
  rdylgn: redYellowGreen,
  // For vegetation: -1 to 1, or whatever the bounds are, from bare to green.
  ndvi: redYellowGreen,
  // ColorBrewer 2, 9 classes.
  blues: even('f7fbff deebf7 c6dbef 9ecae1 6baed6 4292c6 2171b5 08519c 08306b'),
  // matplotlib's: water up to a quarter, then land.
  terrain: [
    { at: 0, color: bytesOf('333399') },
    { at: 0.15, color: bytesOf('0099ff') },
    { at: 0.25, color: bytesOf('00cc66') },
    { at: 0.5, color: bytesOf('ffff99') },
    { at: 0.75, color: bytesOf('805c54') },
    { at: 1, color: bytesOf('ffffff') },
  ],
};

/** Names of the ramps there are. */
export const rampNames: readonly string[] = Object.keys(named);

/**
 * The ramp of a name, or of a text like `0:#000000,0.5:#ff8800,1:#ffffff`: places from 0, the least value, to 1, the greatest, in ascending order, with
 * colours as HTML has them. Between two of them colours go straight from one to the other, in sRGB; before the first and behind the last they stay.
 * @throws BadUsage for a name that there is not, or a text that is no such ramp
 */
export function rampOf(text: string): Ramp {
  const stops = Object.hasOwn(named, text) ? named[text]! : stopsOf(text);
  const out = new Uint8Array(4 * rampSteps);
  let next = 0;
  for (let step = 0; step < rampSteps; step++) {
    const at = step / (rampSteps - 1);
    while (next < stops.length - 1 && stops[next]!.at < at) next++;
    const to = stops[next]!;
    const from = stops[Math.max(0, next - 1)]!;
    const share = to.at > from.at ? Math.min(1, Math.max(0, (at - from.at) / (to.at - from.at))) : 1;
    for (let c = 0; c < 3; c++)
      out[4 * step + c] = Math.floor(from.color[c]! + (to.color[c]! - from.color[c]!) * share + 0.5);
    out[4 * step + 3] = 255;
  }
  return out;
}

function stopsOf(text: string): Stop[] {
  const stops = text.split(',').map((part): Stop => {
    const [, place, color] = /^\s*([\d.]+(?:e-?\d+)?)\s*:\s*#([\da-f]{6})\s*$/i.exec(part) ?? [];
    const at = Number(place);
    if (color === undefined || !(at >= 0 && at <= 1))
      throw new BadUsage(
        `ramp: found ${JSON.stringify(part)}, expected ${rampNames.join(', ')}, or places from 0 to 1 with colours like 0:#000000,0.5:#ff8800,1:#ffffff`,
      );
    return { at, color: bytesOf(color) };
  });
  for (const [i, { at }] of stops.entries())
    if (i > 0 && at <= stops[i - 1]!.at)
      throw new BadUsage(`ramp: place ${at} follows ${stops[i - 1]!.at}, expected places that ascend`);
  return stops;
}
