/** Expressions over bands: parsed once, then worked off a run of cells at a time. */
import { BadUsage } from '../../core/errors.ts';

/** Cells at once: what an operation touches stays in the nearest cache. */
export const runCells = 4096;

/** Fills its own buffer with the values of the next `count` cells. */
type Step = (count: number) => Float64Array;

/** An expression, ready for work. */
export type Expression = {
  /** Names of bands, each once, in the order in which they come. */
  readonly names: readonly string[];
  /** Values of the first `count` cells of `bands`, which stand in the order of `names`; valid until the next call. Truth is 1, the rest 0. */
  run(bands: readonly Float64Array[], count: number): Float64Array;
};

type Node =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'call'; readonly act: Act; readonly given: readonly Node[] };
/** What is done to the cells of its arguments; each gets as many. */
type Act = { readonly least: number; readonly most: number; readonly of: (...values: number[]) => number };

const act = (count: number, of: Act['of'], most = count): Act => ({ least: count, most, of });
const binary: { readonly [sign: string]: { readonly rank: number; readonly act: Act } } = {
  '||': { rank: 1, act: act(2, (a, b) => (a! !== 0 || b! !== 0 ? 1 : 0)) },
  '&&': { rank: 2, act: act(2, (a, b) => (a! !== 0 && b! !== 0 ? 1 : 0)) },
  '|': { rank: 3, act: act(2, (a, b) => (a! | b!) >>> 0) },
  '&': { rank: 4, act: act(2, (a, b) => (a! & b!) >>> 0) },
  '==': { rank: 5, act: act(2, (a, b) => (a === b ? 1 : 0)) },
  '!=': { rank: 5, act: act(2, (a, b) => (a !== b ? 1 : 0)) },
  '<': { rank: 6, act: act(2, (a, b) => (a! < b! ? 1 : 0)) },
  '<=': { rank: 6, act: act(2, (a, b) => (a! <= b! ? 1 : 0)) },
  '>': { rank: 6, act: act(2, (a, b) => (a! > b! ? 1 : 0)) },
  '>=': { rank: 6, act: act(2, (a, b) => (a! >= b! ? 1 : 0)) },
  '>>': { rank: 7, act: act(2, (a, b) => Math.floor(a! / 2 ** b!)) },
  '+': { rank: 8, act: act(2, (a, b) => a! + b!) },
  '-': { rank: 8, act: act(2, (a, b) => a! - b!) },
  '*': { rank: 9, act: act(2, (a, b) => a! * b!) },
  '/': { rank: 9, act: act(2, (a, b) => a! / b!) },
  '%': { rank: 9, act: act(2, (a, b) => a! % b!) },
  '**': { rank: 11, act: act(2, (a, b) => a! ** b!) },
  '^': { rank: 11, act: act(2, (a, b) => a! ** b!) },
};
const unaryRank = 10;
const unary: { readonly [sign: string]: Act } = {
  '-': act(1, (a) => -a!),
  '+': act(1, (a) => a!),
  '!': act(1, (a) => (a === 0 ? 1 : 0)),
};
const mostArguments = 32;
const functions: { readonly [name: string]: Act } = {
  abs: act(1, (a) => Math.abs(a!)),
  sqrt: act(1, (a) => Math.sqrt(a!)),
  exp: act(1, (a) => Math.exp(a!)),
  log: act(1, (a) => Math.log(a!)),
  log10: act(1, (a) => Math.log10(a!)),
  floor: act(1, (a) => Math.floor(a!)),
  min: act(2, (...all) => Math.min(...all), mostArguments),
  max: act(2, (...all) => Math.max(...all), mostArguments),
  // Bit b of a, the least significant is 0.
  bit: act(2, (a, b) => Math.floor(a! / 2 ** b!) % 2),
  where: act(3, (a, b, c) => (a !== 0 ? b! : c!)),
  // What is no number equals none, as with ==.
  in: act(2, (a, ...all) => (all.some((one) => one === a) ? 1 : 0), mostArguments),
};
const lexer =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\|\||&&|==|!=|<=|>=|>>|\*\*|[-+*/%^&|<>!(),]))/y;
const deepest = 100;
// Each operation holds a run of values.
const longest = 2000;

/**
 * Parses an expression of numbers, names of bands, `+ - * / % ** ^ & | >> == != < <= > >= && || !`, `x in (1, 2)`, and abs, sqrt, exp, log, log10, floor, min, max,
 * bit(x, n), where(condition, then, else). Numbers are f64; whatever meets NaN is NaN, and comparisons with it are false.
 * @throws BadUsage that shows what was found where
 */
export function parseExpression(written: string): Expression {
  const text = written.replaceAll(/\s+/g, ' ');
  const tokens = [...tokensOf(text)];
  let at = 0;
  const fail = (found: string, expected: string): never => {
    throw new BadUsage(
      `expression ${text}: found ${found}, expected ${expected}; see satellite/index --help`,
    );
  };
  const shown = (): string => tokens[at]?.text ?? 'its end';
  if (tokens.length > longest)
    throw new BadUsage(
      `expression ${text.slice(0, 40)}...: found ${tokens.length} numbers, bands and signs, expected ${longest} at most; split it over two runs`,
    );
  const take = (sign: string): void => {
    if (tokens[at]?.text !== sign) fail(shown(), sign);
    at++;
  };
  const list = (first: readonly Node[], depth: number): Node[] => {
    const given = [...first];
    take('(');
    do given.push(parse(0, depth));
    while (tokens[at]?.text === ',' && ++at);
    take(')');
    return given;
  };
  const call = (name: string, given: readonly Node[]): Node => {
    const found = functions[name]!;
    if (given.length < found.least || given.length > found.most)
      fail(
        `${given.length} arguments of ${name}`,
        `${found.least}${found.most > found.least ? ' or more' : ''}`,
      );
    return { kind: 'call', act: found, given };
  };
  const operand = (depth: number): Node => {
    const token = tokens[at];
    if (!token) return fail('its end', 'a number, a band or (');
    at++;
    if (token.kind === 'number') return { kind: 'number', value: Number(token.text) };
    if (token.kind === 'name') {
      if (tokens[at]?.text !== '(') return { kind: 'name', name: token.text };
      if (!Object.hasOwn(functions, token.text) || token.text === 'in')
        return fail(`function ${token.text}`, Object.keys(functions).join(', '));
      return call(token.text, list([], depth + 1));
    }
    if (token.text === '(') {
      const inner = parse(0, depth + 1);
      take(')');
      return inner;
    }
    const sign = Object.hasOwn(unary, token.text) ? unary[token.text] : undefined;
    if (!sign) return fail(token.text, 'a number, a band or (');
    return { kind: 'call', act: sign, given: [parse(unaryRank, depth + 1)] };
  };
  function parse(rank: number, depth: number): Node {
    if (depth > deepest) return fail(`more than ${deepest} brackets`, 'fewer');
    let left = operand(depth);
    for (;;) {
      const sign = tokens[at]?.text ?? '';
      if (sign === 'in' && rank <= 5) {
        at++;
        left = call('in', list([left], depth + 1));
        continue;
      }
      const found = Object.hasOwn(binary, sign) ? binary[sign]! : undefined;
      if (!found || found.rank < rank) return left;
      at++;
      // Powers bind to the right, all else to the left.
      const right = parse(found.rank === 11 ? 10 : found.rank + 1, depth + 1);
      left = { kind: 'call', act: found.act, given: [left, right] };
    }
  }
  const root = parse(0, 0);
  if (at < tokens.length) fail(shown(), 'an operator or the end');
  return compile(root);
}

type Token = { readonly kind: 'number' | 'name' | 'sign'; readonly text: string };

function* tokensOf(text: string): Generator<Token> {
  const end = text.trimEnd().length;
  for (lexer.lastIndex = 0; lexer.lastIndex < end;) {
    const from = lexer.lastIndex;
    const found = lexer.exec(text);
    if (!found)
      throw new BadUsage(
        `expression ${text}: found ${text.slice(from).trim()[0]} at ${from + 1}, expected numbers, bands and operators; see satellite/index --help`,
      );
    const [, number, name, sign] = found;
    if (number !== undefined) yield { kind: 'number', text: number };
    else if (name !== undefined) yield { kind: 'name', text: name };
    else yield { kind: 'sign', text: sign! };
  }
}

function compile(root: Node): Expression {
  const names: string[] = [];
  let bands: readonly Float64Array[] = [];
  const stepOf = (node: Node): Step => {
    if (node.kind === 'number') {
      const values = new Float64Array(runCells).fill(node.value);
      return () => values;
    }
    if (node.kind === 'name') {
      let number = names.indexOf(node.name);
      if (number < 0) number = names.push(node.name) - 1;
      return () => bands[number]!;
    }
    const steps = node.given.map(stepOf);
    return apply(node.act.of, steps);
  };
  const step = stepOf(root);
  return {
    names,
    run(given, count) {
      bands = given;
      return step(count);
    },
  };
}

/** One loop an operation, each with its own code, so that the engine sees one kind of call in it. */
function apply(of: Act['of'], steps: readonly Step[]): Step {
  const out = new Float64Array(runCells);
  const [first, second] = steps as [Step, Step];
  if (of === binary['+']!.act.of)
    return pairwise(out, first, second, (a, b, n) => {
      for (let i = 0; i < n; i++) out[i] = a[i]! + b[i]!;
    });
  if (of === binary['-']!.act.of)
    return pairwise(out, first, second, (a, b, n) => {
      for (let i = 0; i < n; i++) out[i] = a[i]! - b[i]!;
    });
  if (of === binary['*']!.act.of)
    return pairwise(out, first, second, (a, b, n) => {
      for (let i = 0; i < n; i++) out[i] = a[i]! * b[i]!;
    });
  if (of === binary['/']!.act.of)
    return pairwise(out, first, second, (a, b, n) => {
      for (let i = 0; i < n; i++) out[i] = a[i]! / b[i]!;
    });
  if (steps.length === 1)
    return (count) => {
      const a = first(count);
      for (let i = 0; i < count; i++) out[i] = of(a[i]!);
      return out;
    };
  if (steps.length === 2)
    return pairwise(out, first, second, (a, b, n) => {
      for (let i = 0; i < n; i++) out[i] = of(a[i]!, b[i]!);
    });
  const values = Array.from(steps, () => 0);
  return (count) => {
    const given = steps.map((step) => step(count));
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < given.length; k++) values[k] = given[k]![i]!;
      out[i] = of(...values);
    }
    return out;
  };
}

const pairwise =
  (
    out: Float64Array,
    first: Step,
    second: Step,
    loop: (a: Float64Array, b: Float64Array, count: number) => void,
  ): Step =>
  (count) => {
    loop(first(count), second(count), count);
    return out;
  };
