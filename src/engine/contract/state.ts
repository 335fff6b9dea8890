/**
 * Engine contract: snapshots and checkpoint folders.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { type ContractHarness, raising, total } from './harness.ts';

export function describeState(harness: ContractHarness): void {
  const { prompts, score, fresh, load, saved, contextOf, drawn, trainOnce } = harness;

  describe('snapshots', () => {
    it('restore every byte: weights, optimizer state and its step count', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      await trainOnce(model, messages);
      const id = await model.snapshot();
      const atSnapshot = await model.forward(messages, score);
      await trainOnce(model, messages);
      const once = await model.forward(messages, score);
      for (let i = 0; i < 3; i++) await trainOnce(model, messages, -1);
      expect(await model.forward(messages, score)).not.toEqual(once);
      for (let round = 0; round < 2; round++) {
        // `restore` must clear the gradients that this `backward` call accumulates
        await model.backward(messages, raising(messages, 5), score);
        await model.restore(id);
        expect(await model.forward(messages, score)).toEqual(atSnapshot);
        await trainOnce(model, messages);
        expect(await model.forward(messages, score)).toEqual(once);
      }
    });

    it('restore the sampled messages', async () => {
      const model = await fresh();
      const before = await drawn(model);
      const id = await model.snapshot();
      for (let i = 0; i < 5; i++) await trainOnce(model, before, -1);
      await model.restore(id);
      expect(await drawn(model)).toEqual(before);
    });

    it('do not change with the weights, and do not exist after release', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const first = await model.snapshot();
      await trainOnce(model, messages);
      const second = await model.snapshot();
      const moved = await model.divergence(messages, first, score);
      expect(total(moved.klNewOld)).toBeGreaterThan(0);
      const still = await model.divergence(messages, second, score);
      expect(total(still.klNewOld)).toBe(0);
      model.release(first);
      await expect(model.restore(first)).rejects.toThrow();
      await model.restore(second);
    });
  });

  describe('saving', () => {
    it('round-trips a model: equal log-probabilities and an equal next step', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      for (let i = 0; i < 3; i++) await trainOnce(model, messages);
      const loaded = await load(await saved(model), true);
      expect(loaded.parameterCount).toBe(model.parameterCount);
      expect(await loaded.forward(messages, score)).toEqual(await model.forward(messages, score));
      expect(await trainOnce(loaded, messages)).toBe(await trainOnce(model, messages));
      expect(await loaded.forward(messages, score)).toEqual(await model.forward(messages, score));
      expect(await drawn(loaded, 7)).toEqual(await drawn(model, 7));
    });

    it('starts with a fresh optimizer by default', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      for (let i = 0; i < 3; i++) await trainOnce(model, messages);
      const loaded = await load(await saved(model));
      expect(await loaded.forward(messages, score)).toEqual(await model.forward(messages, score));
      await trainOnce(loaded, messages, -1);
      await trainOnce(model, messages, -1);
      expect(await loaded.forward(messages, score)).not.toEqual(await model.forward(messages, score));
    });

    it('keeps the tokenizer', async () => {
      const model = await fresh();
      const loaded = await load(await saved(model));
      expect(loaded.tokenizer.vocabSize).toBe(model.tokenizer.vocabSize);
      expect(loaded.tokenizer.endTokens).toEqual(model.tokenizer.endTokens);
      for (const prompt of prompts) {
        expect(loaded.tokenizer.encode(prompt)).toEqual(model.tokenizer.encode(prompt));
        expect(loaded.tokenizer.decode(loaded.tokenizer.encode(prompt))).toBe(prompt);
        expect(contextOf(loaded, prompt)).toEqual(contextOf(model, prompt));
      }
    });
  });
}
