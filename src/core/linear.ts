/**
 * Small dense linear algebra for the values, occupancies and natural gradients of tabular worlds. A matrix is
 * an array of rows. Dimensions are in the tens.
 * @see Golub and Van Loan, "Matrix Computations", 3.4 (LU), 8.5 (Jacobi), 11.3 (conjugate gradients)
 * @module
 */
import { checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/** A dense matrix as rows. */
export type Matrix = readonly ArrayLike<number>[];

/** Returns the dot product a·b. @throws DomainError if the lengths differ */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkLength('dot', 'entries', a.length, b.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Returns M x. @throws DomainError if a row and x differ in length */
export function multiply(matrix: Matrix, x: ArrayLike<number>): Float64Array {
  return Float64Array.from(matrix, (row) => dot(row, x));
}

/**
 * Returns Mᵀ x without forming the transpose. @throws DomainError if the number of rows differs from the
 * length of x
 */
export function multiplyTransposed(matrix: Matrix, x: ArrayLike<number>): Float64Array {
  checkLength('multiplyTransposed', 'entries', matrix.length, x.length);
  const product = new Float64Array(matrix.length === 0 ? 0 : matrix[0].length);
  for (let i = 0; i < matrix.length; i++)
    for (let j = 0; j < product.length; j++) product[j] += matrix[i][j] * x[i];
  return product;
}

/**
 * Solves M x = b by LU decomposition with partial pivoting, and returns x.
 *
 * @param matrix - square [D][D]; not modified
 * @throws DomainError if the shape is not square or the matrix is singular
 */
export function solve(matrix: Matrix, b: ArrayLike<number>): Float64Array {
  const D = matrix.length;
  checkLength('solve', 'right-hand entries', D, b.length);
  const rows = matrix.map((row) => Float64Array.from(row));
  for (const row of rows) checkLength('solve', 'columns', D, row.length);
  const x = Float64Array.from(b);
  for (let k = 0; k < D; k++) {
    let pivot = k;
    for (let i = k + 1; i < D; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    if (!(Math.abs(rows[pivot][k]) > 0))
      throw new DomainError(`solve: expected a regular matrix, got one with a zero pivot in column ${k}`);
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    [x[k], x[pivot]] = [x[pivot], x[k]];
    for (let i = k + 1; i < D; i++) {
      const factor = rows[i][k] / rows[k][k];
      if (factor === 0) continue;
      for (let j = k; j < D; j++) rows[i][j] -= factor * rows[k][j];
      x[i] -= factor * x[k];
    }
  }
  for (let k = D - 1; k >= 0; k--) {
    for (let j = k + 1; j < D; j++) x[k] -= rows[k][j] * x[j];
    x[k] /= rows[k][k];
  }
  return x;
}

/**
 * Solves A x = b for a symmetric positive definite operator by conjugate gradients, and returns x. Use it for
 * a matrix of which only products with vectors can be computed, e.g. a Fisher matrix.
 *
 * @param apply - v ↦ A v
 * @param options - `tolerance`: the iteration stops when the norm of the residual b − A x is at most
 *   tolerance · |b|; default 1e-13
 * @throws DomainError if the residual still exceeds this limit after 10 D + 100 steps, where D is the length
 *   of b
 */
export function conjugateGradient(
  apply: (v: Float64Array) => Float64Array,
  b: ArrayLike<number>,
  { tolerance = 1e-13 }: { readonly tolerance?: number } = {},
): Float64Array {
  const D = b.length;
  const x = new Float64Array(D);
  // the right-hand side is scaled to b / max|b|, so that squares of tiny entries do not underflow
  const scale = Float64Array.from(b).reduce((max, entry) => Math.max(max, Math.abs(entry)), 0);
  if (scale === 0) return x;
  const residual = Float64Array.from(b, (entry) => entry / scale);
  const direction = residual.slice();
  let square = dot(residual, residual);
  const target = tolerance ** 2 * square;
  for (let step = 0; square > target; step++) {
    if (step > 10 * D + 100)
      throw new DomainError(
        `conjugateGradient: expected |r|² <= ${target}, got ${square} after ${step} steps; is the operator positive definite?`,
      );
    const image = apply(direction);
    const alpha = square / dot(direction, image);
    for (let i = 0; i < D; i++) {
      x[i] += alpha * direction[i];
      residual[i] -= alpha * image[i];
    }
    const next = dot(residual, residual);
    for (let i = 0; i < D; i++) direction[i] = residual[i] + (next / square) * direction[i];
    square = next;
  }
  return x.map((entry) => scale * entry);
}

/**
 * Returns the eigenvalues of a symmetric matrix in ascending order, computed by Jacobi rotations.
 *
 * @param matrix - symmetric [D][D]; only the upper triangle is used
 * @throws DomainError if the shape is not square
 */
export function symmetricEigenvalues(matrix: Matrix): Float64Array {
  const D = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  for (const row of a) checkLength('symmetricEigenvalues', 'columns', D, row.length);
  for (let i = 0; i < D; i++) for (let j = 0; j < i; j++) a[i][j] = a[j][i];
  const frobenius = a.reduce((sum, row) => sum + dot(row, row), 0);
  for (let sweep = 0; sweep < 100 && offDiagonal(a) > 1e-32 * frobenius; sweep++)
    for (let p = 0; p < D - 1; p++) for (let q = p + 1; q < D; q++) rotate(a, p, q);
  return Float64Array.from(a, (row, i) => row[i]).sort();
}

function offDiagonal(a: readonly Float64Array[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) for (let j = 0; j < i; j++) sum += 2 * a[i][j] ** 2;
  return sum;
}

/** Applies one Jacobi rotation in place; it sets a[p][q] to zero. */
function rotate(a: readonly Float64Array[], p: number, q: number): void {
  if (a[p][q] === 0) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of a) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
  for (let j = 0; j < a.length; j++)
    [a[p][j], a[q][j]] = [c * a[p][j] - s * a[q][j], s * a[p][j] + c * a[q][j]];
}
