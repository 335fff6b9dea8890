/**
 * Engine contract: `decodeBatch` and `distributions`, which mixtures of models need. The tests are skipped
 * for engines without these methods.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Model } from '../engine.ts';
import { sampleSlots } from '../sampling/slot-sampler.ts';
import type { ContractHarness } from './harness.ts';

export function describeMixing(harness: ContractHarness): void {
  const { prompts, temperature, maxTokens, score, fresh, contextOf, drawn, trainOnce } = harness;

  /** Three requests per prompt, so that there are more messages than slots. */
  const requestsFor = (model: Model) =>
    prompts.flatMap((prompt, p) =>
      [0, 1, 2].map((k) => ({ context: contextOf(model, prompt), stream: randomStream(1, p, k) })),
    );

  describe('a batch of messages', () => {
    it('draws the tokens that the model samples', async () => {
      const model = await fresh();
      if (model.decodeBatch === undefined) return;
      const params = { temperature, maxTokens };
      const rules = {
        slots: 2,
        endTokens: model.tokenizer.endTokens,
        maxPositions: model.capabilities.maxContext,
      };
      const contexts = requestsFor(model).map(({ context }) => context);
      const batch = await model.decodeBatch(contexts, rules.slots);
      const completions = await sampleSlots(batch, requestsFor(model), { params, rules });
      const sampled = await model.sample(requestsFor(model), params);
      for (const [index, { tokens, logp }] of completions.entries()) {
        expect(tokens).toEqual(sampled[index]?.tokens);
        logp.forEach((value, t) => {
          expect(Math.abs(value - (sampled[index]?.logp[t] as number))).toBeLessThan(harness.logpTolerance);
        });
      }
    });
  });

  describe('distributions', () => {
    it('are normalized and contain the log-probability of every message token', async () => {
      const model = await fresh();
      if (model.distributions === undefined) return;
      const messages = await drawn(model);
      const forward = await model.forward(messages, score);
      const seen = new Set<number>();
      await model.distributions(messages, score, (index, rows) => {
        seen.add(index);
        const { tokens } = messages[index] as (typeof messages)[number];
        const size = rows.length / tokens.length;
        tokens.forEach((token, t) => {
          const row = rows.subarray(t * size, (t + 1) * size);
          expect(row.reduce((sum, logp) => sum + Math.exp(logp), 0)).toBeCloseTo(1, 4);
          expect(Math.abs((row[token] as number) - (forward[index]?.[t] as number))).toBeLessThan(1e-5);
        });
      });
      expect(seen.size).toBe(messages.length);
    });

    it('are those of the snapshot if one is given', async () => {
      const model = await fresh();
      if (model.distributions === undefined) return;
      const messages = await drawn(model);
      const rowsOf = async (snapshot?: Awaited<ReturnType<Model['snapshot']>>) => {
        const rows: number[][] = [];
        await model.distributions?.(messages, { ...score, ...(snapshot && { snapshot }) }, (index, logp) => {
          rows[index] = [...logp];
        });
        return rows;
      };
      const snapshot = await model.snapshot();
      const before = await rowsOf();
      await trainOnce(model, messages);
      expect(await rowsOf(snapshot)).toEqual(before);
      expect(await rowsOf()).not.toEqual(before);
    });
  });
}
