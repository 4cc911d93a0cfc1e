/** Seeded random numbers in named streams: the same on every machine, since only 32-bit integers and exact arithmetic enter. */

/** One stream of random numbers; independent of every other stream of its seed. */
export type Random = {
  /** Uniform in [0, 2^32). */
  next(): number;
  /** A whole number, uniform in [0, n). */
  below(n: number): number;
  /** Uniform in [0, 1), a multiple of 2^-32. */
  fraction(): number;
  /** True in a share `p` of the calls. */
  chance(p: number): boolean;
  /** Mean 0, standard deviation 1, within +-4.9: a sum of eight uniform numbers. */
  gaussian(): number;
  /** A whole number >= 0 with this mean, and about this variance: how many of many rare things happen. */
  count(mean: number): number;
  /** Fills `out[0, n)` as that many calls of `next` would. */
  fill(out: Uint32Array, n: number): void;
};

/** Mixes three 32-bit integers into one, evenly (the finaliser of MurmurHash3, chained). Gives [0, 2^32). */
export function mix(a: number, b: number, c: number): number {
  let h = Math.imul(a, 0xcc9e2d51) ^ Math.imul((b << 15) | (b >>> 17), 0x1b873593);
  h = scatter(h) ^ Math.imul(c, 0x9e3779b1);
  return scatter(h) >>> 0;
}

/** A bijection of the 32-bit integers that looks random. */
export function scatter(n: number): number {
  let h = n;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The stream of `seed` that `names` name, say `random(1, 'reads', 17)`. The generator is sfc32 (Doty-Humphrey, PractRand). */
export function random(seed: number, ...names: readonly (string | number)[]): Random {
  // Held in a typed array: captured numbers beyond 31 bits would be allocated anew at every step.
  const state = new Int32Array(4);
  state[0] = seed;
  state[1] = Math.floor(seed / 2 ** 32);
  for (const name of names) absorb(state, name);
  state[3] = 1;

  const next = (): number => {
    const a = state[0]!;
    const b = state[1]!;
    const c = state[2]!;
    const t = (a + b + state[3]!) | 0;
    state[3] = (state[3]! + 1) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = (c + (c << 3)) | 0;
    state[2] = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  const fraction = (): number => next() / 2 ** 32;
  const gaussian = (): number => {
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      const r = next();
      sum += (r >>> 16) + (r & 0xffff);
    }
    // Eight halves of mean 65535 / 2 and variance (2^32 - 1) / 12 each.
    return (sum - 4 * 65535) / 53509.1;
  };
  for (let i = 0; i < 12; i++) next();
  return {
    next,
    below: (n) => Math.floor(fraction() * n),
    fraction,
    chance: (p) => fraction() < p,
    gaussian,
    count: (mean) => {
      if (mean >= 16) return Math.max(0, Math.round(mean + Math.sqrt(mean) * gaussian()));
      let n = 0;
      for (let i = 0; i < 64; i++) if (fraction() < mean / 64) n++;
      return n;
    },
    fill: (out, n) => {
      let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
      for (let i = 0; i < n; i++) {
        const t = (a + b + d) | 0;
        d = (d + 1) | 0;
        a = b ^ (b >>> 9);
        b = (c + (c << 3)) | 0;
        c = (((c << 21) | (c >>> 11)) + t) | 0;
        out[i] = t;
      }
      state[0] = a;
      state[1] = b;
      state[2] = c;
      state[3] = d;
    },
  };
}

function absorb(state: Int32Array, name: string | number): void {
  const text = `${typeof name} ${name}`;
  for (let i = 0; i < text.length; i++) {
    state[0] = mix(state[0]!, text.charCodeAt(i), 0);
    state[1] = mix(state[1]!, state[0]!, 1);
    state[2] = mix(state[2]!, state[1]!, i);
  }
}
