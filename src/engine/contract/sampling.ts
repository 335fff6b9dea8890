/**
 * Engine contract: `sample` and the tokenizer.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Completion } from '../engine.ts';
import { type ContractHarness, everyToken, expectClose, sum } from './harness.ts';

export function describeSampling(harness: ContractHarness): void {
  const { prompts, temperature, maxTokens, logpTolerance, score, fresh, contextOf, drawn } = harness;

  describe('sampling', () => {
    it('reports the log-probability that forward computes', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const scored = await model.forward(messages, score);
      for (const [i, message] of messages.entries())
        expectClose(message.logp, scored[i] as Float32Array, logpTolerance);
    });

    it('draws the same message from the same stream in any batch', async () => {
      const model = await fresh();
      const together = await drawn(model);
      for (const [i, prompt] of prompts.entries()) {
        const request = { context: contextOf(model, prompt), stream: randomStream(1, i) };
        const [alone] = await model.sample([request], { temperature, maxTokens });
        expect(alone?.tokens).toEqual(together[i]?.tokens);
        expect(alone?.finish).toBe(together[i]?.finish);
      }
    });

    it('draws different messages from different streams', async () => {
      const model = await fresh();
      const requests = Array.from({ length: 32 }, (_, i) => ({
        context: contextOf(model, prompts[0] as string),
        stream: randomStream(2, i),
      }));
      const messages = await model.sample(requests, { temperature, maxTokens });
      expect(new Set(messages.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);
    });

    it('draws first tokens with the probabilities of forward at the given temperature', async () => {
      const model = await fresh();
      const context = contextOf(model, prompts[0] as string);
      const draws = 1000;
      // at a temperature far from 1, the test detects logits that are not divided by the temperature
      const tau = temperature / 2;
      const requests = Array.from({ length: draws }, (_, i) => ({ context, stream: randomStream(3, i) }));
      const messages = await model.sample(requests, { temperature: tau, maxTokens: 1 });
      const logps = (await model.forward(everyToken(model, context), { temperature: tau })).map((row) =>
        Number(row[0]),
      );
      const counts = logps.map(() => 0);
      for (const { tokens } of messages)
        counts[tokens[0] as number] = Number(counts[tokens[0] as number]) + 1;
      for (const [token, logp] of logps.entries()) {
        const p = Math.exp(logp);
        const deviation = Number(counts[token]) / draws - p;
        expect(Math.abs(deviation)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / draws) + 1 / draws);
      }
      // the mean logp of the sampled tokens estimates the negative entropy; this test is more sensitive than
      // the frequencies of single tokens
      const mean = sum(logps.map((logp) => Math.exp(logp) * logp));
      const variance = sum(logps.map((logp) => Math.exp(logp) * (logp - mean) ** 2));
      const drawn = sum(messages.map(({ logp }) => Number(logp[0]))) / draws;
      expect(Math.abs(drawn - mean)).toBeLessThan(4 * Math.sqrt(variance / draws) + logpTolerance);
    });

    it('ends a message at an end token or at maxTokens and reports which', async () => {
      const model = await fresh();
      const ends = model.tokenizer.endTokens;
      const requests = Array.from({ length: 32 }, (_, i) => ({
        context: contextOf(model, prompts[i % prompts.length] as string),
        stream: randomStream(4, i),
      }));
      for (const limit of [1, maxTokens])
        for (const message of await model.sample(requests, { temperature, maxTokens: limit })) {
          const last = Number(message.tokens.at(-1));
          expect(message.logp.length).toBe(message.tokens.length);
          expect(message.tokens.length).toBeGreaterThanOrEqual(1);
          expect(message.tokens.length).toBeLessThanOrEqual(limit);
          expect(message.finish).toBe(ends.includes(last) ? 'stop' : 'length');
          if (message.finish === 'length') expect(message.tokens.length).toBe(limit);
          expect([...message.tokens.slice(0, -1)].some((token) => ends.includes(token))).toBe(false);
        }
    });

    it('calls onCompletion once per message with the completion that it returns', async () => {
      const model = await fresh();
      const announced = new Map<number, Completion>();
      const requests = prompts.map((prompt, i) => ({
        context: contextOf(model, prompt),
        stream: randomStream(5, i),
      }));
      const messages = await model.sample(requests, {
        temperature,
        maxTokens,
        onCompletion(index, completion) {
          expect(announced.has(index)).toBe(false);
          announced.set(index, completion);
        },
      });
      expect(announced.size).toBe(messages.length);
      for (const [i, message] of messages.entries()) expect(announced.get(i)?.tokens).toEqual(message.tokens);
    });

    it('rejects when the signal is aborted', async () => {
      const model = await fresh();
      const request = { context: contextOf(model, prompts[0] as string), stream: randomStream(6) };
      const signal = AbortSignal.abort();
      await expect(model.sample([request], { temperature, maxTokens, signal })).rejects.toThrow();
    });
  });

  describe('tokenizer', () => {
    it('inserts sampled tokens into a chat unchanged', async () => {
      const model = await fresh();
      const [message] = await drawn(model);
      const tokens = (message as Completion).tokens;
      const content = model.tokenizer.decode(tokens);
      const context = model.tokenizer.encodeChat([
        { role: 'user', content: prompts[0] as string },
        { role: 'assistant', content, tokens },
        { role: 'user', content: prompts[1] as string },
      ]);
      expect(` ${context.join(' ')} `).toContain(` ${tokens.join(' ')} `);
    });

    it('decodes a message without its end token', async () => {
      const model = await fresh();
      const text = prompts[0] as string;
      const end = Number(model.tokenizer.endTokens[0]);
      expect(model.tokenizer.decode([...model.tokenizer.encode(text), end])).toBe(text);
    });
  });
}
