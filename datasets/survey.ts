/** An airborne laser survey of a landscape: overlapping flight lines, scan lines across them, pulses with several returns. */
import type { Landscape, Sight } from './landscape.ts';
import { BARE, CROWN, ROOF, WATER } from './landscape.ts';
import type { Point } from './las.ts';
import { random } from './random.ts';
import type { Random } from './random.ts';

/** The square `[0, side)` x `[0, side)`, in metres, and how many points to take of it. */
export type Plan = { readonly seed: number; readonly side: number; readonly points: number };

/** LAS classes (LAS 1.4-R15, table 17). */
export const classes = { ground: 2, low: 3, high: 5, building: 6, noise: 7, water: 9 } as const;

/** Metres of a step of the stored coordinates. */
export const SCALE = 0.01;

/** Flight direction, and across it to the left: a bearing that no grid has. */
const [COS, SIN] = [40 / 41, 9 / 41];
/** Share of a flight line's width that its neighbour covers, too. */
const OVERLAP = 0.2;
/** Seconds between pulses, and between flight lines; when the survey began. */
const PULSE = 2e-6;
const TURN = 180;
const START = 320_000_000;
/** At the edge of a flight line, in 0.006 degrees. */
const EDGE_ANGLE = 20 / 0.006;

/** Shares of pulses. */
const share = { noise: 1e-4, lostInWater: 0.6, low: 0.35, throughCrown: 0.6, second: 0.4, third: 0.3 };

/** A scan line: `v` from `from` to `to` across the flight line at `u` along it. */
type Line = {
  readonly strip: number;
  readonly index: number;
  readonly u: number;
  readonly from: number;
  readonly to: number;
};

/**
 * Gives exactly `points` points, in the order of their measurement, a batch for each scan line: `take` gets each, the one object
 * written over; coordinates in steps of SCALE, z as well.
 */
export function* survey(plan: Plan, land: Landscape, take: (point: Point) => void): Generator<number> {
  const { points } = plan;
  const rng = random(plan.seed, 'survey');
  const lines = scan(plan);
  let length = 0;
  for (const line of lines()) length += line.to - line.from;
  const scanner = beam(plan.side, land, rng, take);
  let [covered, pulses, done, strip] = [0, 0, 0, 0];
  for (const line of lines()) {
    strip = line.strip;
    covered += line.to - line.from;
    // Returns a pulse vary with what is hit: each line makes up for those before it, within bounds.
    const wanted = (points * covered) / length - done;
    const nominal = (points * (line.to - line.from)) / length;
    const n = Math.round(Math.min(wanted, 2 * nominal) * (pulses > 100 ? pulses / done : 0.8));
    for (let i = 0; i < n && done < points; i++) done += scanner.shoot(line, i, n, points - done);
    pulses += Math.max(0, n);
    yield done;
  }
  // What is left, a handful, is taken in the flight line at hand, one more pulse in a scan line here and there.
  while (done < points) {
    for (const line of lines()) {
      if (done === points) return;
      if (line.strip !== strip || rng.chance(0.5)) continue;
      done += scanner.shoot(line, 0, 1, points - done);
      yield done;
    }
  }
}

/** The scan lines that meet the square, flight line by flight line, every other one flown back. */
function scan({ side, points }: Plan): () => Generator<Line> {
  const width = Math.min(400, side * 0.45);
  const spacing = width * (1 - OVERLAP);
  const step = Math.sqrt((1.2 * side * side) / points);
  // The square's extent in the turned frame: u along the flight, v to the left of it.
  const [u0, u1] = [0, side * (COS + SIN)];
  const [v0, v1] = [-side * SIN, side * COS];
  const strips = Math.max(1, Math.ceil((v1 - v0 - width) / spacing) + 1);
  const perStrip = Math.ceil((u1 - u0) / step);
  return function* lines() {
    for (let strip = 0; strip < strips; strip++) {
      const left = v0 + strip * spacing;
      for (let index = 0; index < perStrip; index++) {
        const u = u0 + ((strip % 2 === 0 ? index : perStrip - 1 - index) + 0.5) * step;
        // x = u COS - v SIN and y = u SIN + v COS lie in [0, side).
        const from = Math.max(left, (u * COS - side) / SIN, (-u * SIN) / COS);
        const to = Math.min(left + width, (u * COS) / SIN, (side - u * SIN) / COS);
        if (to > from) yield { strip: strip + 1, index, u, from, to };
      }
    }
  };
}

type Beam = {
  /** Fires pulse `i` of `n` of a line, for `room` points at most. Gives how many came back. */
  shoot(line: Line, i: number, n: number, room: number): number;
};

function beam(side: number, land: Landscape, rng: Random, take: (point: Point) => void): Beam {
  const sight: Sight = { kind: BARE, ground: 0, top: 0, bottom: 0 };
  const point: Point = {
    x: 0,
    y: 0,
    z: 0,
    intensity: 0,
    return: 1,
    returns: 1,
    classification: 0,
    isForward: true,
    isEdge: false,
    scanAngle: 0,
    source: 1,
    time: 0,
  };
  const last = Math.round(side / SCALE) - 1;
  const heights = new Float64Array(4);
  const labels = new Uint8Array(4);
  let fired = 0;
  const stored = (metres: number): number => Math.min(last, Math.max(0, Math.floor(metres / SCALE)));
  return {
    shoot({ strip, index, u, from, to }, i, n, room) {
      // The mirror swings to and fro.
      const isForward = index % 2 === 0;
      const place = (i + 0.5 + 0.6 * (rng.fraction() - 0.5)) / n;
      const v = isForward ? from + place * (to - from) : to - place * (to - from);
      point.x = stored(u * COS - v * SIN);
      point.y = stored(u * SIN + v * COS);
      land.look(point.x * SCALE, point.y * SCALE, sight);
      const returns = Math.min(room, reflect(sight, land, point, rng, heights, labels));
      point.time = START + TURN * strip + PULSE * fired++;
      point.source = strip;
      point.isForward = isForward;
      point.isEdge = i === n - 1;
      point.scanAngle = Math.round(EDGE_ANGLE * (2 * place - 1) * (isForward ? 1 : -1));
      point.returns = returns;
      for (let k = 0; k < returns; k++) {
        point.return = k + 1;
        point.classification = labels[k]!;
        point.z = Math.round(heights[k]! / SCALE);
        point.intensity = brightness(labels[k]!, rng.next());
        take(point);
      }
      return returns;
    },
  };
}

/** Heights and classes of a pulse's returns, from the top. Gives how many there are: 0 to 4. */
function reflect(
  { kind, ground, top, bottom }: Sight,
  land: Landscape,
  { x, y }: Point,
  rng: Random,
  heights: Float64Array,
  labels: Uint8Array,
): number {
  const rough = 0.015 * rng.gaussian();
  heights[0] = top + rough;
  if (rng.chance(share.noise)) {
    heights[0] = rng.chance(0.5) ? ground + 40 + rng.below(200) : ground - 3 - rng.below(30);
    labels[0] = classes.noise;
    return 1;
  }
  if (kind === WATER) {
    labels[0] = classes.water;
    return rng.chance(share.lostInWater) ? 0 : 1;
  }
  if (kind === ROOF) {
    labels[0] = classes.building;
    return 1;
  }
  if (kind !== CROWN) {
    const cover = land.cover(x * SCALE, y * SCALE);
    if (cover > 0.6 && rng.chance(share.low)) {
      heights[0] = ground + 0.2 + (cover - 0.6) * (1 + rng.fraction());
      labels[0] = classes.low;
    } else labels[0] = classes.ground;
    return 1;
  }
  // Returns go deeper and deeper into the crown; what is left of the pulse may reach the ground.
  let n = 0;
  const depth = top - bottom;
  let reached = 0.15 * rng.fraction();
  const crown = (): void => {
    heights[n] = top - reached * depth;
    labels[n++] = classes.high;
    reached += 0.2 + 0.4 * rng.fraction();
  };
  crown();
  if (rng.chance(share.second) && reached < 1) crown();
  if (n === 2 && rng.chance(share.third) && reached < 1) crown();
  if (rng.chance(share.throughCrown)) {
    heights[n] = ground + rough;
    labels[n++] = classes.ground;
  }
  return n;
}

const bright = Uint16Array.from({ length: 16 }, () => 20000);
bright[classes.low] = 24000;
bright[classes.high] = 14000;
bright[classes.building] = 34000;
bright[classes.water] = 4000;
const brightness = (label: number, r: number): number => bright[label]! + (((r >>> 19) - 4096) >> 1);
