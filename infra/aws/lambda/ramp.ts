/** How fast a function may grow: the environments that Lambda starts for it. */

/** Environments at once, and how many more each second: 1,000 every 10 s (Lambda developer guide, function scaling). */
const [burst, perSecond] = [1000, 100];

/** Calls that may be in flight now, `most` in the end; the clock starts when it is first looked at after `begin`. */
export function ramp(most: number, now: () => number = () => performance.now()) {
  let began: number | undefined;
  return {
    begin(): void {
      began ??= now();
    },
    get limit(): number {
      const elapsed = began === undefined ? 0 : (now() - began) / 1000;
      return Math.min(most, Math.floor(burst + perSecond * elapsed));
    },
  };
}
