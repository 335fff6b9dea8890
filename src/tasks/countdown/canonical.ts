/**
 * One text for all expressions that are the same up to the order of terms and factors, brackets that
 * change nothing and the place of a sign. Votes are counted on it, so `3*8-2` and `-2+(8*3)` are one
 * answer while `2*11` is another, although all of them are 22: the verdict is not known to a vote.
 * @module
 */
import { type Expression, evaluate } from './expression.ts';

/** A product of factors and inverse factors with a sign. */
interface Term {
  readonly negative: boolean;
  readonly factors: readonly Factor[];
}

interface Factor {
  readonly inverse: boolean;
  /** An integer, or a bracketed canonical sum of two or more terms. */
  readonly text: string;
  /** A bracket whose terms cancel in pairs reads alike turned around, so a sign in front of it means nothing. */
  readonly signless?: boolean;
}

/**
 * The canonical text: sums and products are flattened, positive terms come before negative ones and
 * factors before divisors, each sorted by number, then by text; a bracket's value is never negative, its
 * sign stands in front.
 *
 * @param expression - one that has a value: nothing in it divides by zero
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

/** An expression seen as one term: itself if it is one, else a bracket. */
function asTerm(expression: Expression): Term {
  const terms = termsOf(expression);
  if (terms.length === 1) return terms[0];
  const direction = directionOf(expression, terms);
  const text = `(${sumText(direction < 0 ? terms.map(negated) : terms)})`;
  return { negative: direction < 0, factors: [{ inverse: false, text, signless: direction === 0 }] };
}

/**
 * Below 0 for a bracket that is turned around: a negative one, or one of value 0 whose first term that does not
 * occur as often with either sign is negative. 0: all its terms cancel in pairs.
 */
function directionOf(expression: Expression, terms: readonly Term[]): number {
  const value = evaluate(expression);
  if (value !== undefined && value.numerator !== 0n) return value.numerator < 0n ? -1 : 1;
  const balance = new Map<string, number>();
  for (const term of terms) {
    // a term without a sign of its own tips nothing
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

/** By leading number, then by text, so that 9 comes before 12. */
function compare(a: string, b: string): number {
  const byNumber = Number.parseInt(a, 10) - Number.parseInt(b, 10);
  if (byNumber !== 0 && !Number.isNaN(byNumber)) return byNumber;
  return a < b ? -1 : a > b ? 1 : 0;
}
