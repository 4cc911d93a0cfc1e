/** Expressions over bands beside JavaScript's own, for trees drawn at random; what malformed ones say; what becomes of no value. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import { parseExpression, runCells } from '../geospatial/kernels/expression.ts';

const names = ['red', 'nir', 'qa'] as const;
type Cell = { readonly [name: string]: number };
/** How tightly an operation binds, and to which side; text of one is made with as few brackets as it needs. */
type Tree =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: (typeof names)[number] }
  | { readonly kind: 'unary'; readonly sign: string; readonly of: Tree }
  | { readonly kind: 'binary'; readonly sign: string; readonly left: Tree; readonly right: Tree }
  | { readonly kind: 'in'; readonly of: Tree; readonly list: readonly Tree[] }
  | { readonly kind: 'call'; readonly name: string; readonly given: readonly Tree[] };

/** Loosest first, as in C; powers bind tighter than signs before them, as in Python. */
const ladder: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const signs = [...ladder.flat(), '**', '^'];
const rungOf = (sign: string): number => ladder.findIndex((rung) => rung.includes(sign));
const ofSigns = ladder.length;
const ofPowers = ofSigns + 1;
const equality = rungOf('==');

function textOf(tree: Tree): { readonly text: string; readonly rung: number } {
  const within = (one: Tree, least: number): string => {
    const { text, rung } = textOf(one);
    return rung < least ? `(${text})` : text;
  };
  if (tree.kind === 'number') return { text: String(tree.value), rung: ofPowers + 1 };
  if (tree.kind === 'name') return { text: tree.name, rung: ofPowers + 1 };
  if (tree.kind === 'call')
    return {
      text: `${tree.name}(${tree.given.map((one) => textOf(one).text).join(', ')})`,
      rung: ofPowers + 1,
    };
  if (tree.kind === 'unary') return { text: `${tree.sign}${within(tree.of, ofSigns)}`, rung: ofSigns };
  if (tree.kind === 'in')
    return {
      text: `${within(tree.of, equality)} in (${tree.list.map((one) => textOf(one).text).join(',')})`,
      rung: equality,
    };
  const isPower = tree.sign === '**' || tree.sign === '^';
  const rung = isPower ? ofPowers : rungOf(tree.sign);
  const left = within(tree.left, isPower ? ofPowers + 1 : rung);
  const right = within(tree.right, isPower ? ofSigns : rung + 1);
  return { text: `${left} ${tree.sign} ${right}`, rung };
}

const truth = (value: boolean): number => (value ? 1 : 0);
const isTrue = (value: number): boolean => value !== 0;

/** What a tree is worth, node by node. */
function valueOf(tree: Tree, cell: Cell): number {
  const of = (one: Tree): number => valueOf(one, cell);
  switch (tree.kind) {
    case 'number':
      return tree.value;
    case 'name':
      return cell[tree.name]!;
    case 'unary': {
      const value = of(tree.of);
      return tree.sign === '-' ? -value : tree.sign === '+' ? value : truth(!isTrue(value));
    }
    case 'in': {
      const value = of(tree.of);
      return truth(tree.list.some((one) => of(one) === value));
    }
    case 'call': {
      const given = tree.given.map(of);
      const [a, b, c] = given as [number, number, number];
      if (tree.name === 'where') return isTrue(a) ? b : c;
      if (tree.name === 'bit') return Number((BigInt(a) >> BigInt(b)) & 1n);
      return (Math[tree.name as 'max'] as (...all: number[]) => number)(...given);
    }
    case 'binary':
      return pairOf(tree.sign, of(tree.left), of(tree.right));
  }
}

function pairOf(sign: string, a: number, b: number): number {
  switch (sign) {
    case '||':
      return truth(isTrue(a) || isTrue(b));
    case '&&':
      return truth(isTrue(a) && isTrue(b));
    case '|':
      return (a | b) >>> 0;
    case '&':
      return (a & b) >>> 0;
    case '==':
      return truth(a === b);
    case '!=':
      return truth(a !== b);
    case '<':
      return truth(a < b);
    case '<=':
      return truth(a <= b);
    case '>':
      return truth(a > b);
    case '>=':
      return truth(a >= b);
    case '>>':
      return Math.floor(a / 2 ** b);
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    default:
      return a ** b;
  }
}

const whole = fc.integer({ min: 0, max: 65_535 });
const written = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.double({ min: 1e-9, max: 1e9, noNaN: true }));
const name = fc.constantFrom(...names).map((one): Tree => ({ kind: 'name', name: one }));
const { tree } = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
  leaf: fc.oneof(
    written.map((value): Tree => ({ kind: 'number', value })),
    name,
  ),
  tree: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    tie('leaf'),
    fc.record({ kind: fc.constant('unary' as const), sign: fc.constantFrom('-', '+', '!'), of: tie('tree') }),
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('binary' as const),
        sign: fc.constantFrom(...signs),
        left: tie('tree'),
        right: tie('tree'),
      }),
    },
    fc.record({
      kind: fc.constant('in' as const),
      of: tie('tree'),
      list: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }),
    }),
    fc
      .tuple(tie('tree'), tie('tree'), tie('tree'))
      .map((given): Tree => ({ kind: 'call', name: 'where', given })),
    fc.tuple(name, fc.integer({ min: 0, max: 17 })).map(([band, value]): Tree => ({
      kind: 'call',
      name: 'bit',
      given: [band, { kind: 'number', value }],
    })),
    fc
      .tuple(fc.constantFrom('abs', 'sqrt', 'exp', 'log', 'log10', 'floor'), tie('tree'))
      .map(([call, one]): Tree => ({ kind: 'call', name: call, given: [one] })),
    fc
      .tuple(fc.constantFrom('min', 'max'), fc.array(tie('tree'), { minLength: 2, maxLength: 5 }))
      .map(([call, given]): Tree => ({ kind: 'call', name: call, given })),
  ),
}));

const run = (text: string, bands: { readonly [name: string]: readonly number[] } = {}): number[] => {
  const expression = parseExpression(text);
  const given = expression.names.map((one) => Float64Array.from(bands[one]!));
  return [...expression.run(given, given[0]?.length ?? 1).subarray(0, given[0]?.length ?? 1)];
};

test('trees drawn at random are worth what JavaScript says, written with as few brackets as may be', () => {
  fc.assert(
    fc.property(
      tree,
      fc.array(fc.record({ red: whole, nir: whole, qa: whole }), { minLength: 1, maxLength: 9 }),
      (one, cells) => {
        const { text } = textOf(one);
        const expression = parseExpression(text);
        const bands = expression.names.map((band) =>
          Float64Array.from(cells, (cell) => (cell as Cell)[band]!),
        );
        const found = expression.run(bands, cells.length);
        for (const [i, cell] of cells.entries())
          expect([text, found[i]! + 0]).toEqual([text, valueOf(one, cell) + 0]);
      },
    ),
    { numRuns: 1500 },
  );
});

test.each([
  ['0 % 0 in (0 % 0, 1)', 0],
  ['2 ** 3 ** 2', 512],
  ['2 ^ 3 ^ 2', 512],
  ['-2 ** 2', -4],
  ['(-2) ** 2', 4],
  ['2 ** -1', 0.5],
  ['2 ** -2 ** 2', 1 / 16],
  ['8 - 3 - 2', 3],
  ['8 - (3 - 2)', 7],
  ['16 / 4 / 2', 2],
  ['17 % 10 % 4', 3],
  ['1 + 2 * 3 ** 2', 19],
  ['- - 3', 3],
  ['!0 + 1', 2],
  ['!!7', 1],
  ['1 < 2 == 1', 1],
  ['3 > 2 > 1', 0],
  ['1 || 0 && 0', 1],
  ['6 & 3 == 3', 0],
  ['(6 & 3) == 2', 1],
  ['1 | 2 & 2', 3],
  ['2 ** 31 | 0', 2 ** 31],
  ['5 in (1, 5)', 1],
  ['2 + 3 in (5)', 1],
  ['5 in (1, 2) || 1', 1],
  ['2 in (2) in (1)', 1],
  ['1 == 1 in (1)', 1],
  ['max(1, 2, 3) - min(4, 5)', -1],
  ['where(1 > 2, 10, 20)', 20],
  ['bit(5, 0) + 10 * bit(5, 1) + 100 * bit(5, 2)', 101],
  ['2800 >> 2 + 1', 350],
  ['1e3 + 1.5E-1 + .5 + 2.', 1002.65],
  ['  7\t', 7],
])('%s is %f', (text, value) => expect(run(text)).toEqual([value]));

test('bands come once each, in order, however often they are named; runs as long as a run may be', () => {
  const expression = parseExpression('nir + red * nir - in_ + where1');
  expect(expression.names).toEqual(['nir', 'red', 'in_', 'where1']);
  const bands = expression.names.map((_, k) =>
    Float64Array.from({ length: runCells }, (__, i) => i * (k + 1)),
  );
  for (const count of [runCells, 1, 100])
    expect([...expression.run(bands, count).subarray(0, count)]).toEqual(
      Array.from({ length: count }, (_, i) => i + 2 * i * i - 3 * i + 4 * i),
    );
});

describe('no value', () => {
  const none = { a: [NaN], b: [2] };
  test.each([
    'a + b',
    'b - a',
    'a * 0',
    'a / b',
    'b % a',
    'a ** b',
    '-a',
    'sqrt(a)',
    'min(a, b)',
    'max(b, a)',
  ])('%s is none', (text) => expect(run(text, none)).toEqual([NaN]));
  test.each(['bit(a, 1)', 'floor(a)', 'a >> 1', 'abs(a)', 'where(b > 1, a, b)', '0 / 0', 'log(0 - b)'])(
    '%s is none',
    (text) => expect(run(text, none)).toEqual([NaN]),
  );
  test.each(['a == a', 'a < b', 'a >= b', 'a == b', 'a in (1, 2)', 'a > b || a < b', '(a & 4) != 0'])(
    '%s is false',
    (text) => expect(run(text, none)).toEqual([0]),
  );
  test('it chooses what a comparison that is false chooses', () => {
    expect(run('where(a > b, 1, 2)', none)).toEqual([2]);
    expect(run('where(b > 1, b, a)', none)).toEqual([2]);
    expect(run('a != a', none)).toEqual([1]);
  });
});

describe('one line for', () => {
  test.each([
    ['', 'found its end, expected a number, a band or ('],
    ['nir -', 'found its end'],
    ['(nir', 'found its end, expected )'],
    ['nir)', 'found ), expected an operator or the end'],
    ['nir red', 'found red, expected an operator'],
    ['* nir', 'found *, expected a number'],
    ['nir in 3', 'found 3, expected ('],
    ['nir in ()', 'found )'],
    ['in(nir, 3)', 'found function in'],
    ['nir\n+\n', 'expression nir + : found its end'],
    ['sine(nir)', 'found function sine, expected abs, sqrt'],
    ['constructor(nir)', 'found function constructor'],
    ['toString(nir)', 'found function toString'],
    ['where(nir, 1)', 'found 2 arguments of where, expected 3'],
    ['sqrt(nir, 1)', 'found 2 arguments of sqrt, expected 1'],
    [`max(${'1,'.repeat(40)}1)`, 'found 41 arguments of max'],
    ['nir = 3', 'found = at 4'],
    ['nir; red', 'found ; at 4'],
    ['nir $ 1', 'found $ at 4'],
    ['nir\u00a0\u2212 1', 'found \u2212 at'],
    ["nir['x']", 'found [ at 4'],
    ['1.2.3', 'found .3, expected an operator'],
    ['1e', 'found e, expected an operator'],
    [',', 'found ,'],
    ['(1, 2)', 'found ,, expected )'],
  ])('%s', (text, words) => {
    let error: unknown;
    try {
      parseExpression(text);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(BadUsage);
    expect((error as Error).message).toContain(words);
    expect((error as Error).message).not.toContain('\n');
  });

  test('what is too deep, whatever nests: and what is only long is none', () => {
    const deep = (open: string, close: string, n: number): string => `${open.repeat(n)}1${close.repeat(n)}`;
    for (const [open, close] of [
      ['(', ')'],
      ['-', ''],
      ['!', ''],
      ['sqrt(', ')'],
      ['1 in (', ')'],
      ['1 ** ', ''],
      ['where(1, 1, ', ')'],
      ['1 < (1 + ', ')'],
    ] as const) {
      expect(() => parseExpression(deep(open, close, 40)), open).not.toThrow();
      expect(() => parseExpression(deep(open, close, 200_000)), open).toThrow(
        /more than 100 brackets|numbers, bands and signs/,
      );
      expect(() => parseExpression(deep(open, close, 190)), open).toThrow('more than 100 brackets');
    }
    const sum = (count: number): string => Array.from({ length: count }, () => '1').join('+');
    expect(run(sum(900))).toEqual([900]);
    expect(() => parseExpression(sum(100_000))).toThrow(
      'found 199999 numbers, bands and signs, expected 2000',
    );
  });

  test('anything at all is an expression or one line', () => {
    const piece = fc.constantFrom(
      ...signs,
      '!',
      '(',
      ')',
      ',',
      ' ',
      '\n',
      'in',
      'nir',
      'where',
      'max',
      'bit',
      '1',
      '.5',
      '1e9',
      '.',
      '=',
      '"',
      '\u{1f6f0}',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        try {
          parseExpression(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(BadUsage);
          expect((error as Error).message).not.toContain('\n');
        }
      }),
      { numRuns: 3000 },
    );
  });
});
