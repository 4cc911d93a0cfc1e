/** Which running tasks deserve a second copy: the rule of Cubed, capped in extra work. */

const fewest = 10;
const slower = 3;
const extra = 0.1;

/** Follows the durations of finished tasks and picks stragglers. Times are in milliseconds of one clock. */
export type Stragglers = {
  /** A task of a plan took `wall` ms. */
  finished(wall: number): void;
  /** Is a task that began `wall` ms ago due for a duplicate? At least 10 tasks, half of them done, over 3 medians, at most 10 % extra. */
  isLate(wall: number): boolean;
  started(): void;
};

export function stragglers(tasks: number): Stragglers {
  const walls: number[] = [];
  let sorted = 0;
  let median = 0;
  let copies = 0;
  return {
    finished(wall) {
      walls.push(wall);
    },
    isLate(wall) {
      if (tasks < fewest || walls.length < tasks / 2 || copies + 1 > tasks * extra) return false;
      // Sorting again after each tenth more is near enough to the true median.
      if (walls.length > sorted * 1.1) {
        const copy = Float64Array.from(walls).sort();
        median = copy[copy.length >> 1]!;
        sorted = walls.length;
      }
      return wall > slower * median;
    },
    started() {
      copies++;
    },
  };
}
