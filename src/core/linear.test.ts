import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import {
  conjugateGradient,
  dot,
  multiply,
  multiplyTransposed,
  solve,
  symmetricEigenvalues,
} from './linear.ts';

const M = [
  [4, 1, 0.5],
  [1, 3, -1],
  [0.5, -1, 2],
];
const matrix = (D: number) =>
  fc.array(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: D, maxLength: D }), {
    minLength: D,
    maxLength: D,
  });
/** Returns BᵀB + I, a symmetric positive definite matrix. */
const definite = (B: number[][]) =>
  B.map((_, i) => B.map((__, j) => B.reduce((sum, row) => sum + row[i] * row[j], i === j ? 1 : 0)));
const close = (got: ArrayLike<number>, want: ArrayLike<number>, digits = 12) => {
  expect(got.length).toBe(want.length);
  Array.from(got).forEach((x, i) => {
    expect(x).toBeCloseTo(want[i], digits);
  });
};

describe('products', () => {
  it('multiply by rows and by columns', () => {
    expect(dot([1, 2], [3, 4])).toBe(11);
    close(
      multiply(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [1, -1],
      ),
      [-1, -1, -1],
    );
    close(
      multiplyTransposed(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [1, -1, 1],
      ),
      [3, 4],
    );
    expect(() => dot([1], [])).toThrow('dot: expected 1 entries, got 0');
  });
});

describe('solve', () => {
  it('matches NumPy', () => {
    close(solve(M, [1, 2, -0.5]), [0.07692307692307693, 0.6615384615384615, 0.06153846153846157], 15);
  });

  it('pivots and does not modify its input', () => {
    const rows = [
      [0, 1],
      [1, 0],
    ];
    close(solve(rows, [3, 5]), [5, 3]);
    expect(rows).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('inverts multiplication', () => {
    fc.assert(
      fc.property(matrix(4), (B) => {
        const A = definite(B);
        close(solve(A, multiply(A, [1, -2, 3, 0.5])), [1, -2, 3, 0.5], 8);
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() =>
      solve(
        [
          [1, 2],
          [2, 4],
        ],
        [1, 1],
      ),
    ).toThrow(DomainError);
    expect(() => solve([[0]], [1])).toThrow(
      'solve: expected a regular matrix, got one with a zero pivot in column 0',
    );
    expect(() => solve([[1, 2]], [1])).toThrow('solve: expected 1 columns, got 2');
    expect(() => solve([[1]], [1, 2])).toThrow('expected 1 right-hand entries, got 2');
  });
});

describe('conjugateGradient', () => {
  it('matches LU', () => {
    fc.assert(
      fc.property(matrix(5), (B) => {
        const A = definite(B);
        const b = [1, -1, 2, 0, 3];
        close(
          conjugateGradient((v) => multiply(A, v), b),
          solve(A, b),
          9,
        );
      }),
    );
    close(
      conjugateGradient((v) => v, [0, 0]),
      [0, 0],
    );
  });

  it('solves for right-hand sides whose squares underflow', () => {
    const x = conjugateGradient((v) => multiply(M, v), [1e-200, 2e-200, -0.5e-200]);
    expect(x[1] / 1e-200).toBeCloseTo(0.6615384615384615, 12);
  });

  it('throws for an operator that is not positive definite', () => {
    const rotation = (v: Float64Array) => Float64Array.of(-v[1] + 1e-9 * v[0], v[0]);
    expect(() => conjugateGradient(rotation, [1, 0.3])).toThrow('is the operator positive definite?');
  });
});

describe('symmetricEigenvalues', () => {
  it('match NumPy, ascending', () => {
    close(symmetricEigenvalues(M), [1.0595504397993127, 3.3175444385565522, 4.622905121644136], 13);
    close(
      symmetricEigenvalues([
        [3, 0],
        [0, -1],
      ]),
      [-1, 3],
    );
  });

  it('have the trace and the squared Frobenius norm of the matrix', () => {
    fc.assert(
      fc.property(matrix(5), (B) => {
        const A = definite(B);
        const eigenvalues = symmetricEigenvalues(A);
        const trace = A.reduce((sum, row, i) => sum + row[i], 0);
        const norm = A.reduce((sum, row) => sum + dot(row, row), 0);
        expect(eigenvalues.reduce((a, b) => a + b, 0) / trace).toBeCloseTo(1, 12);
        expect(dot(eigenvalues, eigenvalues) / norm).toBeCloseTo(1, 12);
        expect(eigenvalues[0]).toBeGreaterThanOrEqual(1 - 1e-9);
      }),
    );
  });
});
