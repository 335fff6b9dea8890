/**
 * Arithmetic expressions over integers: a recursive-descent parser and an exact evaluator. The text is never
 * executed as code.
 *
 *     sum     = product { ("+" | "-") product }
 *     product = factor { ("*" | "/") factor }
 *     factor  = "-" factor | integer | "(" sum ")"
 *
 * @module
 */
import { add, divide, integer, multiply, negate, type Rational, subtract } from '../../grade/rational.ts';

export const BINARY_OPERATORS = ['+', '-', '*', '/'] as const;
export type BinaryOperator = (typeof BINARY_OPERATORS)[number];

export type Expression =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'negation'; readonly of: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    };

export type Parsed =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly reason: string };

/** Maximum number of characters. It limits the depth of the recursion and the size of exact numbers. */
export const MAX_EXPRESSION_LENGTH = 256;

/**
 * Parses an expression, which must be the whole text. Whitespace is ignored, and the signs `×`, `·`, `÷` and
 * `−` are read as `*`, `*`, `/` and `-`.
 *
 * @returns the expression, or the position and the reason of the first error; never throws
 *
 * @example
 * parseExpression('2*(3+').ok; // => false
 */
export function parseExpression(text: string): Parsed {
  if (text.trim() === '') return { ok: false, reason: 'the expression is empty' };
  if (text.length > MAX_EXPRESSION_LENGTH)
    return { ok: false, reason: `the expression is longer than ${MAX_EXPRESSION_LENGTH} characters` };
  const ascii = text.replace(/[×·]/g, '*').replaceAll('÷', '/').replaceAll('−', '-');
  return new Parser(ascii).whole();
}

/** Returns the exact value of an expression; undefined if a divisor is 0. */
export function evaluate(expression: Expression): Rational | undefined {
  switch (expression.kind) {
    case 'integer':
      return integer(expression.value);
    case 'negation': {
      const value = evaluate(expression.of);
      return value && negate(value);
    }
    case 'binary': {
      const left = evaluate(expression.left);
      const right = evaluate(expression.right);
      return left && right && apply(expression.operator, left, right);
    }
  }
}

/** Applies an operator to two values. @returns undefined for a division by 0 */
export function apply(operator: BinaryOperator, left: Rational, right: Rational): Rational | undefined {
  switch (operator) {
    case '+':
      return add(left, right);
    case '-':
      return subtract(left, right);
    case '*':
      return multiply(left, right);
    case '/':
      return divide(left, right);
  }
}

/** Returns the integers of an expression from left to right. */
export function integersOf(expression: Expression): bigint[] {
  switch (expression.kind) {
    case 'integer':
      return [expression.value];
    case 'negation':
      return integersOf(expression.of);
    case 'binary':
      return [...integersOf(expression.left), ...integersOf(expression.right)];
  }
}

class Parser {
  readonly #text: string;
  #at = 0;
  #reason: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Parsed {
    const expression = this.#sum();
    if (expression !== undefined && this.#peek() === '') return { ok: true, expression };
    return { ok: false, reason: this.#reason ?? this.#unexpected('an operator or the end') };
  }

  #sum(): Expression | undefined {
    return this.#leftToRight(['+', '-'], () => this.#product());
  }

  #product(): Expression | undefined {
    return this.#leftToRight(['*', '/'], () => this.#factor());
  }

  #leftToRight(
    operators: readonly BinaryOperator[],
    operand: () => Expression | undefined,
  ): Expression | undefined {
    let left = operand();
    while (left !== undefined) {
      const operator = operators.find((candidate) => candidate === this.#peek());
      if (operator === undefined) return left;
      this.#at++;
      const right = operand();
      left = right && { kind: 'binary', operator, left, right };
    }
    return undefined;
  }

  #factor(): Expression | undefined {
    const next = this.#peek();
    if (next === '-') {
      this.#at++;
      const of = this.#factor();
      return of && { kind: 'negation', of };
    }
    if (next === '(') return this.#parenthesised();
    const digits = /^[0-9]+/.exec(this.#text.slice(this.#at))?.[0];
    if (digits === undefined) return this.#fail('a number, "-" or "("');
    this.#at += digits.length;
    return { kind: 'integer', value: BigInt(digits) };
  }

  #parenthesised(): Expression | undefined {
    this.#at++;
    const inner = this.#sum();
    if (inner === undefined) return undefined;
    if (this.#peek() !== ')') return this.#fail('an operator or ")"');
    this.#at++;
    return inner;
  }

  /** Skips whitespace and returns the next character, or '' at the end of the text. */
  #peek(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#text[this.#at] ?? '';
  }

  #fail(expected: string): undefined {
    this.#reason = this.#unexpected(expected);
    return undefined;
  }

  #unexpected(expected: string): string {
    const found = this.#peek();
    const got = found === '' ? 'the end' : `"${found}"`;
    return `expected ${expected} at position ${this.#at + 1}, got ${got}`;
  }
}
