/**
 * Parses letters with subscripts and primes, and calls of functions with a one-letter name.
 * @module
 */
import { type Node, numberNode, product } from './ast.ts';
import { type Cursor, ParseFailure } from './cursor.ts';
import { FUNCTION_LETTERS, SAME_LETTER } from './notation.ts';
import { scriptText } from './subscript.ts';

/**
 * Parses a symbol from its letter or name and the subscripts and primes after it, as in `x_1'`. `f(...)` is a
 * call of f, but `x(...)` is a product. `e` and `i` are constants, except as the variable of a sum or
 * product.
 */
export function parseSymbol(cursor: Cursor, letter: string): Node {
  let name = SAME_LETTER.get(letter) ?? letter;
  while (cursor.accept("'")) name += "'";
  if (cursor.accept('_')) name += `_${scriptText(cursor)}`;
  while (cursor.accept("'")) name += "'";
  if (name === 'C' && isPairNext(cursor)) {
    const pair = cursor.grammar.atom(cursor);
    return { kind: 'call', name: 'binomial', args: pair.kind === 'bracket' ? pair.items : [pair] };
  }
  if (FUNCTION_LETTERS.has(letter) && cursor.sign() === '(' && cursor.peek()?.space === false) {
    const args = cursor.grammar.atom(cursor);
    return { kind: 'call', name, args: args.kind === 'bracket' ? args.items : [args] };
  }
  if ((name === 'e' || name === 'i') && !cursor.bound.includes(name)) return { kind: 'constant', name };
  return { kind: 'symbol', name };
}

/** Whether `(n, k)` follows without a space. `C(n, k)` is a binomial coefficient. */
function isPairNext(cursor: Cursor): boolean {
  if (cursor.sign() !== '(' || cursor.peek()?.space !== false) return false;
  let commas = 0;
  for (let [at, depth] = [1, 1]; cursor.peek(at) !== undefined; at++) {
    const sign = cursor.sign(at);
    if (sign === '(' || sign === '[') depth++;
    else if (sign === ')' || sign === ']') depth--;
    else if (sign === ',' && depth === 1) commas++;
    if (depth === 0) return commas === 1;
  }
  return false;
}

/** Parses combinations and permutations: `_7C_2`, `{}^7P_2`. The first `_` or `^` has been taken. */
export function parseArrangements(cursor: Cursor): Node {
  const next = cursor.peek();
  // read the number here, because the atom rule would read `7C_2` as a numeral with a base
  const isNumber = next?.kind === 'number' && /^\d+$/.test(next.digits);
  const n = isNumber ? numberNode(BigInt(next.digits)) : cursor.deeper(() => cursor.grammar.atom(cursor));
  if (isNumber) cursor.take();
  const letter = cursor.take();
  const name = letter.kind === 'word' || letter.kind === 'text' ? letter.text.trim() : '';
  if (name !== 'C' && name !== 'P') throw new ParseFailure('a script without a base');
  cursor.expect('_');
  const k = cursor.deeper(() => cursor.grammar.atom(cursor));
  const chosen: Node = { kind: 'call', name: 'binomial', args: [n, k] };
  return name === 'C' ? chosen : product([chosen, { kind: 'call', name: 'factorial', args: [k] }]);
}
