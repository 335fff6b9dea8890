import { describe, expect, it } from 'vitest';
import {
  checkDistribution,
  checkFinite,
  checkInteger,
  checkLength,
  checkOpenUnit,
  checkPositive,
  checkRange,
  checkWithin,
} from './check.ts';
import { DomainError } from './errors.ts';

describe('checks', () => {
  it('accept valid values', () => {
    checkLength('f', 'rows', 2, 2);
    checkFinite('f', 'x', [0, -1]);
    checkPositive('f', 'x', 1e-300);
    checkOpenUnit('f', 'x', 0.5);
    checkInteger('f', 'x', 3, 3);
    checkRange('f', -1, 0);
    checkWithin('f', 'x', [0, 1], { lo: 0, hi: 1 });
    checkDistribution('f', 'p', [0.25, 0.75, 0]);
  });

  it('name the function, the expectation and the value', () => {
    const cases: readonly (readonly [() => void, string])[] = [
      [() => checkLength('f', 'rows', 2, 3), 'f: expected 2 rows, got 3'],
      [() => checkFinite('f', 'x', [1, Number.NaN]), 'f: expected finite x[1], got NaN'],
      [() => checkPositive('f', 'x', 0), 'f: expected x > 0, got 0'],
      [() => checkPositive('f', 'x', Infinity), 'f: expected x > 0, got Infinity'],
      [() => checkOpenUnit('f', 'x', 1), 'f: expected x strictly between 0 and 1, got 1'],
      [() => checkInteger('f', 'x', 1.5, 1), 'f: expected x to be an integer >= 1, got 1.5'],
      [() => checkInteger('f', 'x', 0, 1), 'f: expected x to be an integer >= 1, got 0'],
      [() => checkRange('f', 1, 1), 'f: expected finite lo < hi, got lo 1 and hi 1'],
      [() => checkWithin('f', 'x', [0, 2], { lo: 0, hi: 1 }), 'f: expected x[1] in [0, 1], got 2'],
      [() => checkDistribution('f', 'p', [1.5, -0.5]), 'f: expected p[1] >= 0, got -0.5'],
      [() => checkDistribution('f', 'p', [0.5, 0.25]), 'f: expected p to sum to 1, got 0.75'],
      [() => checkDistribution('f', 'p', [Number.NaN]), 'f: expected p[0] >= 0, got NaN'],
    ];
    for (const [check, message] of cases) {
      expect(check).toThrow(DomainError);
      expect(check).toThrow(message);
    }
  });
});
