/** From the first to the last of scenes: days, clouds, bounds. */
import type { Scene } from './scenes.ts';

/** Each absent where no scene tells. `dates`: days in UTC; `bbox` goes around the Earth where a scene crosses the antimeridian. */
export type Spans = {
  readonly dates?: readonly [first: string, last: string];
  /** Per cent. */
  readonly clouds?: readonly [least: number, most: number];
  readonly bbox?: readonly [number, number, number, number];
};

export function spansOf(scenes: readonly Scene[]): Spans {
  let [first, last] = [Infinity, -Infinity];
  let [least, most] = [Infinity, -Infinity];
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { datetime, interval, cloud, bbox } of scenes) {
    for (const time of datetime === undefined ? (interval ?? []) : [datetime]) {
      [first, last] = [Math.min(first, Date.parse(time)), Math.max(last, Date.parse(time))];
    }
    if (cloud !== undefined) [least, most] = [Math.min(least, cloud), Math.max(most, cloud)];
    if (!bbox) continue;
    const [left, right] = bbox[0] <= bbox[2] ? [bbox[0], bbox[2]] : [-180, 180];
    [west, south] = [Math.min(west, left), Math.min(south, bbox[1])];
    [east, north] = [Math.max(east, right), Math.max(north, bbox[3])];
  }
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  return {
    ...(first <= last ? { dates: [day(first), day(last)] } : {}),
    ...(least <= most ? { clouds: [least, most] } : {}),
    ...(west <= east ? { bbox: [west, south, east, north] } : {}),
  };
}
