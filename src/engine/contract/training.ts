/**
 * Engine contract: `forward`, `backward` and `step`.
 * @module
 */
import { describe, expect, it } from 'vitest';
import type { Sequence } from '../engine.ts';
import { type ContractHarness, everyToken, expectClose, plainStep, raising, sum, total } from './harness.ts';

export function describeTraining(harness: ContractHarness): void {
  const {
    prompts,
    temperature,
    maxTokens,
    logpTolerance,
    gradientTolerance,
    descentTolerance,
    descentSize,
    score,
    adamw,
    fresh,
    contextOf,
    drawn,
    trainOnce,
    gradNormOf,
    savedBytes,
  } = harness;

  describe('scoring', () => {
    it('computes the same logp of a message alone, in a batch, and in another order', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const together = await model.forward(messages, score);
      const reversed = (await model.forward([...messages].reverse(), score)).reverse();
      for (const [i, message] of messages.entries()) {
        const [alone] = await model.forward([message], score);
        expectClose(alone as Float32Array, together[i] as Float32Array, logpTolerance);
        expectClose(reversed[i] as Float32Array, together[i] as Float32Array, logpTolerance);
      }
    });

    it('computes next-token probabilities that sum to 1 at any temperature', async () => {
      const model = await fresh();
      const context = contextOf(model, prompts[0] as string);
      const every = everyToken(model, context);
      const atOne = await model.forward(every, { temperature: 1 });
      for (const tau of [0.5, 1, 2]) {
        const logps = (await model.forward(every, { temperature: tau })).map((row) => Number(row[0]));
        expect(logps.reduce((sum, logp) => sum + Math.exp(logp), 0)).toBeCloseTo(1, 4);
        // the distribution at temperature tau is proportional to p^(1/tau), where p is the distribution at
        // temperature 1
        const shift = Number(logps[0]) - Number(atOne[0]?.[0]) / tau;
        for (const [v, logp] of logps.entries())
          expect(Math.abs(logp - Number(atOne[v]?.[0]) / tau - shift)).toBeLessThan(10 * logpTolerance);
      }
    });

    it('accepts empty batches', async () => {
      const model = await fresh();
      const id = await model.snapshot();
      expect(await model.sample([], { temperature, maxTokens })).toEqual([]);
      expect(await model.forward([], score)).toEqual([]);
      expect((await model.backward([], [], score)).logp).toEqual([]);
      expect(await model.divergence([], id, score)).toEqual({ klNewOld: [], klOldNew: [], tv: [] });
    });
  });

  describe('gradients', () => {
    it('raises the logp of a message whose cotangents are -1', async () => {
      const model = await fresh();
      const [message] = await drawn(model);
      const before = total(await model.forward([message as Sequence], score));
      await trainOnce(model, [message as Sequence]);
      const after = total(await model.forward([message as Sequence], score));
      expect(after).toBeGreaterThan(before);
    });

    it('returns the logp under the weights of the gradient', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const scored = await model.forward(messages, score);
      const { logp, kl } = await model.backward(messages, raising(messages), score);
      for (const [i, row] of logp.entries()) expectClose(row, scored[i] as Float32Array, logpTolerance);
      expect(kl).toBeUndefined();
    });

    it('descends along the gradient of sum(cotangent * logp)', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      // the cotangents differ between tokens and have both signs, so that a mix-up of tokens changes the loss
      const cotangents = messages.map(({ tokens }, s) =>
        Array.from(tokens, (_, t) => Math.cos(1 + s * 1.7 + t * 2.3)),
      );
      const loss = async () => {
        const logp = await model.forward(messages, score);
        return sum(logp.flatMap((row, s) => Array.from(row, (x, t) => x * Number(cotangents[s]?.[t]))));
      };
      const norm = await gradNormOf(model, () => model.backward(messages, cotangents, score));
      const before = await loss();
      await model.backward(messages, cotangents, score);
      await model.step(plainStep(descentSize / norm ** 2));
      const drop = before - (await loss());
      expect(Math.abs(drop / descentSize - 1)).toBeLessThan(descentTolerance);
    });

    it('doubles the gradient when the cotangents double', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const [once, twice] = [
        await gradNormOf(model, () => model.backward(messages, raising(messages), score)),
        await gradNormOf(model, () => model.backward(messages, raising(messages, 2), score)),
      ];
      expect(once).toBeGreaterThan(0);
      expect(Math.abs(twice / (2 * once) - 1)).toBeLessThan(gradientTolerance);
    });

    it('accumulates over calls as over one batch, until the gradients are cleared', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const atOnce = await gradNormOf(model, () => model.backward(messages, raising(messages), score));
      const bitByBit = await gradNormOf(model, async () => {
        await model.backward(messages, raising(messages), score);
        model.zeroGradients();
        for (const message of messages) await model.backward([message], raising([message]), score);
      });
      expect(Math.abs(bitByBit / atOnce - 1)).toBeLessThan(gradientTolerance);
      // equal norms do not prove equal gradients, so also check that the gradient of the batch and the
      // gradients accumulated message by message with weights of opposite sign sum to zero
      const cancelled = await gradNormOf(model, async () => {
        await model.backward(messages, raising(messages), score);
        for (const message of messages) await model.backward([message], raising([message], -1), score);
      });
      expect(cancelled).toBeLessThan(gradientTolerance * atOnce);
    });

    it('clears the accumulated gradients after a step', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      expect(await trainOnce(model, messages)).toBeGreaterThan(0);
      expect((await model.step(adamw)).gradNorm).toBe(0);
    });

    it('takes the same step from kept gradients as from gradients that are computed again', async () => {
      const [kept, recomputed] = [await fresh(), await fresh()];
      const messages = await drawn(kept);
      await trainOnce(kept, messages);
      await trainOnce(recomputed, messages);
      const starts = [await kept.snapshot(), await recomputed.snapshot()] as const;
      await kept.backward(messages, raising(messages), score);
      const keep = { keepGradients: true };
      for (const factor of [1, 4, 0.25]) {
        const step = { ...adamw, learningRate: adamw.learningRate * factor };
        await kept.restore(starts[0], keep);
        const { gradNorm } = await kept.step(step, keep);
        await recomputed.restore(starts[1]);
        await recomputed.backward(messages, raising(messages), score);
        expect(await recomputed.step(step)).toEqual({ gradNorm });
        expect(gradNorm).toBeGreaterThan(0);
        expect(await kept.forward(messages, score)).toEqual(await recomputed.forward(messages, score));
        // measuring the step must not change the kept gradients
        await kept.divergence(messages, starts[0], score);
      }
      expect(await savedBytes(kept)).toEqual(await savedBytes(recomputed));
      await kept.restore(starts[0]);
      expect((await kept.step(adamw)).gradNorm).toBe(0);
    });

    it('clips the step but reports the norm before clipping', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const start = await model.snapshot();
      const norm = await gradNormOf(model, () => model.backward(messages, raising(messages), score));
      // this step raises the summed logp by about 0.1 nats; with gradients scaled by 1000 and no clipping, it
      // would raise the sum by about 100 nats
      const step = plainStep(0.1 / norm ** 2);
      const risen = async (scale: number, maxGradNorm: number) => {
        await model.restore(start);
        const { logp } = await model.backward(messages, raising(messages, scale), score);
        const { gradNorm } = await model.step({ ...step, maxGradNorm });
        const after = await model.forward(messages, score);
        return { gradNorm, rise: total(after) - total(logp) };
      };
      const plain = await risen(1, Number.POSITIVE_INFINITY);
      const clipped = await risen(1000, norm);
      expect(Math.abs(clipped.gradNorm / (1000 * norm) - 1)).toBeLessThan(gradientTolerance);
      expect(plain.rise).toBeGreaterThan(0.05);
      expect(Math.abs(clipped.rise / plain.rise - 1)).toBeLessThan(descentTolerance);
    });
  });
}
