/** Tests aborts and closing that happen after a message has ended. */
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { DecodeBatch } from '../decode-batch.ts';
import type { GenerationRequest, MessageGenerator } from '../generation.ts';
import { createBatchGenerator } from './batch-generator.ts';
import { createWholeMessageGenerator } from './whole-message-generator.ts';

/** A batch that always predicts token 1, and calls `computing` in every step. */
function certainBatch(computing: () => void): DecodeBatch {
  const logits = Float32Array.of(0, 100);
  return {
    vocabSize: 2,
    load: async () => {
      computing();
      return { logits, row: 0 };
    },
    step: async (last) => {
      computing();
      return Float32Array.from(last.flatMap(() => [...logits]));
    },
    clear: () => undefined,
    keep: () => undefined,
  };
}

const generators: readonly (readonly [string, (computing: () => void) => MessageGenerator])[] = [
  [
    'token by token',
    (computing) =>
      createBatchGenerator({ open: async () => certainBatch(computing), endTokens: [], maxPositions: 16 }),
  ],
  [
    'whole',
    (computing) =>
      createWholeMessageGenerator({
        maxPositions: 16,
        sample: async (requests, { maxTokens }) => {
          computing();
          return requests.map(() => ({
            tokens: new Int32Array(maxTokens).fill(1),
            logp: new Float32Array(maxTokens),
            finish: 'length' as const,
          }));
        },
      }),
  ],
];

const request = (changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
  context: Int32Array.of(1),
  stream: randomStream(1),
  temperature: 1,
  topP: 1,
  maxTokens: 3,
  ...changes,
});

describe.each(generators)('a generator of messages decoded %s', (_, create) => {
  it.each([1, 3])(
    'rejects a message that is aborted at token %i of 3, and reports no later token',
    async (at) => {
      const [left, stop] = [new AbortController(), new Error('enough')];
      let heard = 0;
      const onToken = (): undefined => {
        if (++heard === at) left.abort(stop);
      };
      const generator = create(() => undefined);
      const [gone, stays] = await Promise.allSettled([
        generator.generate(request({ signal: left.signal, onToken })),
        generator.generate(request()),
      ]);
      expect(gone).toEqual({ status: 'rejected', reason: stop });
      expect(heard).toBe(at);
      expect(stays).toMatchObject({ status: 'fulfilled', value: { tokens: Int32Array.of(1, 1, 1) } });
    },
  );

  it('rejects an in-flight message when it is closed, even at its last token', async () => {
    let closing: Promise<void> | undefined;
    const generator = create(() => {
      closing ??= generator.close();
    });
    await expect(generator.generate(request({ maxTokens: 1 }))).rejects.toMatchObject({
      code: 'TROUPE_ENGINE_CLOSED',
    });
    await closing;
  });
});
