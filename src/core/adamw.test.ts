import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adamwStep, initialAdamW } from './adamw.ts';

describe('adamwStep', () => {
  it('matches a NumPy implementation over three steps with decay', () => {
    const options = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.01 };
    let theta: Float64Array = Float64Array.of(1, -2);
    let state = initialAdamW(2);
    for (const gradient of [
      [0.5, -1],
      [-0.25, 2],
      [0.125, 0.5],
    ])
      ({ parameters: theta, state } = adamwStep(state, theta, gradient, options));
    [0.8364065615617237, -1.9723226179485935].forEach((x, d) => {
      expect(theta[d]).toBeCloseTo(x, 14);
    });
    [0.0305, 0.149].forEach((x, d) => {
      expect(state.m[d]).toBeCloseTo(x, 15);
    });
    [0.00322525, 0.051901].forEach((x, d) => {
      expect(state.v[d]).toBeCloseTo(x, 15);
    });
    expect(state.t).toBe(3);
  });

  it('takes a first step of the size of the learning rate for any scale of the gradient', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (g) => {
        const { parameters } = adamwStep(initialAdamW(2), [0, 0], [g, -g], { learningRate: 0.01 });
        expect(parameters[0]).toBeCloseTo(-0.01, 6);
        expect(parameters[1]).toBeCloseTo(0.01, 6);
      }),
    );
  });

  it('does not modify its input, so that a kept state is a snapshot', () => {
    const state = initialAdamW(1);
    const theta = Float64Array.of(1);
    const first = adamwStep(state, theta, [2], { learningRate: 0.1 });
    expect([state.t, ...state.m, ...state.v, ...theta]).toEqual([0, 0, 0, 1]);
    expect(adamwStep(state, theta, [2], { learningRate: 0.1 })).toEqual(first);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => adamwStep(initialAdamW(2), [1], [1, 1], { learningRate: 1 })).toThrow(
      'adamwStep: expected 2 parameters, got 1',
    );
    expect(() => adamwStep(initialAdamW(1), [1], [], { learningRate: 1 })).toThrow(
      'expected 1 gradient entries, got 0',
    );
  });
});
