/** The language of expressions over records of VCF, as bcftools has it (1.16, EXPRESSIONS): text in, a tree out. */
import { BadUsage } from '../../../core/errors.ts';

export type Operator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '~'
  | '!~'
  | '&'
  | '&&'
  | '|'
  | '||';

export type Tree =
  | { readonly is: 'number'; readonly value: number }
  | { readonly is: 'text'; readonly value: string }
  /** `INFO/DP`, `AD[0:1]`: the name as it stands, and what stands between brackets. */
  | { readonly is: 'name'; readonly name: string; readonly subscript: string | undefined }
  | { readonly is: 'call'; readonly name: string; readonly of: Tree }
  | { readonly is: 'binary'; readonly operator: Operator; readonly left: Tree; readonly right: Tree };

const strength: { readonly [operator in Operator]: number } = {
  '||': 1,
  '|': 1,
  '&&': 2,
  '&': 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '~': 3,
  '!~': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
};

const symbol = /^(\|\||&&|==|!=|<=|>=|!~|[=<>~&|+*/%-])/;
const number = /^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![A-Za-z_])/;
const name = /^%?((INFO|FORMAT|FMT)\/[A-Za-z_0-9][A-Za-z0-9_.]*|[A-Za-z_][A-Za-z0-9_.]*)/i;

/** @throws BadUsage with the place where it cannot be read */
export function parseExpression(text: string): Tree {
  let at = 0;
  const fail = (expected: string): BadUsage =>
    new BadUsage(
      `expression: found ${at < text.length ? JSON.stringify(text.slice(at, at + 20)) : 'its end'} at character ${at + 1} of ${JSON.stringify(text)}, expected ${expected}`,
    );
  const skip = (): void => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(text.slice(at))?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const operatorHere = (): Operator | undefined => {
    skip();
    const found = symbol.exec(text.slice(at))?.[0];
    return (found === '=' ? '==' : found) as Operator | undefined;
  };

  const operand = (): Tree => {
    skip();
    if (text[at] === '(') {
      at++;
      const inner = binary(0);
      skip();
      if (text[at] !== ')') throw fail(')');
      at++;
      return inner;
    }
    if (text[at] === '-' || text[at] === '+') {
      const isNegative = text[at++] === '-';
      const inner = operand();
      if (inner.is !== 'number') throw fail('a number behind a sign');
      return { is: 'number', value: isNegative ? -inner.value : inner.value };
    }
    if (text[at] === '"' || text[at] === "'") {
      const end = text.indexOf(text[at]!, at + 1);
      if (end < 0) throw fail('a closing quote');
      const value = text.slice(at + 1, end);
      at = end + 1;
      return { is: 'text', value };
    }
    const digits = take(number);
    if (digits !== undefined) return { is: 'number', value: Number(digits) };
    const word = take(name);
    if (word === undefined) throw fail('a value: a number, text in quotes, a name or (');
    skip();
    if (text[at] === '(') {
      at++;
      const of = binary(0);
      skip();
      if (text[at] !== ')') throw fail(')');
      at++;
      return { is: 'call', name: word, of };
    }
    let subscript: string | undefined;
    if (text[at] === '[') {
      const end = text.indexOf(']', at);
      if (end < 0) throw fail('a closing bracket');
      subscript = text.slice(at + 1, end).trim();
      at = end + 1;
    }
    return { is: 'name', name: word.replace(/^%/, ''), subscript };
  };

  const binary = (least: number): Tree => {
    let left = operand();
    for (;;) {
      const operator = operatorHere();
      if (!operator || strength[operator] < least || strength[operator] === 0) return left;
      take(symbol);
      const right = binary(strength[operator] + 1);
      left = { is: 'binary', operator, left, right };
    }
  };

  const tree = binary(0);
  skip();
  if (at < text.length) throw fail('an operator or the end');
  return tree;
}

/** Basic regular expressions of POSIX, as bcftools takes them; `/i` at the end: of any case. @throws BadUsage */
export function patternOf(text: string): RegExp {
  const isLoose = /[^\\]\/i$/.test(text);
  const basic = isLoose ? text.slice(0, -2) : text;
  let out = '';
  for (let at = 0; at < basic.length; at++) {
    const c = basic[at]!;
    if (c === '\\' && at + 1 < basic.length) {
      const next = basic[++at]!;
      out += '(){}+?|'.includes(next) ? next : `\\${next}`;
    } else if (c === '[') {
      const end = basic.indexOf(']', at + (basic[at + 1] === '^' ? 3 : 2));
      if (end < 0) throw new BadUsage(`expression: the pattern ${JSON.stringify(text)} has no closing ]`);
      out += basic.slice(at, end + 1).replaceAll('\\', '\\\\');
      at = end;
    } else out += '(){}+?|'.includes(c) ? `\\${c}` : c;
  }
  try {
    return new RegExp(out, isLoose ? 'i' : '');
  } catch (error) {
    throw new BadUsage(
      `expression: the pattern ${JSON.stringify(text)} is none: ${(error as Error).message}`,
    );
  }
}
