/**
 * Teaching a replacement to answer like the Stage-0 mixture on the team's own states: what is left to do
 * where two models cannot stay in memory together, or share no vocabulary. Nothing holds by construction
 * afterwards, so what came of it is measured.
 * @module
 */
import { stateDivergence } from '../core/divergence.ts';
import { mean } from '../core/stats.ts';
import type { AdamWParams, Model, ScoreParams, Sequence } from '../engine/engine.ts';

/** A message of the teacher, as the replacement reads and writes it. */
export interface Lesson {
  /** In the replacement's own token ids. */
  readonly sequence: Sequence;
}

export interface DistilOptions {
  readonly steps: number;
  /** Messages per step. */
  readonly batchSize: number;
  readonly adamw: AdamWParams;
  readonly score: ScoreParams;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Minimises -(1/T) sum_t log replacement(y_t), y drawn from the teacher: KL(teacher || replacement) up to a
 * constant, so the teacher's whole spread is learned and not only its favourite answer.
 *
 * @param lessons - drawn by the teacher at the team's own states; passed through in order, again and again
 * @returns loss before and after, nats per token, over all lessons
 */
export async function distil(
  replacement: Model,
  lessons: readonly Lesson[],
  { steps, batchSize, adamw, score, onProgress }: DistilOptions,
): Promise<{ readonly before: number; readonly after: number }> {
  const before = await lossOf(replacement, lessons, score);
  for (let step = 0; step < steps; step++) {
    score.signal?.throwIfAborted();
    const batch = Array.from({ length: Math.min(batchSize, lessons.length) }, (_, k) => {
      return (lessons[(step * batchSize + k) % lessons.length] as Lesson).sequence;
    });
    const tokens = batch.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
    const cotangents = batch.map((sequence) => new Float32Array(sequence.tokens.length).fill(-1 / tokens));
    await replacement.backward(batch, cotangents, score);
    await replacement.step(adamw);
    onProgress?.(step + 1, steps);
  }
  return { before, after: await lossOf(replacement, lessons, score) };
}

async function lossOf(model: Model, lessons: readonly Lesson[], score: ScoreParams): Promise<number> {
  const logp = await model.forward(
    lessons.map(({ sequence }) => sequence),
    score,
  );
  return -mean(logp.flatMap((row) => [...row]));
}

/** How far a policy is from another at given states, nats. */
export interface MeasuredDivergence {
  readonly mean: number;
  readonly max: number;
  readonly states: number;
}

/** Exact KL(policy || reference) at every own token state, for models of one vocabulary   (E27). */
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
