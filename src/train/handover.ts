/**
 * One update attempt of an agent that is being replaced by another model. The agent's policy is a geometric
 * mixture of its old model and the replacement model. An attempt (a handover step) increases the weight of
 * the replacement model, starting at the mixture of the last stage.
 * Differs from the paper, which computes such a mixture once and does not describe how it ends in the
 * replacement model alone.
 * @module
 */
import { sampledSwapCovariance } from '../core/projection.ts';
import { mean } from '../core/stats.ts';
import type { Model } from '../engine/engine.ts';
import type { HandoverRecord } from './events.ts';
import { joinRows, type MinibatchLoss, type OwnTrajectory } from './minibatch.ts';
import type { TrainOptions } from './options.ts';

export interface HandoverSettings {
  readonly options: Pick<TrainOptions, 'temperature' | 'trustRegion'>;
  /** Factor by which the KL limit `targetKl` is multiplied, > 0; values above 1 count as 1. */
  readonly scale: number;
  readonly signal?: AbortSignal | undefined;
}

/** Result of a handover step, with the fields that the result of a gradient step has. */
export interface HandoverStep extends MinibatchLoss {
  /** Always 0, because a handover step has no gradient. */
  readonly gradNorm: number;
  readonly handover: HandoverRecord;
}

/**
 * Increases the replacement model's weight in the mixture at every token position to the largest value for
 * which KL(new||old) stays within the KL limit `targetKl` (E41, starting at the current weight). Later
 * attempts use a smaller KL limit. The handover is finished once the weight is 1 at every token position of
 * the agent's messages in the batch.
 *
 * @param model - a model that is a mixture of an old and a new model; changed in place
 * @returns `loss`: -mean(A_tilde (logp_new - logp_old)) over trajectories with advantage A_tilde; negative
 *   if the step is expected to increase the reward
 * @throws RangeError if the model has no handover
 */
export async function advanceHandover(
  model: Model,
  trajectories: readonly OwnTrajectory[],
  { options, scale, signal }: HandoverSettings,
): Promise<HandoverStep> {
  const { handover } = model;
  if (handover === undefined)
    throw new RangeError('advanceHandover: expected a model with a handover, got one without');
  handover.advance(options.trustRegion.targetKl * Math.min(1, scale));
  const score = { temperature: options.temperature, ...(signal && { signal }) };
  const sequences = trajectories.flatMap((trajectory) => trajectory.sequences);
  const weights = (await handover.weights(sequences, score)).flatMap((row) => [...row]);
  const logp = await model.forward(sequences, score);
  let next = 0;
  const logpNew = trajectories.map(({ sequences: own }) => total(joinRows(own.map(() => logp[next++]))));
  const gain = sampledSwapCovariance({
    advantages_N: trajectories.map(({ advantage }) => advantage),
    logpPre_N: logpNew,
    logpOld_N: trajectories.map(({ logpOld }) => total(logpOld)),
  });
  const weightMin = weights.reduce((a, b) => Math.min(a, b), 1);
  return {
    loss: -gain,
    clipRatio: 0,
    gradNorm: 0,
    handover: {
      weight: mean(weights),
      weightMin,
      steps: model.handover?.steps ?? [],
      finished: weightMin === 1,
    },
  };
}

function total(row: Float32Array): number {
  return row.reduce((sum, x) => sum + x, 0);
}
