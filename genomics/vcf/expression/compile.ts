/** Expressions made ready: a tree becomes a function that says whether the record at hand, and which of its samples, pass. */
import { BadUsage } from '../../../core/errors.ts';
import { kind as kinds } from '../../kernels/alleles.ts';
import { column } from '../../kernels/vcfline.ts';
import { columnText } from '../recordview.ts';
import { compareNumbers, compareWords, joinAnd, joinOr } from './compare.ts';
import {
  columnSource,
  type Context,
  formatSource,
  genotypeWords,
  infoSource,
  placeOf,
  type Source,
} from './fields.ts';
import {
  absolute,
  arithmetic,
  countValues,
  lengths,
  reduceAll,
  reduceEach,
  reductionOf,
} from './functions.ts';
import { type Operator, parseExpression, patternOf, type Tree } from './parse.ts';
import { createNumbers, createWords, type Numbers, resize, type Verdict, type Words } from './value.ts';

/** A part of an expression: numbers, words, or a verdict; which it is never changes. */
type Part =
  | {
      readonly is: 'numbers';
      readonly perSample: boolean;
      readonly mask?: Uint8Array | undefined;
      readonly get: () => Numbers;
    }
  | { readonly is: 'words'; readonly perSample: boolean; readonly get: () => Words }
  | { readonly is: 'verdict'; readonly perSample: boolean; readonly get: () => Verdict };

export type Expression = {
  /** Of the record that the view was turned to; valid until the next one. */
  readonly test: () => Verdict;
  /** Whether it says something of samples. */
  readonly perSample: boolean;
};

const comparisons = new Set<Operator>(['==', '!=', '<', '<=', '>', '>=', '~', '!~']);
const fail = (found: string, expected: string): BadUsage =>
  new BadUsage(`expression: found ${found}, expected ${expected}`);

/** @throws BadUsage for text that is no expression, or names what the header does not have */
export function compileExpression(text: string, context: Context): Expression {
  // Lines are read byte by byte, and so is what they are compared with.
  const part = build(parseExpression(Buffer.from(text).toString('latin1')), context);
  if (part.is !== 'verdict') throw fail(JSON.stringify(text), 'a comparison, such as QUAL>20');
  return { test: part.get, perSample: part.perSample };
}

function build(tree: Tree, context: Context): Part {
  switch (tree.is) {
    case 'number': {
      const out = createNumbers(false);
      resize(out, 1, 1);
      out.data[0] = tree.value;
      return { is: 'numbers', perSample: false, get: () => out };
    }
    case 'text': {
      const out = createWords(false);
      out.texts[0] = tree.value;
      out.count = tree.value === '' ? 0 : 1;
      return { is: 'words', perSample: false, get: () => out };
    }
    case 'name':
      return nameOf(tree.name, tree.subscript, context);
    case 'call':
      return callOf(tree.name, tree.of, context);
    case 'binary':
      return binaryOf(tree, context);
  }
}

function nameOf(name: string, subscript: string | undefined, context: Context): Part {
  const place = placeOf(name, context);
  const isColumn = /^(QUAL|POS|CHROM|REF|ALT|N_ALT|N_SAMPLES|ILEN|N_MISSING|F_MISSING)$/i.test(name);
  const source =
    (isColumn ? columnSource(name, subscript, context) : undefined) ??
    (place.in === 'info'
      ? infoSource(place.key, subscript, context)
      : place.in === 'format'
        ? formatSource(place.key, subscript, context)
        : columnSource(name, subscript, context));
  if (!source)
    throw fail(
      name,
      'a column, a key that the header defines, or one of N_ALT, N_SAMPLES, AC, AN, AF, MAC, MAF, ILEN, N_MISSING, F_MISSING',
    );
  return partOf(source);
}

const partOf = ({ blank, get }: Source): Part =>
  blank.is === 'words'
    ? { is: 'words', perSample: blank.perSample, get: get as () => Words }
    : { is: 'numbers', perSample: blank.perSample, mask: blank.mask, get: get as () => Numbers };

function callOf(name: string, of: Tree, context: Context): Part {
  const upper = name.toUpperCase();
  const inner = build(of, context);
  const out = createNumbers(false);
  const one = (read: () => number): Part => ({
    is: 'numbers',
    perSample: false,
    get() {
      resize(out, 1, 1);
      out.data[0] = read();
      return out;
    },
  });
  const passing = (verdict: Verdict): number => verdict.samples!.reduce((sum, passes) => sum + passes, 0);
  if (upper === 'N_PASS' || upper === 'F_PASS') {
    if (inner.is !== 'verdict' || !inner.perSample)
      throw fail(`${name}(...)`, 'a comparison of FORMAT in it');
    const { length } = context.header.samples;
    return one(() =>
      upper === 'N_PASS' ? passing(inner.get()) : length > 0 ? passing(inner.get()) / length : 0,
    );
  }
  if (upper === 'COUNT')
    return inner.is === 'verdict'
      ? one(() => (inner.perSample ? passing(inner.get()) : Number(inner.get().site)))
      : one(() => countValues(inner.get()));
  if (upper === 'STRLEN' && inner.is === 'words')
    return { is: 'numbers', perSample: false, get: () => lengths(inner.get(), out) };
  if (inner.is !== 'numbers') throw fail(`${name}(...)`, 'numbers in it, or another function');
  if (upper === 'ABS') {
    const each = createNumbers(inner.perSample, inner.mask);
    return { is: 'numbers', perSample: inner.perSample, get: () => absolute(inner.get(), each) };
  }
  const reduction = reductionOf(name);
  if (!reduction)
    throw fail(
      name,
      'MAX, MIN, AVG, MEAN, MEDIAN, STDEV, SUM, SMPL_MAX ..., ABS, STRLEN, COUNT, N_PASS or F_PASS',
    );
  const { reduce, isEach } = reduction;
  if (!isEach || !inner.perSample)
    return { is: 'numbers', perSample: false, get: () => reduceAll(inner.get(), reduce, out) };
  const each = createNumbers(true, inner.mask);
  return { is: 'numbers', perSample: true, get: () => reduceEach(inner.get(), reduce, each) };
}

function binaryOf({ operator, left, right }: Tree & { is: 'binary' }, context: Context): Part {
  if (comparisons.has(operator))
    return (
      specialOf(operator, left, right, context) ??
      specialOf(operator, right, left, context) ??
      comparisonOf(operator, left, right, context)
    );
  const [a, b] = [build(left, context), build(right, context)];
  if (operator.startsWith('&') || operator.startsWith('|')) {
    if (a.is !== 'verdict' || b.is !== 'verdict')
      throw fail(`a value beside ${operator}`, 'comparisons on both sides');
    const out = verdictFor(a.perSample || b.perSample, context);
    const join = operator.startsWith('&') ? joinAnd : joinOr;
    return {
      is: 'verdict',
      perSample: a.perSample || b.perSample,
      get() {
        join(a.get(), b.get(), operator.length === 2, out);
        return out;
      },
    };
  }
  if (a.is !== 'numbers' || b.is !== 'numbers')
    throw fail(`text beside ${operator}`, 'numbers on both sides');
  const out = createNumbers(a.perSample || b.perSample, a.mask ?? b.mask);
  return {
    is: 'numbers',
    perSample: out.perSample,
    get: () => arithmetic(a.get(), b.get(), operator, out),
  };
}

const verdictFor = (perSample: boolean, { header }: Context): Verdict => ({
  site: false,
  samples: perSample ? new Uint8Array(header.samples.length) : undefined,
});

function comparisonOf(operator: Operator, left: Tree, right: Tree, context: Context): Part {
  let [a, b] = [build(left, context), build(right, context)];
  const isPattern = operator === '~' || operator === '!~';
  // Beside numbers a point is one that is missing.
  const missing = createNumbers(false);
  resize(missing, 1, 1);
  missing.data[0] = NaN;
  const point: Part = { is: 'numbers', perSample: false, get: () => missing };
  if (!isPattern && a.is === 'numbers' && right.is === 'text' && right.value === '.') b = point;
  if (!isPattern && b.is === 'numbers' && left.is === 'text' && left.value === '.') a = point;
  if (a.is === 'verdict' || b.is === 'verdict')
    throw fail(`a comparison beside ${operator}`, 'values on both sides');
  const out = verdictFor(a.perSample || b.perSample, context);
  const verdict = (get: () => void): Part => ({
    is: 'verdict',
    perSample: out.samples !== undefined,
    get() {
      get();
      return out;
    },
  });
  if (a.is === 'numbers' && b.is === 'numbers') {
    if (isPattern) throw fail(`numbers beside ${operator}`, 'text and a pattern in quotes');
    const [x, y] = [a, b];
    return verdict(() => compareNumbers(x.get(), y.get(), operator, out));
  }
  if (a.is !== 'words' || b.is !== 'words')
    throw fail(`a number beside text at ${operator}`, 'two numbers, or text on both sides');
  if (!isPattern && operator !== '==' && operator !== '!=')
    throw fail(`text beside ${operator}`, '=, !=, ~ or !~');
  if (isPattern) {
    if (right.is !== 'text') throw fail(`no pattern behind ${operator}`, 'one in quotes');
    const [x, pattern] = [a, patternOf(right.value)];
    return verdict(() => compareWords(x.get(), pattern, operator, out));
  }
  // The side of samples goes first.
  const [x, y] = b.perSample ? [b, a] : [a, b];
  return verdict(() => compareWords(x.get(), y.get(), operator, out));
}

/** Comparisons of FILTER, ID, TYPE and GT with text, which have rules of their own. */
function specialOf(operator: Operator, name: Tree, other: Tree, context: Context): Part | undefined {
  if (name.is !== 'name' || other.is !== 'text') return undefined;
  const { view } = context;
  const site = (get: () => boolean): Part => {
    const out: Verdict = { site: false, samples: undefined };
    return {
      is: 'verdict',
      perSample: false,
      get() {
        out.site = get();
        return out;
      },
    };
  };
  const isNegative = operator === '!=' || operator === '!~';
  const isPattern = operator === '~' || operator === '!~';
  const check = (what: string): void => {
    if (operator !== '==' && operator !== '!=' && !isPattern)
      throw fail(`${what} ${operator}`, '=, !=, ~ or !~');
  };
  switch (name.name.toUpperCase()) {
    case 'FILTER': {
      check('FILTER');
      const wanted = other.value === '.' ? [] : other.value.split(';');
      for (const filter of wanted)
        if (filter !== 'PASS' && !context.header.filters.has(filter))
          throw fail(`FILTER ${filter}`, 'one that the header defines');
      return site(() => {
        const text = columnText(view.line(), column.filter);
        const found = text === '.' ? [] : text.split(';');
        const hasAll = wanted.every((filter) => found.includes(filter));
        const isSame = wanted.length === 0 || !isPattern ? found.length === wanted.length && hasAll : hasAll;
        return isNegative ? !isSame : isSame;
      });
    }
    case 'ID': {
      check('ID');
      const pattern = isPattern ? patternOf(other.value) : undefined;
      return site(() => {
        const id = columnText(view.line(), column.id);
        return (pattern ? pattern.test(id) : id === other.value) !== isNegative;
      });
    }
    case 'TYPE': {
      check('TYPE');
      const bits = typeBits[other.value.toLowerCase().replace(/^(snp|indel|mnp)s$/, '$1')];
      if (bits === undefined) throw fail(`TYPE ${other.value}`, Object.keys(typeBits).join(', '));
      return site(() => {
        const found = view.kinds();
        const holds = isPattern ? (bits === 0 ? found === 0 : (found & bits) !== 0) : found === bits;
        return holds !== isNegative;
      });
    }
    case 'GT':
    case 'FMT/GT':
    case 'FORMAT/GT': {
      const [kind, word] = genotypeKind(other.value);
      if (!kind || isPattern) return undefined;
      check('GT');
      const source = genotypeWords(kind, name.subscript, context);
      const wanted = createWords(false);
      wanted.texts[0] = word;
      wanted.count = 1;
      const out = verdictFor(true, context);
      return {
        is: 'verdict',
        perSample: true,
        get() {
          compareWords(source.get(), wanted, operator, out);
          return out;
        },
      };
    }
    default:
      return undefined;
  }
}

const typeBits: { readonly [name: string]: number } = {
  snp: kinds.snp,
  indel: kinds.indel,
  mnp: kinds.mnp,
  other: kinds.other,
  bnd: kinds.breakend,
  overlap: kinds.overlap,
  ref: 0,
};

/** What a word that stands for genotypes looks at, and how it is spelled here. */
function genotypeKind(
  text: string,
): readonly [kind: 'zygosity' | 'presence' | 'pair' | undefined, word: string] {
  const lower = text.toLowerCase();
  if (['hom', 'het', 'hap'].includes(lower)) return ['zygosity', lower];
  if (['mis', 'ref', 'alt'].includes(lower)) return ['presence', lower];
  if (text === 'aA' || text === 'Aa') return ['pair', 'aA'];
  if (lower === 'ra' || lower === 'ar') return ['pair', 'ra'];
  if (['rr', 'aa', 'a', 'r'].includes(lower)) return ['pair', lower];
  return [undefined, text];
}
