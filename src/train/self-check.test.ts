import { describe, expect, it } from 'vitest';
import type { Agreement } from '../engine/engine.ts';
import { checkSampledLogp, LOGP_TOLERANCE } from './self-check.ts';

/** One message of an agent whose sampler said these log-probabilities, against the trainer's. */
function check(sampled: readonly number[], trained: readonly number[], agreement?: Agreement) {
  const capabilities = agreement === undefined ? {} : { agreement };
  const agent = { id: 2, name: 'checker', model: { capabilities } };
  return checkSampledLogp(agent, [{ logpSampler: Float32Array.from(sampled) }], [Float32Array.from(trained)]);
}

describe('checkSampledLogp', () => {
  it('says by how much sampler and trainer differ, at most and on average', () => {
    const { max, mean } = check([-1, -2, -3], [-1, -2.00005, -3.00001]);
    expect(max).toBeCloseTo(5e-5, 6);
    expect(mean).toBeCloseTo(2e-5, 6);
    expect(check([], [])).toEqual({ max: 0, mean: 0 });
  });

  it('ends the run where float32 numbers differ by more than rounding', () => {
    expect(() => check([-1, -2], [-1, -2 - 3 * LOGP_TOLERANCE])).toThrow(
      /agent 2 \("checker"\).* within 0.0001 nats per token, got -2 and -2.000.* at token 1 of message 0/,
    );
  });

  it('allows single tokens what the engine says, and looks at the mean', () => {
    const agreement = rounded();
    expect(check([-1, -2, -3, -4], [-1.15, -2, -3, -4], agreement).max).toBeCloseTo(0.15);
    expect(() => check([-1, -2], [-1.2, -2.2], agreement)).toThrow(
      /within 0.05 nats per token on average, got 0.2/,
    );
    expect(() => check([-1], [-1.2], { max: 0.1, mean: 0.5 })).toThrow(/within 0.1 nats per token, got/);
  });

  it.each([[rounded()], [undefined]])('never takes what is not a number (%o)', (agreement) => {
    expect(() => check([Number.NaN], [-1], agreement)).toThrow(/got NaN and -1 at token 0/);
    expect(() => check([-1, -1], [-1], agreement)).toThrow(/got -1 and NaN at token 1/);
  });
});

function rounded(): Agreement {
  return { max: Number.POSITIVE_INFINITY, mean: 0.05 };
}
