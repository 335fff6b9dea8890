import { describe, expect, it } from 'vitest';
import { exportReport } from './export-report.ts';
import { isMaterial, lostShare, type RoundingLoss, roundingAdvice, roundingLines } from './rounding-loss.ts';

const loss: RoundingLoss = {
  ...{ dtype: 'bfloat16', messages: 32, states: 400 },
  lost: { mean: 0.002, q99: 0.01 },
  learned: { mean: 0.004, q99: 0.02 },
  weights: { trained: 1000, equal: 925 },
};

describe('the loss by rounding', () => {
  it('is the ratio of the two divergences, and material above a tenth', () => {
    expect(lostShare(loss)).toBe(0.5);
    expect(isMaterial(loss)).toBe(true);
    expect(isMaterial({ ...loss, lost: { mean: 0.0004, q99: 0.01 } })).toBe(false);
    expect(isMaterial({ ...loss, lost: { mean: 0.00041, q99: 0.01 } })).toBe(true);
  });

  it('is not a share of a change that is as small as the error of the measurement', () => {
    const unchanged = { ...loss, learned: { mean: 1e-7, q99: 1e-7 }, lost: { mean: 1e-7, q99: 1e-7 } };
    expect(lostShare(unchanged)).toBeUndefined();
    expect(isMaterial(unchanged)).toBe(false);
    const noisy = { ...unchanged, lost: { mean: 0.0015, q99: 0.01 } };
    expect(roundingAdvice(noisy, false)).toContain('(limit: 0.001 nats per token)');
    expect(roundingLines(unchanged)).toContain(
      'the trained model and the base do not differ on these messages',
    );
  });

  it('has a fixed limit where the base is unknown', () => {
    const { learned: _, weights: __, ...rest } = loss;
    expect(isMaterial(rest)).toBe(true);
    expect(isMaterial({ ...rest, lost: { mean: 0.001, q99: 0.1 } })).toBe(false);
    expect(roundingLines(rest)).toHaveLength(1);
  });

  it('is reported in sentences, with a recommendation', () => {
    expect(roundingLines(loss)).toEqual([
      'KL(trained || exported) 2.0e-3 nats per token on average, 1.0e-2 at the 99% quantile, over 400 tokens of 32 messages of the run',
      'KL(trained || base) 4.0e-3 nats per token on average, 2.0e-2 at the 99% quantile',
      'rounding to bfloat16 loses 50.0% of the learned change, as the ratio of the two means',
      "92.5% of the 1,000 trained weights equal the base's in bfloat16",
    ]);
    expect(roundingLines({ ...loss, sampled: true })[0]).toMatch(
      /32 messages sampled on prompts of the task$/,
    );
    expect(roundingAdvice(loss, true)).toContain('--dtype float32, or the adapter (without --merge)');
    const row = { dir: 'out/a', files: ['model.safetensors'], commands: ['run it'] };
    expect(
      exportReport([{ ...row, merged: false, rounding: loss }])
        .split('\n')
        .slice(-4),
    ).toEqual([
      "  92.5% of the 1,000 trained weights equal the base's in bfloat16",
      '  warning: bfloat16 does not keep the trained policy (limit: 10.0% of the change); export with --dtype float32',
      '  run it',
      '',
    ]);
    expect(exportReport([{ ...row, merged: true, rounding: 'no messages' }])).toContain(
      '  effect of rounding not measured: no messages',
    );
  });
});
