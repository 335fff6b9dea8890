import { describe, expect, it } from 'vitest';
import { adamwStep as coreStep, initialAdamW } from '../../../core/adamw.ts';
import { randomStream } from '../../../core/rng.ts';
import type { AdamWParams } from '../../engine.ts';
import { adamwStep, globalNorm } from './adamw.ts';

const D = 7;
const params: AdamWParams = {
  learningRate: 0.03,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-6,
  weightDecay: 0.2,
  maxGradNorm: 1,
};

const draws = (key: number): Float32Array => {
  const stream = randomStream(51, key);
  return Float32Array.from({ length: D }, () => stream.normal());
};

describe('adamwStep', () => {
  it.each([
    { name: 'plain', changes: { weightDecay: 0 }, decay: true, clip: 1 },
    { name: 'with decay', changes: {}, decay: true, clip: 1 },
    { name: 'with decay, on a parameter without decay', changes: {}, decay: false, clip: 1 },
    { name: 'with a clipped gradient', changes: {}, decay: true, clip: 0.125 },
    { name: 'with beta1 = beta2 = 0', changes: { beta1: 0, beta2: 0 }, decay: true, clip: 1 },
    {
      name: 'with an epsilon that dominates the second moment',
      changes: { epsilon: 10 },
      decay: true,
      clip: 1,
    },
  ])('agrees with the core implementation over many steps ($name)', ({ changes, decay, clip }) => {
    const rules = { ...params, ...changes };
    const slot = {
      weights: draws(0),
      gradient: new Float32Array(D),
      m: new Float32Array(D),
      v: new Float32Array(D),
      decay,
    };
    let state = initialAdamW(D);
    let theta: ArrayLike<number> = slot.weights.slice();
    for (let step = 1; step <= 20; step++) {
      slot.gradient.set(draws(step));
      adamwStep(slot, rules, { step, scale: clip });
      const scaled = slot.gradient.map((g) => g * clip);
      const next = coreStep(state, theta, scaled, { ...rules, weightDecay: decay ? rules.weightDecay : 0 });
      ({ parameters: theta, state } = next);
      for (let d = 0; d < D; d++) {
        expect(slot.weights[d]).toBeCloseTo(theta[d] as number, 5);
        expect(slot.m[d]).toBeCloseTo(state.m[d] as number, 6);
        expect(slot.v[d]).toBeCloseTo(state.v[d] as number, 6);
      }
    }
  });

  it('propagates a NaN gradient to its own weight only', () => {
    const weights = draws(0);
    const gradient = draws(1);
    gradient[2] = Number.NaN;
    const slot = { weights, gradient, m: new Float32Array(D), v: new Float32Array(D), decay: true };
    adamwStep(slot, params, { step: 1, scale: 1 });
    expect([...weights].map(Number.isNaN)).toEqual([false, false, true, false, false, false, false]);
  });
});

describe('globalNorm', () => {
  it('is the L2 norm of all gradients together', () => {
    expect(globalNorm([Float32Array.of(1, 2), Float32Array.of(), Float32Array.of(-2, 4)])).toBe(5);
    expect(globalNorm([])).toBe(0);
  });

  it('does not overflow, and propagates NaN and Infinity', () => {
    expect(globalNorm([Float32Array.of(3e38, 0)])).toBeCloseTo(Math.fround(3e38), -30);
    expect(globalNorm([Float32Array.of(1, Number.NaN)])).toBeNaN();
    expect(globalNorm([Float32Array.of(1, Number.NEGATIVE_INFINITY)])).toBe(Number.POSITIVE_INFINITY);
  });
});
