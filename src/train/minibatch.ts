/**
 * Gradient of an agent's loss on one minibatch. `core/` computes the derivatives of the loss with respect to
 * logp (the cotangents), and the engine backpropagates them.
 * @see SAT (arXiv 2605.05216) Eq. "L_i^seq"
 * @module
 */
import { sequenceObjective } from '../core/objective.ts';
import type { Model, ScoreParams, Sequence, SnapshotId } from '../engine/engine.ts';
import type { TrainOptions } from './options.ts';

/** The messages of one agent in one trajectory, with their advantage. */
export interface OwnTrajectory {
  /** Advantage A_tilde of the trajectory, no unit. */
  readonly advantage: number;
  /** The agent's messages in the trajectory that are trained on, at least one. */
  readonly sequences: readonly Sequence[];
  /** The agent's messages that the loss leaves out; the trust region measures them too. Default: none. */
  readonly masked?: readonly Sequence[];
  /**
   * Log-probabilities of all tokens of `sequences` under the policy before the update, computed by the
   * trainer, concatenated over messages [T], nats.
   */
  readonly logpOld: Float32Array;
}

export interface GradientSettings {
  readonly options: Pick<TrainOptions, 'temperature' | 'epsilon' | 'epsilonHigh' | 'dualClip' | 'ratioNorm'>;
  /** Coefficient beta of the KL penalty in the loss. */
  readonly beta: number;
  /** Snapshot of the model before the update (S0). */
  readonly start: SnapshotId;
  /** True before the first optimizer step, when the weights are still those before the update. */
  readonly atStart: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface MinibatchLoss {
  /** Value of the loss (E24). NaN if a log-probability was not finite; then no gradient was accumulated. */
  readonly loss: number;
  /** Share of clipped trajectories, 0..1. */
  readonly clipRatio: number;
}

/**
 * Accumulates the gradient of loss = -(1/N) sum_g min(r_g A_g, r_{c,g} A_g) + beta Kbar with respect to the
 * weights. Here N is the number of trajectories, r_g the ratio of new to old policy of trajectory g, r_{c,g}
 * the clipped ratio, A_g the advantage, and Kbar the mean KL over the M tokens of the trajectories (E24,
 * E25', E31).
 *
 * A trajectory with A = 0 has loss 0 and cotangent 0 for every ratio. It counts in N and M but is neither
 * scored nor differentiated. Its token positions are therefore missing from the KL term; only the
 * trust-region test after training measures them. Before the first optimizer step the policy is still the old
 * one, so value and gradient of the KL term are exactly 0 and are not computed.
 *
 * @returns undefined if every advantage is 0: the caller must skip the optimizer step, because AdamW's
 *   momentum would move the weights without a gradient
 */
export async function accumulateGradient(
  model: Model,
  trajectories: readonly OwnTrajectory[],
  settings: GradientSettings,
): Promise<MinibatchLoss | undefined> {
  const { options, beta, start, atStart, signal } = settings;
  const active = trajectories.filter(({ advantage }) => advantage !== 0);
  if (active.length === 0) return undefined;
  const score: ScoreParams = { temperature: options.temperature, ...(signal && { signal }) };
  const sequences = active.flatMap((trajectory) => trajectory.sequences);

  const logpNew = atStart
    ? active.map(({ logpOld }) => logpOld)
    : joinMessages(active, await model.forward(sequences, score));
  if (!logpNew.every((row) => row.every(Number.isFinite))) return { loss: Number.NaN, clipRatio: 0 };

  const newOf = new Map(active.map((trajectory, k) => [trajectory, logpNew[k]]));
  const objective = sequenceObjective({
    ...options,
    logpNew: trajectories.map((trajectory) => newOf.get(trajectory) ?? trajectory.logpOld),
    logpOld: trajectories.map(({ logpOld }) => logpOld),
    advantages: trajectories.map(({ advantage }) => advantage),
  });
  const cotangents = trajectories.flatMap((trajectory, n) =>
    newOf.has(trajectory) ? splitMessages(trajectory, objective.cotangents[n]) : [],
  );
  const states = trajectories.reduce((sum, { logpOld }) => sum + logpOld.length, 0); // M
  const { kl = [] } = await model.backward(sequences, cotangents, {
    ...score,
    ...(!atStart && beta > 0 && { kl: { reference: start, weight: beta / states } }),
  });
  const klSum = kl.reduce((sum, row) => sum + row.reduce((part, x) => part + x, 0), 0);
  return { loss: objective.loss + (beta * klSum) / states, clipRatio: objective.clipFraction };
}

/** Concatenates, for each trajectory, the rows of its messages into one row [T]. */
function joinMessages(trajectories: readonly OwnTrajectory[], rows: readonly Float32Array[]): Float32Array[] {
  let next = 0;
  return trajectories.map(({ sequences }) => joinRows(sequences.map(() => rows[next++])));
}

export function joinRows(rows: readonly Float32Array[]): Float32Array {
  if (rows.length === 1) return rows[0];
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

/** Splits a trajectory's row [T] into one row per message. */
function splitMessages({ sequences }: OwnTrajectory, row: Float64Array): Float64Array[] {
  let start = 0;
  return sequences.map(({ tokens }) => {
    const from = start;
    start += tokens.length;
    return row.subarray(from, start);
  });
}
