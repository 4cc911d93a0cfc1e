/** Amounts as people write and read them. */
import { BadUsage } from '../core/errors.ts';

const factors: { readonly [unit: string]: number } = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** `64MiB`, `16M`, `1.5GB`, `500k`, `1000`: decimal or binary multiples, with or without a B. @throws BadUsage */
export function parseQuantity(text: string, name: string): number {
  const [, number, unit] = /^([0-9.]+)\s*([kmgt]i?)?b?$/i.exec(text.trim()) ?? [];
  const value = Number(number) * factors[(unit ?? '').toLowerCase()]!;
  if (!(value > 0) || !Number.isFinite(value))
    throw new BadUsage(`--${name}: found ${text}, expected an amount like 64MiB, 16M or 500k`);
  return value;
}

/** `1.2 GB`, `340 kB`: three figures, decimal. */
export function bytes(n: number): string {
  const unit = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  for (; n >= 999.5 && at < unit.length - 1; at++) n /= 1000;
  return `${at === 0 ? Math.round(n) : figures(n)} ${unit[at]}`;
}

/** `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function seconds(s: number): string {
  if (s < 9.95) return `${s.toFixed(s < 0.995 ? 2 : 1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const [minutes, rest] = [Math.floor(Math.round(s) / 60), Math.round(s) % 60];
  if (minutes < 60) return `${minutes} min${rest ? ` ${rest} s` : ''}`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `$0`, `$0.00042`, `$1.25`, `$310`: two figures below a dollar, cents below a hundred. */
export function dollars(n: number): string {
  if (n === 0) return '$0';
  if (n < 0.995) return `$${n.toFixed(Math.min(8, Math.max(2, 1 - Math.floor(Math.log10(n)))))}`;
  return `$${n < 99.5 ? n.toFixed(2) : count(Math.round(n))}`;
}

/** `1,234,567`. */
export const count = (n: number): string => n.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');

const figures = (n: number): string => (n < 9.995 ? n.toFixed(2) : n < 99.95 ? n.toFixed(1) : n.toFixed(0));
