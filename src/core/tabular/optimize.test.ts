import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactKl } from '../divergence.ts';
import { DomainError } from '../errors.ts';
import { type OneStateOptions, optimizeOneState } from './optimize.ts';

const problem = { logits: [0.2, -0.7, 1], advantages: [1, -1, 0.5] };
const options: OneStateOptions = {
  targetKl: 0.01,
  beta: 0.01,
  learningRate: 1,
  innerSteps: 3,
  maxBacktracks: 5,
  optimizer: 'sgd',
};

describe('optimizeOneState', () => {
  it('improves within the radius after the necessary number of backtracks', () => {
    const { trace, status, logits, gain } = optimizeOneState(problem, { ...options, learningRate: 8 });
    expect(status).toBe('accepted');
    expect(trace.length).toBeGreaterThan(1);
    expect(trace.map((a) => a.lrScale)).toEqual(trace.map((_, k) => 0.5 ** k));
    expect(trace.map((a) => a.accepted)).toEqual(trace.map((_, k) => k === trace.length - 1));
    expect(exactKl(logits, problem.logits).klNewOld).toBeLessThanOrEqual(0.01);
    expect(gain).toBeGreaterThan(0);
  });

  it('restores every number after a rejection', () => {
    const result = optimizeOneState(problem, {
      ...options,
      optimizer: 'adamw',
      targetKl: 1e-12,
      maxBacktracks: 1,
    });
    expect(result.status).toBe('rejected');
    expect([...result.logits]).toEqual(problem.logits);
    expect(result.adamw).toEqual({ m: new Float64Array(3), v: new Float64Array(3), t: 0 });
    expect(result.gain).toBe(0);
    expect(result.betaNext).toBeCloseTo(0.0225, 15);
  });

  it("does not depend on beta in a single step, where the KL's gradient is 0", () => {
    const step = (beta: number) =>
      optimizeOneState(problem, { ...options, beta, innerSteps: 1, learningRate: 0.01 }).logits;
    expect([...step(1e-6)]).toEqual([...step(100)]);
    const two = (beta: number) =>
      optimizeOneState(problem, { ...options, beta, innerSteps: 2, learningRate: 0.01 }).logits;
    expect([...two(1e-6)]).not.toEqual([...two(100)]);
  });

  it('returns the optimizer state of the accepted attempt only', () => {
    const { adamw, trace } = optimizeOneState(problem, { ...options, optimizer: 'adamw', learningRate: 0.5 });
    expect(trace.length).toBeGreaterThan(1);
    expect(adamw.t).toBe(3);
  });

  it('ends inside the ball or at the start for any problem', () => {
    const three = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(three, three, fc.constantFrom('adamw', 'sgd'), (logits, advantages, optimizer) => {
        const result = optimizeOneState({ logits, advantages }, { ...options, optimizer });
        const kl = exactKl(result.logits, logits).klNewOld;
        expect(kl).toBeLessThanOrEqual(0.01);
        if (result.status === 'rejected') expect([...result.logits]).toEqual(logits);
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => optimizeOneState({ ...problem, advantages: [1] }, options)).toThrow(DomainError);
    expect(() => optimizeOneState({ ...problem, advantages: [1] }, options)).toThrow(
      'expected 3 advantages, got 1',
    );
    expect(() => optimizeOneState(problem, { ...options, innerSteps: 0 })).toThrow(
      'innerSteps to be an integer >= 1',
    );
    expect(() => optimizeOneState(problem, { ...options, learningRate: 0 })).toThrow(
      'expected learningRate > 0, got 0',
    );
  });
});
