/**
 * One attempt of an agent that is being replaced: a step along the mixture of the model it was and the model
 * it is to be, from where the last stage left it.
 * Differs from the paper, which projects the replacement once and says nothing of how it comes to stand alone.
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
  /** Shrinks the step below the radius; above 1 it changes nothing. */
  readonly scale: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a step of a handover has to say in place of gradient steps. */
export interface HandoverStep extends MinibatchLoss {
  /** 0: there is none. */
  readonly gradNorm: number;
  readonly handover: HandoverRecord;
}

/**
 * Moves the weight of the replacement up as far as the radius allows at every token state (E41 from the
 * current weight); a retry tries a smaller radius. The replacement stands alone once its weight is 1 at every
 * own token state of the batch.
 *
 * @param model - in the middle of a handover; a step further afterwards
 * @returns `loss`: minus the mean of A_tilde (logp_new - logp_old), so that a step expected to help lowers it
 */
export async function advanceHandover(
  model: Model,
  trajectories: readonly OwnTrajectory[],
  { options, scale, signal }: HandoverSettings,
): Promise<HandoverStep> {
  const { handover } = model;
  if (handover === undefined)
    throw new RangeError('handOver: expected a model being replaced, got one that is not');
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
