/**
 * Parses sums, products, integrals and limits with their bounds.
 * @module
 */
import { type Node, product, type Series } from './ast.ts';
import type { Cursor } from './cursor.ts';

const OPERATIONS = { sum: 'sum', prod: 'product', int: 'integral', lim: 'limit' } as const;

/**
 * Parses a sum, product, integral or limit with its bounds, as in `\sum_{k=0}^{n} body`. The command has been
 * taken. The body of a sum is one term; the body of an integral extends to `dx`.
 */
export function parseSeries(cursor: Cursor, name: keyof typeof OPERATIONS): Node {
  let lower: Node | undefined;
  let to: Node | undefined;
  for (;;) {
    if (cursor.accept('_')) lower = parseLower(cursor);
    else if (cursor.accept('^')) to = cursor.deeper(() => cursor.grammar.atom(cursor));
    else break;
  }
  const operation = OPERATIONS[name];
  if (operation === 'integral') return integral(cursor, lower, to);
  const { variable, from } = bound(lower);
  cursor.bound.push(variable);
  const body = cursor.deeper(() => parseBody(cursor));
  cursor.bound.pop();
  return { kind: 'series', operation, variable, from, to, body };
}

/** Parses the lower bound, in which `i` and `e` are variables and not constants. */
function parseLower(cursor: Cursor): Node {
  cursor.bound.push('i', 'e');
  const lower = cursor.deeper(() => cursor.grammar.atom(cursor));
  cursor.bound.pop();
  cursor.bound.pop();
  return lower;
}

/** Splits `k = 0` or `x \to 0` into the variable and its bound. */
function bound(lower: Node | undefined): { readonly variable: string; readonly from: Node | undefined } {
  if (lower?.kind === 'relation' && lower.operands.length === 2 && lower.operands[0]?.kind === 'symbol')
    return { variable: lower.operands[0].name, from: lower.operands[1] };
  return { variable: '', from: lower };
}

function parseBody(cursor: Cursor): Node {
  const factors: Node[] = [cursor.grammar.power(cursor)];
  while (continues(cursor)) factors.push(cursor.grammar.power(cursor));
  return product(factors);
}

function continues(cursor: Cursor): boolean {
  const token = cursor.peek();
  if (cursor.accept('*')) return true;
  if (token?.kind === 'number' || token?.kind === 'word') return true;
  if (token?.kind === 'command') return !['rfloor', 'rceil', 'pmod', 'bmod'].includes(token.name);
  return token?.kind === 'sign' && (token.text === '(' || token.text === '{' || token.text === '[');
}

/** Creates an integral. Its integrand ends with `d` and a letter, which is the variable of integration. */
function integral(cursor: Cursor, from: Node | undefined, to: Node | undefined): Node {
  cursor.openIntegrals++;
  const whole = cursor.deeper(() => cursor.grammar.sum(cursor));
  cursor.openIntegrals--;
  const terms = whole.kind === 'sum' ? whole.terms : [whole];
  const last = terms.at(-1);
  const factors = last?.kind === 'product' ? last.factors : [];
  const [d, variable] = factors.slice(-2);
  if (d?.kind !== 'symbol' || d.name !== 'd' || variable?.kind !== 'symbol')
    return { kind: 'series', operation: 'integral', variable: '', from, to, body: whole };
  const rest = factors.slice(0, -2);
  const integrand = rest.length === 0 ? ONE : product(rest);
  const body: Node =
    terms.length === 1 ? integrand : { kind: 'sum', terms: [...terms.slice(0, -1), integrand] };
  const series: Series = { kind: 'series', operation: 'integral', variable: variable.name, from, to, body };
  return series;
}

const ONE: Node = { kind: 'number', value: { numerator: 1n, denominator: 1n } };
