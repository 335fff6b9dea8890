/**
 * Canonical text of expressions, on which votes are counted. Expressions have the same text if they differ
 * only in the order of terms and factors, redundant brackets and the position of signs. `3*8-2` and
 * `-2+(8*3)` are one answer. `2*11` is another answer, although it has the value 22, too: votes are not
 * counted on values, because the value decides the verdict and a vote must not depend on the verdict.
 * @module
 */
import { type Expression, evaluate } from './expression.ts';

/** A product of factors and divisors, with a sign. */
interface Term {
  readonly negative: boolean;
  readonly factors: readonly Factor[];
}

interface Factor {
  readonly inverse: boolean;
  /** Canonical text of the factor: an integer, or a sum of two or more terms in brackets. */
  readonly text: string;
  /**
   * Whether all terms of the bracket cancel in pairs. Negating such a bracket gives the same text, so a sign
   * before it is dropped.
   */
  readonly signless?: boolean;
}

/**
 * Returns the canonical text of an expression. Nested sums and nested products are flattened. Positive terms
 * precede negative ones and factors precede divisors, each sorted by number, then by text. A bracket with a
 * negative value is negated, and a minus sign is written before it.
 *
 * @param expression - an expression without a division by zero
 *
 * @example
 * canonicalText(parsed('-2+(8*3)')); // => '3*8-2'
 */
export function canonicalText(expression: Expression): string {
  return sumText(termsOf(expression));
}

function termsOf(expression: Expression): readonly Term[] {
  switch (expression.kind) {
    case 'integer':
      return [{ negative: false, factors: [{ inverse: false, text: `${expression.value}` }] }];
    case 'negation':
      return termsOf(expression.of).map(negated);
    case 'binary':
      return binaryTerms(expression);
  }
}

function binaryTerms({ operator, left, right }: Expression & { readonly kind: 'binary' }): readonly Term[] {
  switch (operator) {
    case '+':
      return [...termsOf(left), ...termsOf(right)];
    case '-':
      return [...termsOf(left), ...termsOf(right).map(negated)];
    case '*':
      return [product(asTerm(left), asTerm(right))];
    case '/':
      return [product(asTerm(left), inverted(asTerm(right)))];
  }
}

function negated(term: Term): Term {
  return signed(term.factors, !term.negative);
}

function signed(factors: readonly Factor[], negative: boolean): Term {
  return { negative: negative && !factors.some(({ signless }) => signless), factors };
}

function inverted({ negative, factors }: Term): Term {
  return { negative, factors: factors.map((factor) => ({ ...factor, inverse: !factor.inverse })) };
}

/** Converts an expression to one term. A sum becomes a bracket. */
function asTerm(expression: Expression): Term {
  const terms = termsOf(expression);
  if (terms.length === 1) return terms[0];
  const sign = signOf(expression, terms);
  const text = `(${sumText(sign < 0 ? terms.map(negated) : terms)})`;
  return { negative: sign < 0, factors: [{ inverse: false, text, signless: sign === 0 }] };
}

/**
 * Returns a number < 0 if a bracket has to be negated, and 0 if all its terms cancel in pairs. A bracket is
 * negated if its value is negative. If the value is 0, the sign of the first term that does not cancel
 * decides.
 */
function signOf(expression: Expression, terms: readonly Term[]): number {
  const value = evaluate(expression);
  if (value !== undefined && value.numerator !== 0n) return value.numerator < 0n ? -1 : 1;
  const balance = new Map<string, number>();
  for (const term of terms) {
    // the sign of a term with a signless factor is dropped, so it cannot decide
    if (term.factors.some(({ signless }) => signless)) continue;
    const text = productText(term);
    balance.set(text, (balance.get(text) ?? 0) + (term.negative ? -1 : 1));
  }
  const unbalanced = [...balance].filter(([, sum]) => sum !== 0).sort(([x], [y]) => compare(x, y));
  return unbalanced[0]?.[1] ?? 0;
}

function product(left: Term, right: Term): Term {
  return signed([...left.factors, ...right.factors], left.negative !== right.negative);
}

function sumText(terms: readonly Term[]): string {
  const texts = (negative: boolean) =>
    terms
      .filter((term) => term.negative === negative)
      .map(productText)
      .sort(compare);
  const positive = texts(false).join('+');
  return [positive, ...texts(true)].join('-');
}

function productText({ factors }: Term): string {
  const texts = (inverse: boolean) =>
    factors
      .filter((factor) => factor.inverse === inverse)
      .map((factor) => factor.text)
      .sort(compare);
  return [texts(false).join('*'), ...texts(true)].join('/');
}

/** Compares texts by their leading number, then as texts, so that 9 precedes 12. */
function compare(a: string, b: string): number {
  const byNumber = Number.parseInt(a, 10) - Number.parseInt(b, 10);
  if (byNumber !== 0 && !Number.isNaN(byNumber)) return byNumber;
  return a < b ? -1 : a > b ? 1 : 0;
}
