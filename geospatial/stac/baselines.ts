/**
 * The shift of Sentinel-2's processing baseline 04.00: from 25 January 2022 on cells hold 1,000 more, so that reflectances below 0 can be held, and the
 * archive is made anew with it. Source: Sentinel-2 products specification, `BOA_ADD_OFFSET` and `RADIO_ADD_OFFSET`.
 */
import type { Scene } from './scenes.ts';

const first = Date.parse('2022-01-25T00:00:00Z');

/** How cells of a scene are to be read: without a shift, with one that offsets take out, or with one that nothing takes out; undefined of other satellites. */
function shiftOf(scene: Scene): 'none' | 'told' | 'untold' | undefined {
  const { platform = '', baseline, isShiftApplied } = scene.properties;
  if (!/^sentinel-?2/i.test(platform) && !/^S2[A-D]_/.test(scene.id)) return undefined;
  if (isShiftApplied === true) return 'none';
  const number = baseline === undefined ? NaN : Number.parseFloat(baseline);
  // All that was sensed since then was made so; what was before may be made anew, which its baseline tells.
  const isNew = Number.isNaN(number) ? Date.parse(scene.datetime ?? '') >= first : number >= 4;
  if (!isNew) return 'none';
  return Object.values(scene.assets).some(({ offset = 0 }) => offset < 0) ? 'told' : 'untold';
}

/** Why the scenes cannot be computed with together: some hold Sentinel-2's shift, which no offset takes out, and others do not; undefined where they can. */
export function mixesBaselines(scenes: readonly Scene[]): string | undefined {
  const shifts = scenes.map(shiftOf);
  const untold = shifts.indexOf('untold');
  const others = shifts.findIndex((shift) => shift === 'none' || shift === 'told');
  if (untold < 0 || others < 0) return undefined;
  const count = shifts.filter((shift) => shift === 'untold').length;
  return (
    `Sentinel-2 baselines are mixed: cells of ${scenes[untold]!.id} (${count} such) hold 1,000 more than those of ${scenes[others]!.id}, ` +
    `and no offset tells; give scenes of one baseline, or a catalogue with raster:offset`
  );
}
