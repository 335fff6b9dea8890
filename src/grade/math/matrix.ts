/**
 * Evaluates sums, products and transposes of matrices and compares matrices entry by entry.
 * @module
 */
import { contains, type Node, product } from './ast.ts';
import { type Comparer, different, type Outcome, same } from './outcome.ts';
import { sameExpression } from './same-expression.ts';
import type { WorkBudget } from './work-budget.ts';

type Rows = readonly (readonly Node[])[];

const MAX_ENTRIES = 400;

/** Whether a tree contains a matrix. */
export function hasMatrix(node: Node): boolean {
  return contains(node, ({ kind }) => kind === 'matrix');
}

/**
 * Returns the entries of a matrix expression; undefined if the node is not one or the matrix sizes do not
 * match.
 */
export function entriesOf(node: Node, work: WorkBudget): Rows | undefined {
  work.spend(1);
  switch (node.kind) {
    case 'matrix': {
      const width = node.rows[0]?.length ?? 0;
      const isRectangle = width > 0 && node.rows.every((row) => row.length === width);
      return isRectangle && width * node.rows.length <= MAX_ENTRIES ? node.rows : undefined;
    }
    case 'bracket': // a vector in angle brackets is a column
      return node.open === '<' && node.close === '<' ? node.items.map((item) => [item]) : undefined;
    case 'negative':
      return entriesOf(node.of, work)?.map((row) => row.map((of): Node => ({ kind: 'negative', of })));
    case 'quotient':
      return entriesOf(node.over, work)?.map((row) =>
        row.map((over): Node => ({ kind: 'quotient', over, under: node.under })),
      );
    case 'power':
      return isTransposition(node.exponent) ? transposed(entriesOf(node.base, work)) : undefined;
    case 'sum':
      return node.terms.map((term) => entriesOf(term, work)).reduce((a, b) => a && b && sumOf(a, b));
    case 'product':
      return productOf(node.factors, work);
    default:
      return undefined;
  }
}

function isTransposition(exponent: Node): boolean {
  return (
    exponent.kind === 'symbol' &&
    (exponent.name === 'T' || exponent.name === '\\top' || exponent.name === '\\intercal')
  );
}

function transposed(rows: Rows | undefined): Rows | undefined {
  return rows?.[0]?.map((_, column) => rows.map((row) => row[column])); // rows are equally long
}

function sumOf(a: Rows, b: Rows): Rows | undefined {
  if (a.length !== b.length || a[0]?.length !== b[0]?.length) return undefined;
  return a.map((row, i) => row.map((x, j): Node => ({ kind: 'sum', terms: [x, b[i][j]] })));
}

function productOf(factors: readonly Node[], work: WorkBudget): Rows | undefined {
  let rows: Rows | undefined;
  const scalars: Node[] = [];
  for (const factor of factors) {
    const next = hasMatrix(factor) || factor.kind === 'bracket' ? entriesOf(factor, work) : undefined;
    if (!next) scalars.push(factor);
    else if (!rows) rows = next;
    else if (rows[0]?.length === next.length) rows = matrixProduct(rows, next, work);
    else return undefined;
  }
  if (scalars.length === 0) return rows;
  return rows?.map((row) => row.map((entry) => product([...scalars, entry])));
}

function matrixProduct(a: Rows, b: Rows, work: WorkBudget): Rows {
  const columns = transposed(b) ?? [];
  work.spend(a.length * columns.length * b.length);
  return a.map((row) =>
    columns.map(
      (column): Node => ({ kind: 'sum', terms: row.map((x, k) => product([x, column[k]])) }), // lengths agree
    ),
  );
}

/**
 * Compares two answers of which at least one contains a matrix. A vector in angle brackets is read as a
 * column.
 */
export function sameMatrix(gold: Node, prediction: Node, { work }: Comparer): Outcome {
  const [a, b] = [entriesOf(gold, work), entriesOf(prediction, work)];
  if (!a || !b) return different('only one of them is a matrix');
  if (a.length !== b.length || a[0]?.length !== b[0]?.length)
    return different(`expected ${a.length} by ${a[0]?.length} entries, got ${b.length} by ${b[0]?.length}`);
  for (const [i, row] of a.entries())
    for (const [j, entry] of row.entries()) {
      const outcome = sameExpression(entry, b[i][j], work); // sizes agree
      if (!outcome.same) return different(`row ${i + 1}, column ${j + 1}: ${outcome.reason}`);
    }
  return same('all entries are equal');
}
