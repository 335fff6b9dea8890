/**
 * Determinants as expressions, expanded along the first row.
 * @module
 */
import { type Node, numberNode, product } from './ast.ts';
import { ParseFailure } from './cursor.ts';
import type { WorkBudget } from './work-budget.ts';

/**
 * Returns the determinant Σⱼ (-1)^j · a₀ⱼ · det(minor₀ⱼ). @throws ParseFailure if the matrix is not square
 */
export function determinant(rows: readonly (readonly Node[])[], work: WorkBudget): Node {
  const [first = [], ...rest] = rows;
  if (rows.some((row) => row.length !== rows.length))
    throw new ParseFailure('a determinant needs a square matrix');
  work.spend(10);
  if (rows.length <= 1) return first[0] ?? numberNode(1);
  const terms = first.map((entry, column): Node => {
    const minor = rest.map((row) => row.filter((_, j) => j !== column));
    const term = product([entry, determinant(minor, work)]);
    return column % 2 === 0 ? term : { kind: 'negative', of: term };
  });
  return { kind: 'sum', terms };
}
