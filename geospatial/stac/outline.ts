/** Outlines on the Earth as GeoJSON has them: bent where sides are, cut at the antimeridian, closed over a pole. Source: RFC 7946, 3.1.6, 3.1.9, 5.2 and 5.3. */
import type { Json } from '../../core/json.ts';

/** x and y, or longitude and latitude in degrees. */
export type Place = readonly [number, number];

/** `bbox`: west, south, east, north; west is greater than east where the antimeridian lies between. */
export type Outline = {
  readonly geometry: Json;
  readonly bbox: readonly [number, number, number, number];
};

// Points along a side: parallels and meridians bend.
const steps = 16;
// Degrees, a metre or so: a side whose points are that near to the line between its ends is straight.
const near = 1e-5;

/**
 * The outline of a four-sided place, its corners in turn, whichever way round. `way` leads from the place's coordinates to longitude and
 * latitude; longitudes may come beyond 180 degrees.
 * @returns undefined where a point of it is nowhere on the Earth
 */
export function outlineOf(
  corners: readonly Place[],
  way: (x: number, y: number) => Place,
): Outline | undefined {
  const ring: Place[] = [];
  const bent: Place[] = [];
  for (const [i, [x, y]] of corners.entries()) {
    const [nextX, nextY] = corners[(i + 1) % corners.length]!;
    for (let k = 0; k < steps; k++) {
      const [lon, lat] = way(x + ((nextX - x) * k) / steps, y + ((nextY - y) * k) / steps);
      if (!(Math.abs(lon) <= 540 && Math.abs(lat) <= 90)) return undefined;
      // The shorter way from the point before.
      const before = ring.at(-1)?.[0] ?? lon;
      ring.push([lon - turns(lon - before), lat]);
    }
  }
  const [first, last] = [ring[0]!, ring.at(-1)!];
  const around = -turns(first[0] - last[0]);
  const closed: Place[] = [...ring, [first[0] + around, first[1]]];
  for (let side = 0; side < corners.length; side++) {
    const points = closed.slice(side * steps, (side + 1) * steps + 1);
    const isBent = points.some((point) => distance(point, points[0]!, points[steps]!) > near);
    bent.push(...(isBent ? points.slice(0, -1) : points.slice(0, 1)));
  }
  const pole = first[1] < 0 ? -90 : 90;
  // It goes once around the Earth: what it holds reaches up to the pole.
  if (around !== 0) bent.push(closed.at(-1)!, [first[0] + around, pole], [first[0], pole]);
  const parts = cutAtAntimeridian(area(bent) < 0 ? bent.toReversed() : bent);
  const rings = parts.map((part) => [[...part, part[0]!].map(([lon, lat]) => [rounded(lon), rounded(lat)])]);
  const lons = (around === 0 ? ring : bent).map(([lon]) => lon);
  const lats = (around === 0 ? ring : [...ring, [0, pole] as const]).map(([, lat]) => lat);
  return {
    geometry:
      rings.length === 1
        ? { type: 'Polygon', coordinates: rings[0]! }
        : { type: 'MultiPolygon', coordinates: rings },
    bbox: boxOf(Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)),
  };
}

/** Whole turns, in degrees, that are nearest to an angle. */
const turns = (degrees: number): number => 360 * Math.round(degrees / 360) || 0;

// A tenth of a millimetre: digits behind depend on the machine.
const rounded = (degrees: number): number => Math.round(degrees * 1e9) / 1e9;

/** How far a point is from the line through two others. */
function distance([x, y]: Place, [fromX, fromY]: Place, [toX, toY]: Place): number {
  const [dx, dy] = [toX - fromX, toY - fromY];
  const length = Math.hypot(dx, dy);
  if (length === 0) return Math.hypot(x - fromX, y - fromY);
  return Math.abs((x - fromX) * dy - (y - fromY) * dx) / length;
}

/** Twice the area of a ring, positive where it goes counterclockwise. */
function area(ring: readonly Place[]): number {
  return ring.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = ring[(i + 1) % ring.length]!;
    return sum + x * nextY - nextX * y;
  }, 0);
}

/** The parts of a ring between -180 and 180 degrees, between 180 and 540, ..., each brought to where longitudes lie. */
function cutAtAntimeridian(ring: readonly Place[]): Place[][] {
  const lons = ring.map(([lon]) => lon);
  const first = Math.floor((Math.min(...lons) + 180) / 360);
  const last = Math.ceil((Math.max(...lons) - 180) / 360);
  const parts: Place[][] = [];
  for (let turn = first; turn <= last; turn++) {
    const shifted = ring.map(([lon, lat]): Place => [lon - 360 * turn, lat]);
    const part = cut(cut(shifted, -1), 1);
    if (part.length > 2 && area(part) > 0) parts.push(part);
  }
  // A line or a point has no area to be cut.
  return parts.length > 0 ? parts : [ring.map(([lon, lat]): Place => [lon - turns(lon), lat])];
}

/** What of a ring lies west of 180 degrees, or east of -180 (Sutherland and Hodgman 1974). */
function cut(ring: readonly Place[], side: 1 | -1): Place[] {
  const inside = ([lon]: Place): boolean => lon * side <= 180;
  return ring.flatMap((to, i): Place[] => {
    const from = ring[(i + ring.length - 1) % ring.length]!;
    if (inside(from) === inside(to)) return inside(to) ? [to] : [];
    const share = (side * 180 - from[0]) / (to[0] - from[0]);
    const edge: Place = [side * 180, from[1] + share * (to[1] - from[1])];
    return inside(to) ? [edge, to] : [edge];
  });
}

function boxOf(west: number, south: number, east: number, north: number): [number, number, number, number] {
  const [low, high] = [rounded(south), rounded(north)];
  if (east - west >= 360) return [-180, low, 180, high];
  const start = west - 360 * Math.floor((west + 180) / 360);
  const end = start + east - west;
  return [rounded(start), low, rounded(end > 180 ? end - 360 : end), high];
}
