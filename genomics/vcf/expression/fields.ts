/** What names in expressions stand for: columns, keys of INFO and FORMAT, and what is counted of genotypes. */
import { BadUsage } from '../../../core/errors.ts';
import { roomFor } from '../../../core/room.ts';
import type { Field, VcfHeader } from '../../formats/vcfheader.ts';
import { column, textOf } from '../../kernels/vcfline.ts';
import { integersOf } from '../../kernels/vcfvalues.ts';
import { columnText, type RecordView, readNumbers } from '../recordview.ts';
import { type Places, samplesAndValues, valuesOf } from './subscript.ts';
import { createNumbers, createWords, type Numbers, resize, type Value, type Words } from './value.ts';

/** Gives the value of the record at hand; valid until the next one. What kind of value that is, `blank` shows. */
export type Source<V extends Value = Value> = { readonly blank: V; readonly get: () => V };
const sourceOf = <V extends Value>(blank: V, get: () => V): Source<V> => ({ blank, get });

export type Context = { readonly header: VcfHeader; readonly view: RecordView };

/** Missing alleles of VCF's GT, and of the alleles how often each was called. */
type Genotypes = { readonly counts: Float64Array; missing: number };

/** Alleles of a record, at most, as in BCF. */
const maxAlleles = 65536;
const [bar, slash, dot] = [0x7c, 0x2f, 0x2e];

/** `FORMAT/DP` and the like: where a name is looked for, and its key. */
function splitName(name: string): {
  readonly in: 'info' | 'format' | undefined;
  readonly key: string;
} {
  const match = /^(INFO|FORMAT|FMT)\/(.*)$/i.exec(name);
  if (!match) return { in: undefined, key: name };
  return { in: match[1]!.toUpperCase() === 'INFO' ? 'info' : 'format', key: match[2]! };
}

/** Where a name without a prefix belongs. @throws BadUsage where it could be both */
export function placeOf(
  name: string,
  { header }: Context,
): { readonly in: 'info' | 'format' | undefined; readonly key: string } {
  const split = splitName(name);
  if (split.in) return split;
  const [isInfo, isFormat] = [header.info.has(split.key), header.format.has(split.key)];
  if (isInfo && isFormat)
    throw new BadUsage(
      `expression: ${name} is both INFO/${name} and FORMAT/${name} in the header, expected one of these`,
    );
  return { in: isInfo ? 'info' : isFormat ? 'format' : undefined, key: split.key };
}

/** The values of a key of INFO. */
export function infoSource(key: string, subscript: string | undefined, { header, view }: Context): Source {
  const field = header.info.get(key);
  if (!field) throw new BadUsage(`expression: the header defines no INFO/${key}, expected one of its keys`);
  const at = view.needInfo(key);
  const isMeant = valuesOf(subscript);
  if (field.type === 'Flag') {
    const out = createNumbers(false);
    return sourceOf(out, () => {
      resize(out, 1, 1);
      out.data[0] = view.info(at) ? 1 : 0;
      return out;
    });
  }
  if (field.type === 'Integer' || field.type === 'Float') return numbersOfInfo(field, at, isMeant, view);
  const out = createWords(false);
  return sourceOf(out, () => {
    const bounds = view.info(at);
    const text = bounds ? textOf(view.line().bytes, ...bounds) : '';
    out.texts[0] =
      subscript === undefined || field.number === '1'
        ? text
        : text
            .split(',')
            .filter((_, i) => isMeant(i))
            .join(',');
    out.count = out.texts[0] === '' ? 0 : 1;
    return out;
  });
}

function numbersOfInfo(field: Field, at: number, isMeant: Places, view: RecordView): Source<Numbers> {
  const out = createNumbers(false);
  const isOne = field.number === '1';
  return sourceOf(out, () => {
    const bounds = view.info(at);
    let count = 0;
    out.count = 0;
    if (bounds && bounds[1] > bounds[0])
      readNumbers(view.line().bytes, ...bounds, field.type, (value, i) => {
        if (!isMeant(i) || (isOne && i > 0)) return;
        out.data = roomFor(out.data, count + 1);
        out.data[count++] = value;
      });
    // One value that is missing is as good as none.
    out.count = isOne && count === 1 && Number.isNaN(out.data[0]!) ? 0 : count;
    return out;
  });
}

/** The values of a key of FORMAT, of each sample as many as the one that has most. */
export function formatSource(key: string, subscript: string | undefined, { header, view }: Context): Source {
  const field = header.format.get(key);
  if (!field) throw new BadUsage(`expression: the header defines no FORMAT/${key}, expected one of its keys`);
  const samples = header.samples.length;
  const at = view.needFormat(key);
  const { mask, values } = samplesAndValues(subscript, samples);
  if (key === 'GT' || (field.type !== 'Integer' && field.type !== 'Float')) {
    const out = createWords(true, mask);
    return sourceOf(out, () => {
      out.count = view.hasFormat(at) ? 1 : 0;
      if (out.count === 0) return out;
      for (let i = 0; i < samples; i++) {
        const text = textOf(view.line().bytes, ...view.format(at, i)) || '.';
        out.texts[i] =
          subscript === undefined || key === 'GT'
            ? text
            : text
                .split(',')
                .filter((_, k) => values(k))
                .join(',') || '.';
      }
      return out;
    });
  }
  const out = createNumbers(true, mask);
  const isOne = field.number === '1' && subscript === undefined;
  return sourceOf(out, () => {
    out.count = 0;
    if (!view.hasFormat(at)) return out;
    const { bytes } = view.line();
    let width = 1;
    for (let i = 0; i < samples; i++) {
      let found = 0;
      readNumbers(bytes, ...view.format(at, i), field.type, (_value, k) => {
        if (values(k) && !(isOne && k > 0)) found++;
      });
      if (found > width) width = found;
    }
    resize(out, width * samples, width);
    out.data.fill(NaN, 0, width * samples);
    for (let i = 0; i < samples; i++) {
      let next = i * width;
      readNumbers(bytes, ...view.format(at, i), field.type, (value, k) => {
        if (values(k) && !(isOne && k > 0)) out.data[next++] = value;
      });
    }
    return out;
  });
}

/** Columns, by name in any case; undefined for other names. */
export function columnSource(
  name: string,
  subscript: string | undefined,
  context: Context,
): Source | undefined {
  const { header, view } = context;
  const one = (read: () => number): Source => {
    const out = createNumbers(false);
    return sourceOf(out, () => {
      resize(out, 1, 1);
      out.data[0] = read();
      return out;
    });
  };
  const words = (read: () => string): Source<Words> => {
    const out = createWords(false);
    return sourceOf(out, () => {
      out.texts[0] = read();
      out.count = 1;
      return out;
    });
  };
  switch (name.toUpperCase()) {
    case 'QUAL':
      return one(() => {
        const text = columnText(view.line(), column.qual);
        return text === '.' ? NaN : Math.fround(Number(text));
      });
    case 'POS':
      return one(() => view.line().pos);
    case 'CHROM':
      return words(() => columnText(view.line(), column.chrom));
    case 'REF':
      return words(() => columnText(view.line(), column.ref));
    case 'ALT': {
      const isMeant = valuesOf(subscript);
      return words(() => {
        const text = columnText(view.line(), column.alt);
        return subscript === undefined
          ? text
          : text
              .split(',')
              .filter((_, i) => isMeant(i))
              .join(',') || '.';
      });
    }
    case 'N_ALT':
      return one(() => view.line().altCount);
    case 'N_SAMPLES':
      return one(() => header.samples.length);
    case 'ILEN': {
      const out = createNumbers(false);
      return sourceOf(out, () => {
        const { at, alts, altCount } = view.line();
        const reference = at[column.ref + 1]! - 1 - at[column.ref]!;
        resize(out, altCount, 1);
        for (let k = 0; k < altCount; k++) {
          const growth = alts[2 * k + 1]! - alts[2 * k]! - reference;
          out.data[k] = growth === 0 ? NaN : growth;
        }
        return out;
      });
    }
    default:
      return countedSource(name, subscript, context);
  }
}

/** AC, AN, AF, MAC, MAF, N_MISSING and F_MISSING, of genotypes or of AC and AN in INFO. */
function countedSource(
  name: string,
  subscript: string | undefined,
  { header, view }: Context,
): Source | undefined {
  const which = name.toUpperCase();
  if (!['AC', 'AN', 'AF', 'MAC', 'MAF', 'N_MISSING', 'F_MISSING'].includes(which)) return undefined;
  const gt = view.needFormat('GT');
  const isTold = header.info.has('AC') && header.info.has('AN');
  const [ac, an] = isTold ? [view.needInfo('AC'), view.needInfo('AN')] : [-1, -1];
  // Without brackets the first alternate allele is meant, as in bcftools.
  const isMeant = valuesOf(subscript ?? '0');
  const genotypes: Genotypes = { counts: new Float64Array(maxAlleles), missing: 0 };
  const out = createNumbers(false);
  const none = (): Numbers => {
    out.count = 0;
    return out;
  };
  /** Copies of each allele, undefined where they are not known. */
  const counts = (): Float64Array | undefined => {
    const { bytes, altCount } = view.line();
    const [a, n] = isTold ? [view.info(ac), view.info(an)] : [undefined, undefined];
    if (a && n) {
      if (integersOf(bytes, ...a, genotypes.counts.subarray(1)) !== altCount) return undefined;
      const total = new Float64Array(1);
      integersOf(bytes, ...n, total);
      let sum = 0;
      for (let i = 1; i <= altCount; i++) sum += genotypes.counts[i]!;
      genotypes.counts[0] = total[0]! - sum;
      return genotypes.counts;
    }
    if (!view.hasFormat(gt)) return undefined;
    readGenotypes(view, gt, header.samples.length, genotypes);
    return genotypes.counts;
  };
  return sourceOf(out, () => {
    const { altCount } = view.line();
    if (which.endsWith('_MISSING')) {
      const { length } = header.samples;
      if (length > 0 && !view.hasFormat(gt)) return none();
      readGenotypes(view, gt, length, genotypes);
      resize(out, 1, 1);
      out.data[0] = which.startsWith('N') || length === 0 ? genotypes.missing : genotypes.missing / length;
      return out;
    }
    const found = counts();
    let total = 0;
    for (let i = 0; found && i <= altCount; i++) total += found[i]!;
    if (which === 'AN') {
      resize(out, 1, 1);
      out.data[0] = total;
      return out;
    }
    if (!found || total === 0) return none();
    let count = 0;
    resize(out, Math.max(1, altCount), 1);
    for (let i = 1; i <= altCount; i++) {
      if (!isMeant(i - 1)) continue;
      const copies = found[i]!;
      const share = copies / total;
      out.data[count++] =
        which === 'AC'
          ? copies
          : which === 'AF'
            ? share
            : which === 'MAC'
              ? Math.min(copies, total - copies)
              : share > 0.5
                ? 1 - share
                : share;
    }
    if (count === 0) out.data[count++] = 0;
    out.count = count;
    return out;
  });
}

/** Counts alleles, and genotypes with a missing allele. */
function readGenotypes(view: RecordView, gt: number, samples: number, out: Genotypes): void {
  const { bytes, altCount } = view.line();
  out.missing = 0;
  out.counts.fill(0, 0, altCount + 1);
  for (let i = 0; i < samples; i++) {
    const [from, to] = view.format(gt, i);
    let isMissing = from === to;
    let allele = -1;
    for (let at = from; at <= to; at++) {
      const c = at < to ? bytes[at]! : bar;
      if (c >= 48 && c <= 57) allele = 10 * Math.max(0, allele) + c - 48;
      else {
        if (allele >= 0 && allele <= altCount && allele < out.counts.length) out.counts[allele]!++;
        allele = -1;
        // As in bcftools, `|.` does not count.
        if (c === dot && (at === from || bytes[at - 1] === slash)) isMissing = true;
      }
    }
    if (isMissing) out.missing++;
  }
}

/** What GT is compared with, as a word for each sample: of its own spelling, or of one of three kinds. */
export function genotypeWords(
  kind: 'zygosity' | 'presence' | 'pair',
  subscript: string | undefined,
  { header, view }: Context,
): Source<Words> {
  const samples = header.samples.length;
  const at = view.needFormat('GT');
  const out = createWords(true, samplesAndValues(subscript, samples).mask);
  return sourceOf(out, () => {
    out.count = view.hasFormat(at) ? 1 : 0;
    if (out.count > 0)
      for (let i = 0; i < samples; i++) out.texts[i] = wordOf(kind, view.line().bytes, ...view.format(at, i));
    return out;
  });
}

function wordOf(kind: 'zygosity' | 'presence' | 'pair', bytes: Uint8Array, from: number, to: number): string {
  let [count, last, allele] = [0, -1, -1];
  let [isHet, hasRef, isMissing] = [false, false, from === to];
  for (let at = from; at <= to && !isMissing; at++) {
    const c = at < to ? bytes[at]! : bar;
    if (c >= 48 && c <= 57) allele = 10 * Math.max(0, allele) + c - 48;
    else if (c === dot) isMissing = true;
    else if (allele >= 0) {
      if (allele === 0) hasRef = true;
      if (count > 0 && allele !== last) isHet = true;
      last = allele;
      count++;
      allele = -1;
    }
  }
  if (isMissing || count === 0) return kind === 'presence' ? 'mis' : '.';
  if (kind === 'presence') return hasRef && !isHet ? 'ref' : 'alt';
  if (kind === 'zygosity') return count === 1 ? 'hap' : isHet ? 'het' : 'hom';
  if (count === 1) return hasRef ? 'r' : 'a';
  if (!isHet) return hasRef ? 'rr' : 'aa';
  return hasRef ? 'ra' : 'aA';
}
