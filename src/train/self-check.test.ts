import { describe, expect, it } from 'vitest';
import type { Agreement } from '../engine/engine.ts';
import { checkSampledLogp, LOGP_TOLERANCE } from './self-check.ts';

/** Checks one message with the given log-probabilities of sampler and trainer. */
function check(sampled: readonly number[], trained: readonly number[], agreement?: Agreement) {
  const capabilities = agreement === undefined ? {} : { agreement };
  const agent = { id: 2, name: 'checker', model: { capabilities } };
  return checkSampledLogp(agent, [{ logpSampler: Float32Array.from(sampled) }], [Float32Array.from(trained)]);
}

describe('checkSampledLogp', () => {
  it('returns the maximum and mean difference', () => {
    const { max, mean } = check([-1, -2, -3], [-1, -2.00005, -3.00001]);
    expect(max).toBeCloseTo(5e-5, 6);
    expect(mean).toBeCloseTo(2e-5, 6);
    expect(check([], [])).toEqual({ max: 0, mean: 0 });
  });

  it('throws if float32 values differ by more than rounding errors', () => {
    expect(() => check([-1, -2], [-1, -2 - 3 * LOGP_TOLERANCE.max])).toThrow(
      /agent 2 \("checker"\).* within 0.001 nats per token, got -2 and -2.00.* at token 1 of message 0/,
    );
  });

  it('limits the mean more tightly than single tokens', () => {
    const sampled = Array.from({ length: 20 }, () => -1);
    const shifted = (difference: number) => sampled.map((logp) => logp + difference);
    expect(check(sampled, [...shifted(1e-6).slice(1), -1.0005]).max).toBeCloseTo(5e-4, 5);
    expect(() => check(sampled, shifted(2e-4))).toThrow(/within 0.0001 nats per token on average, got 0.000/);
  });

  it('allows the engine’s tolerance for single tokens and checks the mean', () => {
    const agreement = rounded();
    expect(check([-1, -2, -3, -4], [-1.15, -2, -3, -4], agreement).max).toBeCloseTo(0.15);
    expect(() => check([-1, -2], [-1.2, -2.2], agreement)).toThrow(
      /within 0.05 nats per token on average, got 0.2/,
    );
    expect(() => check([-1], [-1.2], { max: 0.1, mean: 0.5 })).toThrow(/within 0.1 nats per token, got/);
  });

  it.each([[rounded()], [undefined]])('throws for NaN and missing values (%o)', (agreement) => {
    expect(() => check([Number.NaN], [-1], agreement)).toThrow(/got NaN and -1 at token 0/);
    expect(() => check([-1, -1], [-1], agreement)).toThrow(/got -1 and NaN at token 1/);
  });
});

function rounded(): Agreement {
  return { max: Number.POSITIVE_INFINITY, mean: 0.05 };
}
