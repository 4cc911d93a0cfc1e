/**
 * Adaptive models of LASzip's arithmetic coder, as blocks of memory. Source: Said 2004, "FastAC"; LASzip's format as laz-perf and laz-rs read it.
 *
 * A model of symbols is known by the address m of its head:
 *   m - 2 - 2t  u16  table: byte offset of a lower bound of the symbol in bucket t = (value / unit) >> shift
 *   m           u32  symbols until the next update, the length of the update's cycle, all counts, number of symbols,
 *               u32  shift, offset from distribution to counts, offset of the likeliest symbol at the last update
 *   m + 32      u16  distribution, cumulative in 2^15, then at least eight of 0xffff that end a search
 *               u16  counts
 * A model of a bit: u32 bits until the next update, cycle, probability of a 0 in 2^13, zeros, all.
 * The table is two to four times finer than LASzip's own, which makes searches short: 719 to 654 ms for 6 million places.
 */
import { HEAD } from './layout.ts';

@inline function tableBits(symbols: u32): u32 { return 33 - clz<u32>(symbols - 1); }
@inline function tableBytes(symbols: u32): usize { return (2 * ((1 << tableBits(symbols)) + 2) + 15) & ~15; }
@inline function distributionBytes(symbols: u32): usize { return (2 * (symbols + 8) + 15) & ~15; }

/** Bytes of a model and of its table. */
export function modelBytes(symbols: u32): usize {
  return tableBytes(symbols) + HEAD + distributionBytes(symbols) + ((2 * symbols + 15) & ~15);
}

/** Bytes from a model's first one to its head. */
export function modelLead(symbols: u32): usize { return tableBytes(symbols); }

/** Lays a model that has seen nothing at `base`; gives its head. */
export function startModel(base: usize, symbols: u32): usize {
  const m = base + modelLead(symbols);
  memory.fill(base, 0, modelBytes(symbols));
  store<u32>(m, symbols, 4);
  store<u32>(m, symbols, 12);
  store<u32>(m, 15 - tableBits(symbols), 16);
  store<u32>(m, <u32>distributionBytes(symbols), 20);
  const counts = m + HEAD + distributionBytes(symbols);
  for (let i: u32 = 0; i < symbols; i++) store<u16>(counts + 2 * i, 1);
  for (let i: u32 = symbols; i < <u32>(distributionBytes(symbols) >> 1); i++) store<u16>(m + HEAD + 2 * i, 0xffff);
  update(m);
  const cycle = (symbols + 6) >> 1;
  store<u32>(m, cycle);
  store<u32>(m, cycle, 4);
  return m;
}

/** Makes distribution and table from the counts. */
export function update(m: usize): void {
  const symbols = load<u32>(m, 12);
  const shift = load<u32>(m, 16);
  let cycle = load<u32>(m, 4);
  let total = load<u32>(m, 8) + cycle;
  const distribution = m + HEAD;
  const counts = distribution + load<u32>(m, 20);
  const end = distribution + 2 * symbols;
  if (total > 32768) {
    total = 0;
    for (let p = counts, e = counts + 2 * symbols; p < e; p += 2) {
      const half = (<u32>load<u16>(p) + 1) >> 1;
      store<u16>(p, half);
      total += half;
    }
  }
  const scale: u32 = <u32>0x80000000 / total;
  let sum: u32 = 0;
  let bucket: u32 = 0;
  let most: u32 = 0;
  let likeliest = distribution;
  let table = m - 2;
  for (let p = distribution, q = counts; p < end; p += 2, q += 2) {
    const start = (scale * sum) >> 16;
    store<u16>(p, start);
    const count: u32 = load<u16>(q);
    sum += count;
    if (count > most) {
      most = count;
      likeliest = p;
    }
    const reached = start >> shift;
    while (bucket < reached) {
      bucket++;
      table -= 2;
      store<u16>(table, <u32>(p - distribution) - 2);
    }
  }
  store<u16>(m - 2, 0);
  const buckets: u32 = 1 << (15 - shift);
  while (bucket <= buckets) {
    bucket++;
    table -= 2;
    store<u16>(table, 2 * (symbols - 1));
  }
  cycle = min((5 * cycle) >> 2, (symbols + 6) << 3);
  store<u32>(m, <u32>(likeliest - distribution), 24);
  store<u32>(m, total, 8);
  store<u32>(m, cycle, 4);
  store<u32>(m, cycle);
}

/** Lays a model of a bit, 20 bytes. */
export function startBit(b: usize): void {
  store<u32>(b, 4);
  store<u32>(b, 4, 4);
  store<u32>(b, 4096, 8);
  store<u32>(b, 1, 12);
  store<u32>(b, 2, 16);
}

export function updateBit(b: usize): void {
  let cycle = load<u32>(b, 4);
  let all = load<u32>(b, 16) + cycle;
  let zeros = load<u32>(b, 12);
  if (all > 8192) {
    all = (all + 1) >> 1;
    zeros = (zeros + 1) >> 1;
    if (zeros == all) all++;
  }
  store<u32>(b, (zeros * (<u32>0x80000000 / all)) >> 18, 8);
  cycle = min((5 * cycle) >> 2, 64);
  store<u32>(b, cycle);
  store<u32>(b, cycle, 4);
  store<u32>(b, zeros, 12);
  store<u32>(b, all, 16);
}
