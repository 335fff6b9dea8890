import { describe, expect, it } from 'vitest';
import { sampledKl } from '../core/divergence.ts';
import { randomStream } from '../core/rng.ts';
import { createTabularModel, type TabularModel } from '../engine/tabular/model.ts';
import type { OwnTrajectory } from './minibatch.ts';
import { type OptimizeSettings, optimize } from './optimize.ts';
import { untrainedAgent } from './state.ts';
import { savedBytes } from './testing/saved-bytes.ts';
import { type OptionChanges, trainOptions } from './testing/world.ts';
import { wrapModel } from './testing/wrapped-model.ts';

/** KL limits (trust-region radii) so large that no update exceeds them. */
const WIDE = { targetKl: 100, targetKlMessage: 100 };

function newModel(): TabularModel {
  return createTabularModel({ alphabet: 'abcd', prior: { scale: 1, seed: 5 } });
}

/**
 * Samples messages from the model, with prompts of one letter, and assigns the advantages 1, -1 and 0 in
 * turn.
 */
async function drawnTrajectories(model: TabularModel, count = 12): Promise<OwnTrajectory[]> {
  const requests = Array.from({ length: count }, (_, n) => ({
    context: Int32Array.of(n % 3, 4),
    stream: randomStream(1, n),
  }));
  const completions = await model.sample(requests, { temperature: 1, maxTokens: 3 });
  const sequences = completions.map(({ tokens }, n) => ({ context: requests[n].context, tokens }));
  const logp = await model.forward(sequences, { temperature: 1 });
  return sequences.map((sequence, n) => ({
    advantage: [1, -1, 0][n % 3],
    sequences: [sequence],
    logpOld: logp[n],
  }));
}

function settings(changes: OptionChanges = {}): OptimizeSettings {
  return {
    options: trainOptions({ minibatchSize: 4, ...changes }),
    state: { beta: 0.01, lrScale: 1 },
    stream: randomStream(9),
    onProgress() {},
  };
}

describe('optimize', () => {
  it('starts with the plain policy-gradient step: loss -mean(A), KL 0, cotangent -A/N', async () => {
    const model = newModel();
    const trajectories = await drawnTrajectories(model);
    const single = settings({ minibatchSize: 100, trustRegion: WIDE });
    const outcome = await optimize(model, trajectories, single);

    const byHand = newModel();
    const N = trajectories.length;
    await byHand.backward(
      trajectories.flatMap(({ sequences }) => sequences),
      trajectories.map(({ advantage, logpOld }) => Array.from(logpOld, () => -advantage / N)),
      { temperature: 1 },
    );
    const { gradNorm } = await byHand.step(single.options.optimizer);

    expect(outcome).toMatchObject({ status: 'ACCEPT', training: { clipRatio: 0 } });
    if (outcome.status === 'SKIP') return;
    const meanAdvantage = trajectories.reduce((sum, { advantage }) => sum + advantage, 0) / N;
    expect(outcome.training.loss).toBeCloseTo(-meanAdvantage, 12);
    expect(outcome.training.gradNorm).toBeCloseTo(gradNorm, 9);
    for (const prefix of model.trainedStates())
      for (const [v, logit] of model.logitsOf(prefix).entries())
        expect(logit).toBeCloseTo(byHand.logitsOf(prefix)[v], 9);
  });

  it('does not compute trajectories with advantage 0 but counts them in N', async () => {
    const model = newModel();
    const trajectories = await drawnTrajectories(model, 12);
    const single = settings({ minibatchSize: 100, trustRegion: WIDE });
    const withZeros = await optimize(model, trajectories, single);
    const informative = trajectories.filter(({ advantage }) => advantage !== 0);
    const without = await optimize(newModel(), informative, single);
    if (withZeros.status === 'SKIP' || without.status === 'SKIP')
      throw new Error('expected updates, got SKIP');
    // Both runs sum the gradients of the 8 trajectories with an advantage. The sum is divided by 12 if the 4
    // trajectories without advantage are included, and by 8 if they are not.
    expect(withZeros.training.gradNorm / without.training.gradNorm).toBeCloseTo(8 / 12, 9);
    const zeroState = [2, 4].join();
    expect(model.trainedStates().map((prefix) => prefix.join())).not.toContain(zeroState);
  });

  it('leaves masked messages out of the loss and measures them in the trust region', async () => {
    const model = newModel();
    const masked = { context: Int32Array.of(3, 4), tokens: Int32Array.of(0, 1) };
    const [first, ...others] = await drawnTrajectories(model, 12);
    const measured: unknown[] = [];
    const watched = wrapModel(model, {
      divergence(sequences, before, params) {
        measured.push(...sequences);
        return model.divergence(sequences, before, params);
      },
    });
    const single = settings({ minibatchSize: 100, trustRegion: WIDE });
    await optimize(watched, [{ ...first, masked: [masked] }, ...others], single);
    expect(measured).toContain(masked);
    expect(measured).toHaveLength(13);
    const trained = model.trainedStates().map((prefix) => prefix.join());
    expect(trained).toContain('0,4');
    expect(trained).not.toContain('3,4');
  });

  it('skips an agent without messages or advantages and does not change it', async () => {
    const model = newModel();
    const before = await savedBytes(model);
    expect(await optimize(model, [], settings())).toMatchObject({ status: 'SKIP', attempts: [] });
    const flat = (await drawnTrajectories(model)).map((trajectory) => ({ ...trajectory, advantage: 0 }));
    expect(await optimize(model, flat, settings())).toMatchObject({ status: 'SKIP' });
    expect(await savedBytes(model)).toEqual(before);
  });

  it('restores every byte of weights and optimizer after a rejection', async () => {
    const model = newModel();
    const trajectories = await drawnTrajectories(model);
    const wide = settings({ trustRegion: WIDE });
    await optimize(model, trajectories, wide); // after this update the optimizer state is not empty
    const current = await withOldLogp(model, trajectories);
    const before = await savedBytes(model);
    const outcome = await optimize(model, current, settings({ trustRegion: { targetKl: 1e-12 } }));
    expect(outcome.status).toBe('REJECT_KL');
    expect(outcome.attempts).toHaveLength(6);
    expect(outcome.attempts.every(({ accepted, reason }) => !accepted && reason === 'kl_quantile')).toBe(
      true,
    );
    expect(await savedBytes(model)).toEqual(before);
  });

  it('halves the step and increases beta until the update fits, starting from S0 each time', async () => {
    const model = newModel();
    const trajectories = await drawnTrajectories(model);
    const tight = settings({
      numIterations: 2,
      trustRegion: { targetKl: 0.01 },
      optimizer: { learningRate: 0.4 },
    });
    const outcome = await optimize(model, trajectories, tight);
    const { attempts } = outcome;
    expect(outcome.status).toBe('ACCEPT');
    expect(attempts.length).toBeGreaterThan(2);
    for (const [k, attempt] of attempts.entries()) {
      expect(attempt.lrScale).toBe(0.5 ** k);
      expect(attempt.beta).toBeCloseTo(0.01 * 1.5 ** k, 12);
      expect(attempt.klQuantile <= 0.01).toBe(k === attempts.length - 1);
    }
    const last = attempts[attempts.length - 1];
    expect(outcome.next).toEqual({ beta: last.beta, lrScale: 1 });

    // the result equals that of a single attempt from the model before the update (S0) with the settings of
    // the last attempt
    const direct = newModel();
    await optimize(direct, trajectories, {
      ...tight,
      options: {
        ...tight.options,
        trustRegion: { ...tight.options.trustRegion, maxBacktracks: 0 },
      },
      state: { beta: last.beta, lrScale: last.lrScale },
    });
    expect(await savedBytes(model)).toEqual(await savedBytes(direct));
  });

  it('keeps a reduced learning rate and increases an underused one with adaptToRadius', async () => {
    const adapting = (learningRate: number) =>
      settings({ trustRegion: { targetKl: 0.01 }, optimizer: { learningRate, adaptToRadius: true } });
    const model = newModel();
    const trajectories = await drawnTrajectories(model);
    const start = await model.snapshot();
    const hard = await optimize(model, trajectories, adapting(0.4));
    expect(hard.next.lrScale).toBe(hard.attempts.at(-1)?.lrScale);
    expect(hard.next.lrScale).toBeLessThan(1);
    await model.restore(start);
    const easy = await optimize(model, trajectories, adapting(1e-4));
    expect(easy.attempts).toHaveLength(1);
    expect(easy.next.lrScale).toBe(1.5);
  });

  it('computes the gradient of a single step once, with the bytes of attempts that compute it again', async () => {
    const model = newModel();
    const trajectories = await drawnTrajectories(model);
    const single = settings({
      minibatchSize: 100,
      trustRegion: { targetKl: 0.01 },
      optimizer: { learningRate: 0.4 },
    });
    let passes = 0;
    const counting = wrapModel(model, {
      backward(sequences, cotangents, params) {
        passes++;
        return model.backward(sequences, cotangents, params);
      },
    });
    const outcome = await optimize(counting, trajectories, single);
    const last = outcome.attempts[outcome.attempts.length - 1];
    expect(outcome.status).toBe('ACCEPT');
    expect(outcome.attempts.length).toBeGreaterThan(2);
    expect(passes).toBe(1);
    expect((await model.step(single.options.optimizer)).gradNorm).toBe(0); // the kept gradient was cleared

    const direct = newModel();
    const { beta, lrScale } = last;
    await optimize(direct, trajectories, { ...single, state: { beta, lrScale } });
    await direct.step(single.options.optimizer);
    expect(await savedBytes(model)).toEqual(await savedBytes(direct));
  });

  describe('first update', () => {
    /** A first update at a learning rate whose step has many times the permitted KL. */
    const firstUpdate = (changes: OptionChanges = {}): OptimizeSettings => ({
      ...settings({
        ...{ minibatchSize: 100, ...changes },
        trustRegion: { targetKl: 0.01, stepShrink: 'auto', ...changes.trustRegion },
        optimizer: { learningRate: 4, adaptToRadius: true, ...changes.optimizer },
      }),
      state: untrainedAgent(0.01),
    });

    it('measures the scale of an agent without updates and needs at most two attempts', async () => {
      const model = newModel();
      const trajectories = await drawnTrajectories(model);
      const before = await optimize(newModel(), trajectories, {
        ...firstUpdate({ trustRegion: { stepShrink: 0.5 } }),
        state: { beta: 0.01, lrScale: 1 },
      });
      expect(before.attempts[0].klQuantile).toBeGreaterThan(1); // more than 100 times the radius
      expect(before.attempts.length).toBeGreaterThan(3);

      const outcome = await optimize(model, trajectories, firstUpdate());
      expect(outcome.status).toBe('ACCEPT');
      expect(outcome.attempts.length).toBeLessThanOrEqual(2);
      expect(outcome.probes.length).toBeGreaterThan(0);
      expect(outcome.attempts[0].lrScale).toBeLessThan(1);
      expect(outcome.attempts.at(-1)?.klQuantile).toBeGreaterThan(0.001);
      expect(outcome.next).toEqual({ beta: expect.any(Number), lrScale: expect.any(Number) });
      const later = await optimize(model, await withOldLogp(model, trajectories), {
        ...firstUpdate(),
        state: outcome.next,
      });
      expect(later.probes).toEqual([]);
    });

    it('undoes the probes: the update equals one without probes at the measured scale', async () => {
      for (const minibatchSize of [100, 5]) {
        const model = newModel();
        const trajectories = await drawnTrajectories(model);
        const outcome = await optimize(model, trajectories, firstUpdate({ minibatchSize }));
        const direct = newModel();
        const { lrScale } = outcome.attempts[0];
        const same = await optimize(direct, trajectories, {
          ...firstUpdate({ minibatchSize }),
          state: { beta: 0.01, lrScale },
        });
        expect(same.attempts).toEqual(outcome.attempts);
        expect(await savedBytes(model)).toEqual(await savedBytes(direct));
      }
    });

    it('is not measured with a fixed learning rate or without a trust region', async () => {
      const trajectories = await drawnTrajectories(newModel());
      for (const changes of [
        { optimizer: { adaptToRadius: false } },
        { trustRegion: { gate: 'record' } },
      ] as const) {
        const outcome = await optimize(newModel(), trajectories, firstUpdate(changes));
        expect(outcome.probes).toEqual([]);
        expect(outcome.attempts[0].lrScale).toBe(1);
        expect(outcome.next.scaleUnknown).toBeUndefined();
      }
    });
  });

  it('never uses the KL term at beta 0, also after backtracks', async () => {
    const model = newModel();
    const trajectories = await drawnTrajectories(model);
    const watched = wrapModel(model, {
      backward(sequences, cotangents, params) {
        expect(params.kl).toBeUndefined();
        return model.backward(sequences, cotangents, params);
      },
    });
    const outcome = await optimize(watched, trajectories, {
      ...settings({
        numIterations: 2,
        trustRegion: { targetKl: 0.01 },
        optimizer: { learningRate: 0.4 },
      }),
      state: { beta: 0, lrScale: 1 },
    });
    expect(outcome.status).toBe('ACCEPT');
    expect(outcome.attempts.length).toBeGreaterThan(1);
    expect(outcome.attempts.map(({ beta }) => beta)).toEqual(outcome.attempts.map(() => 0));
    expect(outcome.next.beta).toBe(0);
  });

  it('rejects an update that is not finite with status REJECT_NAN', async () => {
    const model = newModel();
    const trajectories = await drawnTrajectories(model);
    const before = await savedBytes(model);
    const broken = settings({ optimizer: { learningRate: Number.POSITIVE_INFINITY } });
    const outcome = await optimize(model, trajectories, broken);
    expect(outcome.status).toBe('REJECT_NAN');
    expect(outcome.attempts.every(({ reason }) => reason === 'not_finite')).toBe(true);
    expect(await savedBytes(model)).toEqual(before);
  });

  it('visits the minibatches in the same order in every attempt; the order depends on the stream', async () => {
    const visited = async (stream: number) => {
      const model = newModel();
      const trajectories = await drawnTrajectories(model);
      const seen: string[][] = [];
      const watching = wrapModel(model, {
        backward(sequences, cotangents, params) {
          seen.push(sequences.map(({ context, tokens }) => `${context} ${tokens}`));
          return model.backward(sequences, cotangents, params);
        },
      });
      await optimize(watching, trajectories, {
        ...settings({ trustRegion: { targetKl: 1e-12, maxBacktracks: 1 } }),
        stream: randomStream(stream),
      });
      return seen;
    };
    const seen = await visited(1);
    expect(seen.length % 2).toBe(0);
    expect(seen.slice(0, seen.length / 2)).toEqual(seen.slice(seen.length / 2));
    expect(await visited(2)).not.toEqual(seen);
  });

  it('detects probability mass moved to a token that is never sampled', async () => {
    // The answers "a" and "b" have the probabilities 1 - 1e-6 and 1e-6. Every sampled message is "a" and has
    // a negative advantage.
    const update = async (targetKl: number) => {
      const model = createTabularModel({ alphabet: 'ab', prior: { offsets: [Math.log(1e6), 0, -50] } });
      const sequence = { context: Int32Array.of(0, 2), tokens: Int32Array.of(0) };
      const [logpOld] = await model.forward([sequence], { temperature: 1 });
      const trajectories = Array.from({ length: 8 }, () => ({
        advantage: -1,
        sequences: [sequence],
        logpOld,
      }));
      const changes = {
        numIterations: 2,
        minibatchSize: 8,
        trustRegion: { targetKl, targetKlMessage: 100, maxBacktracks: 0 },
        optimizer: { learningRate: 2.7, epsilon: 1e-12 },
      };
      const { status, attempts } = await optimize(model, trajectories, settings(changes));
      const [logpNew] = await model.forward([sequence], { temperature: 1 });
      return { status, exact: attempts[0].klMean, sampled: sampledKl(logpNew[0] - logpOld[0], 'k3').value };
    };
    const radius = 0.05;
    const unchecked = await update(100);
    expect(unchecked.status).toBe('ACCEPT');
    // the KL estimated from the sampled tokens alone does not show the change of the policy
    expect(unchecked.sampled).toBeLessThan(radius / 100);
    expect(unchecked.exact).toBeGreaterThan(radius);
    expect((await update(radius)).status).toBe('REJECT_KL');
  });
});

async function withOldLogp(
  model: TabularModel,
  trajectories: readonly OwnTrajectory[],
): Promise<OwnTrajectory[]> {
  const logp = await model.forward(
    trajectories.flatMap(({ sequences }) => sequences),
    { temperature: 1 },
  );
  return trajectories.map((trajectory, n) => ({ ...trajectory, logpOld: logp[n] }));
}
