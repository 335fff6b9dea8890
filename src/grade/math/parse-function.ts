/**
 * Parses named functions and their arguments, which often have no brackets: `\sin 2x`, `\log_2 8`,
 * `\cos^2 \theta`.
 * @module
 */
import { type Node, numberNode, product } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { determinant } from './determinant.ts';
import { FUNCTIONS } from './notation.ts';
import type { WorkBudget } from './work-budget.ts';

const INVERSES: ReadonlyMap<string, string> = new Map(
  ['sin', 'cos', 'tan', 'cot', 'sec', 'csc'].map((name) => [name, `arc${name}`]),
);

/** Parses the exponent, base and arguments of a function. The token of the name has been taken. */
export function parseFunction(cursor: Cursor, name: string): Node {
  let exponent: Node | undefined;
  let base: Node | undefined;
  for (;;) {
    if (cursor.accept('^')) exponent = signedAtom(cursor);
    else if (cursor.accept('_')) base = cursor.deeper(() => cursor.grammar.atom(cursor));
    else break;
  }
  const args = parseArguments(cursor);
  const inverse = exponent && isMinusOne(exponent) ? INVERSES.get(name) : undefined;
  if (inverse !== undefined) return { kind: 'call', name: inverse, args };
  const call = named(name, args, base, cursor.work);
  return exponent === undefined ? call : { kind: 'power', base: call, exponent };
}

function named(name: string, args: readonly Node[], base: Node | undefined, work: WorkBudget): Node {
  const [first] = args; // parseArguments returns at least one
  if (name === 'sqrt') return { kind: 'root', of: first, index: numberNode(2) };
  if (name === 'exp') return { kind: 'power', base: { kind: 'constant', name: 'e' }, exponent: first };
  if (name === 'lg') return { kind: 'call', name: 'log', args: [first, numberNode(10)] };
  if (name === 'ln') return { kind: 'call', name: 'log', args: [first, { kind: 'constant', name: 'e' }] };
  if (name === 'cis') return cis(first);
  if (name === 'det' && first.kind === 'matrix') return determinant(first.rows, work);
  return { kind: 'call', name, args: name === 'log' && base ? [first, base] : args };
}

/** cos x + i sin x. */
function cis(of: Node): Node {
  const sine: Node = { kind: 'call', name: 'sin', args: [of] };
  const imaginary = product([{ kind: 'constant', name: 'i' }, sine]);
  return { kind: 'sum', terms: [{ kind: 'call', name: 'cos', args: [of] }, imaginary] };
}

function signedAtom(cursor: Cursor): Node {
  if (cursor.accept('-')) return { kind: 'negative', of: cursor.deeper(() => cursor.grammar.atom(cursor)) };
  return cursor.deeper(() => cursor.grammar.atom(cursor));
}

function isMinusOne(node: Node): boolean {
  if (node.kind === 'negative') return isOne(node.of);
  return false;
}

function isOne(node: Node): boolean {
  return node.kind === 'number' && node.value.numerator === 1n && node.value.denominator === 1n;
}

/**
 * Parses the arguments of a function: the content of the brackets after the name, or else the factors up to
 * the next function.
 */
function parseArguments(cursor: Cursor): readonly Node[] {
  const sign = cursor.sign();
  if (sign === '(' || sign === '[' || sign === '{') {
    const inner = cursor.deeper(() => cursor.grammar.atom(cursor));
    if (inner.kind === 'bracket' || inner.kind === 'set' || inner.kind === 'list')
      return inner.items.length > 0 ? inner.items : [inner];
    return [inner];
  }
  return [cursor.deeper(() => parseBareArgument(cursor))];
}

/**
 * Parses an argument without brackets, as in `2\pi/3`, `2x` or `-x`: the factors up to an operator or a
 * function.
 */
function parseBareArgument(cursor: Cursor): Node {
  if (cursor.accept('-')) return { kind: 'negative', of: parseBareArgument(cursor) };
  let factors: Node[] = [cursor.grammar.power(cursor)];
  for (;;) {
    if (continues(cursor)) factors.push(cursor.grammar.power(cursor));
    else if (cursor.sign() === '/' && factors.every(isConstant)) {
      cursor.take();
      factors = [{ kind: 'quotient', over: product(factors), under: cursor.grammar.power(cursor) }];
    } else return product(factors);
  }
}

function isConstant(node: Node): boolean {
  return (
    node.kind === 'number' || node.kind === 'constant' || (node.kind === 'quantity' && node.unit === 'degree')
  );
}

/** Whether the next token belongs to an argument without brackets. */
function continues(cursor: Cursor): boolean {
  const token = cursor.peek();
  if (token?.kind === 'number') return true;
  if (token?.kind === 'word' && cursor.openIntegrals > 0 && token.text.startsWith('d')) return false;
  if (token?.kind === 'word') return !FUNCTIONS.has(token.text) || token.text.length === 1;
  return token?.kind === 'command' && !FUNCTIONS.has(token.name) && !NOT_FACTORS.has(token.name);
}

const NOT_FACTORS: ReadonlySet<string> = new Set(
  'rfloor rceil pmod bmod mod pod not over choose sum prod int lim ldots cdots dots'.split(' '),
);
