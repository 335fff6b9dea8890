/**
 * Recognizes names that introduce an answer, as in `f(2) = 5`, `\frac{AB}{CD} = 3` or `(x, y) = (1, 2)`.
 * @module
 */
import type { Node } from './ast.ts';

/** Whether an expression is only a name, so that in an equation the other side is the answer. */
export function isName(node: Node): boolean {
  switch (node.kind) {
    case 'symbol':
    case 'text':
    case 'set-name':
      return true;
    case 'constant':
      return node.name === 'e' || node.name === 'i';
    case 'call':
      return true;
    case 'product':
      return node.factors.every(
        (factor) => isName(factor) || factor.kind === 'relation' || factor.kind === 'set-operation',
      );
    case 'quotient':
      return isName(node.over) && isName(node.under);
    case 'power':
      return isName(node.base);
    case 'sum': // `a + b = 7` gives the value of a + b; `x^2 + y^2 = 25` describes a circle
      return node.terms.every(({ kind }) => kind === 'symbol');
    case 'bracket':
      return node.items.every(isName);
    case 'ratio':
      return node.parts.every(isName);
    case 'quantity':
      return isName(node.value);
    default:
      return false;
  }
}
