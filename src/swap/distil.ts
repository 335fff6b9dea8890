/**
 * Distils the mixture of old and new model (called Stage-0) into the new model, on messages sampled in the
 * team's episodes. Distillation is for pairs of models that do not fit into memory together or have different
 * vocabularies. Distillation does not guarantee that the result stays in the trust region, so its KL
 * divergence is measured.
 * @module
 */
import { stateDivergence } from '../core/divergence.ts';
import { mean } from '../core/stats.ts';
import type { AdamWParams, Model, ScoreParams, Sequence } from '../engine/engine.ts';

export interface DistilOptions {
  readonly steps: number;
  /** Number of messages per optimizer step. */
  readonly batchSize: number;
  readonly adamw: AdamWParams;
  readonly score: ScoreParams;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Trains the replacement model on messages y that the teacher (the mixture) sampled: minimizes the mean
 * negative log-likelihood -(1/T) sum_t log replacement(y_t) over their T tokens. The loss equals KL(teacher
 * || replacement) up to a constant, so the replacement learns the teacher's distribution and not only its
 * most likely answer.
 *
 * @param messages - messages that the teacher sampled in the team's episodes, in the replacement's token
 *   ids; the batches cycle through them in order
 * @returns loss before and after the training, nats per token, over all messages
 */
export async function distil(
  replacement: Model,
  messages: readonly Sequence[],
  { steps, batchSize, adamw, score, onProgress }: DistilOptions,
): Promise<{ readonly before: number; readonly after: number }> {
  const before = await lossOf(replacement, messages, score);
  for (let step = 0; step < steps; step++) {
    score.signal?.throwIfAborted();
    const batch = Array.from({ length: Math.min(batchSize, messages.length) }, (_, k) => {
      return messages[(step * batchSize + k) % messages.length] as Sequence;
    });
    const tokens = batch.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
    const cotangents = batch.map((sequence) => new Float32Array(sequence.tokens.length).fill(-1 / tokens));
    await replacement.backward(batch, cotangents, score);
    await replacement.step(adamw);
    onProgress?.(step + 1, steps);
  }
  return { before, after: await lossOf(replacement, messages, score) };
}

async function lossOf(model: Model, messages: readonly Sequence[], score: ScoreParams): Promise<number> {
  const logp = await model.forward(messages, score);
  return -mean(logp.flatMap((row) => [...row]));
}

/** KL of one policy from another over the token positions of given messages, nats. */
export interface MeasuredDivergence {
  readonly mean: number;
  readonly max: number;
  readonly states: number;
}

/**
 * Measures the exact KL(policy || reference) at every token position of the agent's messages, for models with
 * one vocabulary (E27).
 *
 * @returns undefined if a model does not support `distributions`
 */
export async function measureDivergence(
  policy: Pick<Model, 'distributions'>,
  reference: Pick<Model, 'distributions'>,
  { sequences, score }: { readonly sequences: readonly Sequence[]; readonly score: ScoreParams },
): Promise<MeasuredDivergence | undefined> {
  if (policy.distributions === undefined || reference.distributions === undefined) return undefined;
  const rows: Float32Array[] = [];
  await reference.distributions(sequences, score, (index, logp) => {
    rows[index] = logp.slice();
  });
  const kl: number[] = [];
  await policy.distributions(sequences, score, (index, logp) => {
    const { length } = (sequences[index] as Sequence).tokens;
    const size = logp.length / length;
    for (let t = 0; t < length; t++) {
      const at = (all: Float32Array) => all.subarray(t * size, (t + 1) * size);
      kl.push(stateDivergence(at(logp), at(rows[index] as Float32Array)).klNewOld);
    }
  });
  return { mean: mean(kl), max: kl.reduce((a, b) => Math.max(a, b), 0), states: kl.length };
}
