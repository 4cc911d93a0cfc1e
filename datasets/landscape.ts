/** A landscape of any extent as a function of the seed: hills, rivers, buildings and trees. Only exact arithmetic enters. */
import { mix, random } from './random.ts';

/** What stands at a place; filled in by `look`. Heights in metres. */
export type Sight = {
  /** BARE, WATER, ROOF or CROWN. */
  kind: number;
  /** Bare earth; the surface of water. */
  ground: number;
  /** Upper surface of the roof or the crown, and the crown's lower side. */
  top: number;
  bottom: number;
};
/** What a pulse from above meets. */
export const [BARE, WATER, ROOF, CROWN] = [0, 1, 2, 3] as const;

/** Places are in metres from the south-western corner of the landscape, which has no other end. */
export type Landscape = {
  /** Bare earth at a place, in metres: the truth. Under a roof as if it were not there; the surface of water. */
  ground(x: number, y: number): number;
  look(x: number, y: number, into: Sight): void;
  /** From 0 to 1: how thickly low plants grow. */
  cover(x: number, y: number): number;
};

/** Values of noise in a row and in a column; then it repeats. */
const PERIOD = 256;

/** Metres between the values of each octave of the hills, and how high it makes them. */
const octaves = [
  { length: 620, height: 70 },
  { length: 290, height: 26 },
  { length: 130, height: 9 },
  { length: 57, height: 3 },
  { length: 23, height: 0.8 },
  { length: 9, height: 0.15 },
] as const;

/** A river flows north every 1000 m; its bed is 11 m to either side, its valley 140 m more. */
const river = { distance: 1000, first: 75, swing: 60, half: 11, valley: 140, depth: 2.5 } as const;
const BASE = 100;

/** Side of a lot, which holds one building at most, and of a cell, which holds one tree at most. In metres. */
const LOT = 32;
const CELL = 7;

/** Unit vectors without rounding of angles: (c / h, s / h) of Pythagorean triples. */
const bearings = [
  [1, 0],
  [4 / 5, 3 / 5],
  [12 / 13, 5 / 13],
  [15 / 17, 8 / 17],
  [24 / 25, 7 / 25],
  [40 / 41, 9 / 41],
  [3 / 5, 4 / 5],
  [5 / 13, 12 / 13],
] as const;

/** The landscape of that seed. Memory: half a megabyte, whatever the extent. */
export function createLandscape(seed: number): Landscape {
  const rng = random(seed, 'landscape');
  const table = Float64Array.from({ length: PERIOD * PERIOD }, () => rng.fraction());
  const salt = rng.next() | 0;

  // Value noise from 0 to 1, continuous in its second derivative; `plane` shifts the table.
  const noise = (u: number, v: number, plane: number): number => {
    const [i, j] = [Math.floor(u), Math.floor(v)];
    const [a, b] = [u - i, v - j];
    const [s, t] = [a * a * a * (a * (a * 6 - 15) + 10), b * b * b * (b * (b * 6 - 15) + 10)];
    const [x, y] = [(i + plane * 37) & (PERIOD - 1), ((j + plane * 101) & (PERIOD - 1)) * PERIOD];
    const [x1, y1] = [(x + 1) & (PERIOD - 1), (y + PERIOD) & (PERIOD * PERIOD - 1)];
    const [p, q] = [table[y + x]!, table[y1 + x]!];
    const low = p + (table[y + x1]! - p) * s;
    return low + (q + (table[y1 + x1]! - q) * s - low) * t;
  };
  const riverLevel = (y: number): number => BASE + 0.002 * y;
  /** Metres to the middle of the nearest river. */
  const riverDistance = (x: number, y: number): number => {
    const k = Math.round((x - river.first) / river.distance);
    const middle = river.first + river.distance * k + river.swing * (noise(y / 170, k + 0.5, 7) - 0.5);
    return Math.abs(x - middle);
  };
  const ground = (x: number, y: number): number => {
    let hills = 3;
    for (let i = 0; i < octaves.length; i++) {
      const { length, height } = octaves[i]!;
      hills += height * noise(x / length, y / length, i);
    }
    const away = riverDistance(x, y) - river.half;
    if (away >= river.valley) return BASE + hills;
    const level = riverLevel(y);
    if (away <= 0) return level;
    const t = away / river.valley;
    return level + (BASE + hills - level) * t * t * (3 - 2 * t);
  };
  /** How far a place lies in a town, from 0 to 1. */
  const town = (x: number, y: number): number => noise(x / 260, y / 260, 11);

  const lookAtLot = (x: number, y: number, into: Sight): boolean => {
    const [i, j] = [Math.floor(x / LOT), Math.floor(y / LOT)];
    const hash = mix(i, j, salt);
    const middleX = (i + 0.5) * LOT + ((hash & 7) - 3.5);
    const middleY = (j + 0.5) * LOT + (((hash >>> 3) & 7) - 3.5);
    const share = town(middleX, middleY) > 0.52 ? 180 : 36;
    if (((hash >>> 24) & 255) >= share) return false;
    const [c, s] = bearings[(hash >>> 6) & 7]!;
    const [along, across] = [
      Math.abs((x - middleX) * c + (y - middleY) * s),
      Math.abs((y - middleY) * c - (x - middleX) * s),
    ];
    const shape = mix(i, j, ~salt);
    const [halfLength, halfWidth] = [6 + 0.25 * (shape & 15), 4 + 0.125 * ((shape >>> 4) & 15)];
    if (along > halfLength || across > halfWidth) return false;
    if (riverDistance(middleX, middleY) < river.half + 20) return false;
    const eaves = 3 + 0.4 * ((shape >>> 8) & 15);
    const pitch = (shape >>> 12) % 5 === 0 ? 0 : 0.3 + 0.03 * ((shape >>> 16) & 15);
    const roof = ground(middleX, middleY) + eaves + pitch * (halfWidth - across);
    into.kind = ROOF;
    into.top = Math.max(roof, into.ground + 2);
    return true;
  };
  const lookAtTree = (x: number, y: number, layer: number, into: Sight): boolean => {
    const [u, v] = [x + (layer * CELL) / 2, y + (layer * CELL) / 2];
    const [i, j] = [Math.floor(u / CELL), Math.floor(v / CELL)];
    const hash = mix(i, j, salt + 1 + layer);
    const chance = (hash >>> 24) & 255;
    if (chance > 190) return false;
    const radius = 1.6 + 0.12 * (hash & 15);
    const slack = CELL - 2 * radius;
    const middleX = i * CELL + radius + (slack * ((hash >>> 4) & 15)) / 15 - (layer * CELL) / 2;
    const middleY = j * CELL + radius + (slack * ((hash >>> 8) & 15)) / 15 - (layer * CELL) / 2;
    const [dx, dy] = [x - middleX, y - middleY];
    const share = (dx * dx + dy * dy) / (radius * radius);
    if (share >= 1) return false;
    const forest = noise(middleX / 150, middleY / 150, 13);
    if (chance > 8 + Math.max(0, forest - 0.4) * 700 * Math.max(0, 0.62 - town(middleX, middleY)))
      return false;
    if (riverDistance(middleX, middleY) < river.half + 4) return false;
    const foot = ground(middleX, middleY);
    const height = 6 + 0.9 * ((hash >>> 12) & 15);
    const reach = Math.sqrt(share);
    const isConifer = ((hash >>> 16) & 3) === 0;
    const shell = Math.sqrt(1 - share);
    const top = foot + height * (isConifer ? 1 - 0.75 * reach : 0.6 + 0.4 * shell);
    if (top <= into.ground + 1 || (into.kind === CROWN && top <= into.top)) return false;
    into.kind = CROWN;
    into.top = top;
    into.bottom = Math.max(into.ground + 0.5, foot + height * (isConifer ? 0.2 : 0.6 - 0.4 * shell));
    return true;
  };
  return {
    ground,
    look(x, y, into) {
      into.ground = ground(x, y);
      into.kind = BARE;
      into.top = into.bottom = into.ground;
      if (riverDistance(x, y) <= river.half) into.kind = WATER;
      else if (!lookAtLot(x, y, into)) {
        lookAtTree(x, y, 0, into);
        lookAtTree(x, y, 1, into);
      }
    },
    cover: (x, y) => noise(x / 31, y / 31, 17),
  };
}
