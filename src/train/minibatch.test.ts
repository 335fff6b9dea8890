import { describe, expect, it } from 'vitest';
import { createTabularModel } from '../engine/tabular/model.ts';
import { accumulateGradient, type GradientSettings, type OwnTrajectory } from './minibatch.ts';

const END = 3;
const adamw = { learningRate: 0.3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 9 };

/**
 * Returns a model that took one optimizer step from its snapshot S0, and trajectories of two messages with
 * their log-probabilities under S0.
 */
async function steppedModel() {
  const model = createTabularModel({ alphabet: 'abc', prior: { scale: 1, seed: 2 } });
  const advantages = [1.5, -0.5, 0];
  const sequences = advantages.map((_, n) => [
    { context: Int32Array.of(n, END), tokens: Int32Array.of((n + 1) % 3, END) },
    { context: Int32Array.of(n, END, n, END), tokens: Int32Array.of(n) },
  ]);
  const logp = await model.forward(sequences.flat(), { temperature: 0.7 });
  const trajectories = advantages.map((advantage, n): OwnTrajectory => {
    const logpOld = Float32Array.of(...logp[2 * n], ...logp[2 * n + 1]);
    return { advantage, sequences: sequences[n], logpOld };
  });
  const start = await model.snapshot();
  const ones = sequences.flat().map(({ tokens }) => Array.from(tokens, () => -1));
  await model.backward(sequences.flat(), ones, { temperature: 0.7 });
  await model.step(adamw);
  const options = { temperature: 0.7, epsilon: 0.9, ratioNorm: 'sum' } as const;
  const settings: GradientSettings = { options, beta: 0.3, start, atStart: false };
  return { model, trajectories, settings };
}

describe('accumulateGradient', () => {
  it('computes the gradient of the returned loss, with several messages and the KL term', async () => {
    const { model, trajectories, settings: weak } = await steppedModel();
    // with the KL penalty coefficient beta = 30, the KL term contributes most of the gradient
    const settings = { ...weak, beta: 30 };
    const before = await accumulateGradient(model, trajectories, settings);
    const current = await model.snapshot();
    const { gradNorm } = await model.step(adamw);
    await model.restore(current);
    await accumulateGradient(model, trajectories, settings);
    const h = 1e-4 / gradNorm ** 2;
    await model.step({ ...adamw, learningRate: h * 1e6, beta1: 0, beta2: 0, epsilon: 1e6 });
    const after = await accumulateGradient(model, trajectories, settings);
    const drop = (before?.loss as number) - (after?.loss as number);
    expect(before?.loss).not.toBe(0);
    expect(drop / 1e-4).toBeCloseTo(1, 2);
  });

  it('weights the KL sum by beta / (number of own token states of the minibatch)', async () => {
    const { model, trajectories, settings } = await steppedModel();
    const [withKl, without] = [
      await accumulateGradient(model, trajectories, settings),
      await accumulateGradient(model, trajectories, { ...settings, beta: 0 }),
    ];
    const active = trajectories.filter(({ advantage }) => advantage !== 0);
    const { klNewOld } = await model.divergence(
      active.flatMap(({ sequences }) => sequences),
      settings.start,
      { temperature: 0.7 },
    );
    const kl = klNewOld.flatMap((row) => [...row]).reduce((sum, x) => sum + x, 0);
    expect(kl).toBeGreaterThan(0.01);
    expect((withKl?.loss as number) - (without?.loss as number)).toBeCloseTo((0.3 * kl) / 9, 6);
  });

  it('has loss -mean(A) and no KL gradient at S0', async () => {
    const { model, trajectories, settings } = await steppedModel();
    await model.restore(settings.start);
    const atStart = await accumulateGradient(model, trajectories, { ...settings, atStart: true });
    expect(atStart).toEqual({ loss: expect.closeTo(-1 / 3, 12), clipRatio: 0 });
    const { gradNorm } = await model.step(adamw);
    await model.restore(settings.start);
    // without `atStart` the forward pass and the KL term are computed; the gradient must equal that with
    // `atStart`
    await accumulateGradient(model, trajectories, settings);
    expect((await model.step(adamw)).gradNorm).toBeCloseTo(gradNorm, 6);
  });

  it('returns undefined if all advantages are 0', async () => {
    const { model, trajectories, settings } = await steppedModel();
    const flat = trajectories.map((trajectory) => ({ ...trajectory, advantage: 0 }));
    expect(await accumulateGradient(model, flat, settings)).toBeUndefined();
  });

  it('returns NaN and accumulates nothing if a log-probability is not finite', async () => {
    const { model, trajectories, settings } = await steppedModel();
    model.setLogits([0, END], [Number.NaN, 0, 0, 0]);
    expect(await accumulateGradient(model, trajectories, settings)).toEqual({
      loss: Number.NaN,
      clipRatio: 0,
    });
    expect((await model.step(adamw)).gradNorm).toBe(0);
  });
});
