/**
 * Letters with subscripts and primes, and calls of functions that are named by a letter.
 * @module
 */
import type { Node } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { FUNCTION_LETTERS, SAME_LETTER } from './notation.ts';
import { scriptText } from './script.ts';

/**
 * A symbol from its letter or name and what follows: `x_1'`. `f(...)` is a call of f, while `x(...)` is a
 * product. `e` and `i` are the constants unless a sum or product binds them.
 */
export function parseSymbol(cursor: Cursor, letter: string): Node {
  let name = SAME_LETTER.get(letter) ?? letter;
  while (cursor.accept("'")) name += "'";
  if (cursor.accept('_')) name += `_${scriptText(cursor)}`;
  while (cursor.accept("'")) name += "'";
  if (FUNCTION_LETTERS.has(letter) && cursor.sign() === '(' && cursor.peek()?.space === false) {
    const args = cursor.grammar.atom(cursor);
    return { kind: 'call', name, args: args.kind === 'bracket' ? args.items : [args] };
  }
  if ((name === 'e' || name === 'i') && !cursor.bound.includes(name)) return { kind: 'constant', name };
  return { kind: 'symbol', name };
}
