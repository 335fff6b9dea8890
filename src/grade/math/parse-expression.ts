/**
 * Parses sums, products and powers. Multiplication may be implicit; an integer before a fraction is a mixed
 * number; words after a value are its unit.
 * @module
 */
import { type Node, type NodeOf, product } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseAtom } from './parse-atom.ts';
import { jointOf } from './parse-text.ts';
import { takeUnit, withUnit } from './parse-unit.ts';
import { scriptText } from './subscript.ts';

/** `a + b - c \pm d`. */
export function parseSum(cursor: Cursor): Node {
  const terms: Node[] = [];
  for (;;) {
    const sign = cursor.sign();
    const signed = sign === '+' || sign === '-' || sign === 'pm' || sign === 'mp';
    if (terms.length > 0 && !signed) break;
    if (signed) cursor.take();
    const term = cursor.deeper(() => parseSigned(cursor));
    if (sign === '-') terms.push(negative(term));
    else if (sign === 'pm' || sign === 'mp')
      terms.push({ kind: 'either-sign', sign: sign === 'pm' ? 1 : -1, of: term });
    else terms.push(term);
  }
  return terms.length === 1 ? terms[0] : { kind: 'sum', terms };
}

/** Parses a term with all signs before it, as in `3 - -2`. */
function parseSigned(cursor: Cursor): Node {
  if (cursor.accept('+')) return cursor.deeper(() => parseSigned(cursor));
  return cursor.accept('-') ? negative(cursor.deeper(() => parseSigned(cursor))) : parseTerm(cursor);
}

/** Negates a term. The unit stays outside of the negation, so that `-5 cm` is a quantity. */
function negative(term: Node): Node {
  return term.kind === 'quantity'
    ? { ...term, value: { kind: 'negative', of: term.value } }
    : { kind: 'negative', of: term };
}

/** Parses factors that are joined by `*`, `/` or implicit multiplication, and the unit after them. */
function parseTerm(cursor: Cursor): Node {
  let factors: Node[] = [parsePower(cursor)];
  const [first] = factors;
  // words before a number are a unit too, as in `\text{Rs. } 500`
  if (first.kind === 'text' && cursor.peek()?.kind === 'number')
    return withUnit(
      cursor.deeper(() => parseTerm(cursor)),
      first.text,
    );
  for (;;) {
    cursor.work.spend(1);
    const unit = takeUnit(cursor, factors);
    if (unit !== undefined) factors = [withUnit(product(factors), unit)];
    else if (cursor.accept('*')) factors.push(parseFactor(cursor));
    else if (cursor.accept('/')) factors = [quotient(product(factors), parseFactor(cursor))];
    else if (startsFactor(cursor)) factors.push(...nextFactor(cursor, factors));
    else return product(factors);
  }
}

/** Parses the factor after `*` or `/`, which may have its own sign: `2 \cdot -3`. */
function parseFactor(cursor: Cursor): Node {
  if (cursor.accept('-')) return { kind: 'negative', of: cursor.deeper(() => parseFactor(cursor)) };
  if (cursor.accept('+')) return cursor.deeper(() => parseFactor(cursor));
  const first = parsePower(cursor);
  return isMixed(first, cursor) ? mixed(first, parseMixedFraction(cursor)) : first;
}

function quotient(over: Node, under: Node): Node {
  // the unit of `3/4 cm` applies to the quotient and not to the 4; a unit after the numerator applies to the
  // numerator
  return under.kind === 'quantity' && over.kind !== 'quantity'
    ? { ...under, value: { kind: 'quotient', over, under: under.value } }
    : { kind: 'quotient', over, under };
}

/**
 * Parses the next factor of an implicit product. A proper fraction after an integer makes a mixed number with
 * it.
 */
function nextFactor(cursor: Cursor, factors: Node[]): Node[] {
  const last = factors.at(-1) as Node; // a term has at least one factor
  if (!isMixed(last, cursor)) return [parsePower(cursor)];
  factors.pop();
  return [mixed(last, parseMixedFraction(cursor))];
}

function isInteger(node: Node): node is Node & { readonly kind: 'number' } {
  return node.kind === 'number' && node.decimals === undefined;
}

/** Whether an integer is followed by a proper fraction: `1 1/2`, `1\frac12`, `1\frac{1}{2}`. */
function isMixed(whole: Node, cursor: Cursor): boolean {
  if (!isInteger(whole)) return false;
  const command = cursor.command();
  if (command !== undefined && /^[dtc]?frac$/.test(command)) return isNumericFraction(cursor);
  const [over, slash, under] = [cursor.peek(), cursor.sign(1), cursor.peek(2)];
  if (over?.kind !== 'number' || !over.space || slash !== '/' || under?.kind !== 'number') return false;
  return Number(over.digits) < Number(under.digits) && !`${over.digits}${under.digits}`.includes('.');
}

/** Whether the next tokens are `\frac` with two integers, of which the first is smaller. */
function isNumericFraction(cursor: Cursor): boolean {
  const parts: string[] = [];
  let at = 1;
  while (parts.length < 2) {
    const braced = cursor.sign(at) === '{';
    const token = cursor.peek(braced ? at + 1 : at);
    if (token?.kind !== 'number' || token.digits.includes('.')) return false;
    if (braced && cursor.sign(at + 2) !== '}') return false;
    if (braced) parts.push(token.digits);
    // in `\frac12` one token has the digits of both arguments
    else parts.push(...token.digits.slice(0, 2 - parts.length));
    at += braced ? 3 : 1;
  }
  return Number(parts[0]) < Number(parts[1]);
}

function parseMixedFraction(cursor: Cursor): Node {
  const over = parseAtom(cursor);
  return cursor.accept('/') ? { kind: 'quotient', over, under: parseAtom(cursor) } : over;
}

function mixed(whole: Node, fraction: Node): Node {
  return { kind: 'sum', terms: [whole, fraction] };
}

/** Parses an atom and the signs after it: exponents, factorials, percent and degree signs. */
export function parsePower(cursor: Cursor): Node {
  return cursor.deeper(() => {
    let node = parseAtom(cursor);
    for (;;) {
      const sign = cursor.sign();
      if (sign === '!' && cursor.sign(1) === '!') node = doubleFactorial(node, cursor);
      else if (sign === '!') node = { kind: 'call', name: 'factorial', args: [node] };
      else if (sign === '%') node = withUnit(node, 'percent');
      else if (sign === 'degree') node = withUnit(node, 'degree');
      else if (sign === '_' && isSymbolPower(node)) return subscripted(node, cursor);
      else if (sign !== '^') return node;
      cursor.take();
      if (sign === '^') node = raised(node, parseExponent(cursor));
    }
  });
}

/**
 * Parses `n!!`, which is n(n-2)(n-4)... and not a factorial of a factorial. Takes only the first `!`; the
 * caller takes the second one.
 */
function doubleFactorial(node: Node, cursor: Cursor): Node {
  cursor.take();
  return { kind: 'call', name: 'double factorial', args: [node] };
}

type SymbolPower = NodeOf<'power'> & { readonly base: NodeOf<'symbol'> };

/** Whether a node is a power of a symbol, which a subscript may follow: `x^2_1` is the square of `x_1`. */
function isSymbolPower(node: Node): node is SymbolPower {
  return node.kind === 'power' && node.base.kind === 'symbol';
}

function subscripted(power: SymbolPower, cursor: Cursor): Node {
  cursor.take();
  return { ...power, base: { kind: 'symbol', name: `${power.base.name}_${scriptText(cursor)}` } };
}

/** Name of the symbol `\circ`, which as an exponent is the degree sign. */
const DEGREE = '\\circ';

function raised(base: Node, exponent: Node): Node {
  if (exponent.kind === 'symbol' && exponent.name === DEGREE) return withUnit(base, 'degree');
  if (exponent.kind === 'symbol' && exponent.name === 'prime' && base.kind === 'symbol')
    return { kind: 'symbol', name: `${base.name}'` };
  return { kind: 'power', base, exponent };
}

/**
 * Parses an exponent: `^{...}`, or one factor with its sign. Exponents are right-associative: `2^3^2` is 2^9.
 */
function parseExponent(cursor: Cursor): Node {
  if (cursor.accept('-')) return { kind: 'negative', of: parseExponent(cursor) };
  if (cursor.accept('+')) return parseExponent(cursor);
  if (cursor.accept("'") || cursor.sign() === 'degree') {
    if (cursor.accept('degree')) return { kind: 'symbol', name: DEGREE };
    return { kind: 'symbol', name: 'prime' };
  }
  const exponent = cursor.deeper(() => parseAtom(cursor));
  if (!cursor.accept('^')) return exponent;
  return { kind: 'power', base: exponent, exponent: cursor.deeper(() => parseExponent(cursor)) };
}

/** Whether the next token can start a factor of an implicit product. */
function startsFactor(cursor: Cursor): boolean {
  const token = cursor.peek();
  if (token === undefined) return false;
  switch (token.kind) {
    case 'number':
    case 'begin':
      return true;
    case 'word':
      return token.text !== 'U' || !isOpening(cursor.sign(1));
    case 'command':
      return !NO_FACTORS.has(token.name);
    case 'text':
      return jointOf(token) === undefined;
    case 'sign':
      if (token.text === '|') return cursor.openBars === 0 && !cursor.inSet;
      return isOpening(token.text) || token.text === '{' || token.text === '#$';
    default:
      return false;
  }
}

function isOpening(sign: string | undefined): boolean {
  return sign === '(' || sign === '[' || sign === '\\{' || sign === 'langle';
}

const NO_FACTORS: ReadonlySet<string> = new Set('rfloor rceil pmod bmod mod pod not over choose'.split(' '));
