/**
 * Trains one agent on one batch and never keeps an update that leaves the trust region (OPTIMIZE, E37). The
 * state machine in `core/trust-region.ts` decides whether an attempt passes and how the next one starts. This
 * module runs the attempts: snapshot, minibatches, optimizer steps, measurement, restore.
 * @see SAT (arXiv 2605.05216) Sec. 4 "KL control and backtracking"
 * @module
 */
import { messageSums } from '../core/divergence.ts';
import { randomOrder } from '../core/order.ts';
import { inverseCdfQuantile } from '../core/quantile.ts';
import type { RandomStream } from '../core/rng.ts';
import {
  type AttemptDecision,
  type AttemptMeasurement,
  decideAttempt,
  measureAttempt,
  startTrustRegion,
  type TrustRegionState,
} from '../core/trust-region.ts';
import type { Model, SnapshotId } from '../engine/engine.ts';
import { type AttemptRecord, type HandoverRecord, KL_LEVELS } from './events.ts';
import { advanceHandover } from './handover.ts';
import { accumulateGradient, type MinibatchLoss, type OwnTrajectory } from './minibatch.ts';
import type { TrainOptions } from './options.ts';
import type { AgentState } from './state.ts';
import { shuffleDraws } from './streams.ts';

export interface OptimizeSettings {
  readonly options: TrainOptions;
  /** The agent's KL penalty coefficient beta and its learning-rate scale for the first attempt. */
  readonly state: AgentState;
  /** Random stream of the minibatch order, which is the same in every attempt. */
  readonly stream: RandomStream;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (phase: 'update' | 'divergence', done: number, total: number) => void;
}

/** Means over the optimizer steps of one attempt. */
export interface AttemptTraining extends MinibatchLoss {
  /**
   * L2 norm of the gradient before clipping; 0 for a handover step, i.e. a step that moves a mixture of the
   * old and a new model towards the new one.
   */
  readonly gradNorm: number;
  /**
   * Result of the handover step that replaced the gradient steps; absent unless the agent's model is being
   * replaced by another one.
   */
  readonly handover?: HandoverRecord;
}

export type OptimizeOutcome = {
  readonly attempts: readonly AttemptRecord[];
  /** State with which the agent's next update starts. */
  readonly next: AgentState;
} & (
  | { readonly status: 'SKIP' }
  | {
      readonly status: 'ACCEPT' | 'REJECT_KL' | 'REJECT_NAN';
      /** Snapshot S0 of the model before the update; the caller releases it. */
      readonly start: SnapshotId;
      /** Loss and gradient norm of the last attempt. */
      readonly training: AttemptTraining;
    }
);

/**
 * Runs up to 1 + `maxBacktracks` attempts of `numIterations` passes over the batch each. Keeps the first
 * attempt whose KL divergences are inside the trust region. If every attempt violates it, restores every byte
 * of S0, the weights and optimizer state before the update (E37).
 *
 * If the agent's model is being replaced by another one, each attempt moves the mixture of old and new model
 * towards the new one (a handover step) instead of taking gradient steps. It must pass the same tests. The
 * status is SKIP if the agent has no messages, or if every advantage, and therefore the loss, is 0. A NaN or
 * infinity in a loss, a gradient or a divergence ends the attempt like a violation; if the last attempt ends
 * this way, the status is REJECT_NAN.
 *
 * @param model - the agent's model; contains the accepted update, or S0, afterwards
 * @param trajectories - the trajectories that contain messages of the agent
 */
export async function optimize(
  model: Model,
  trajectories: readonly OwnTrajectory[],
  settings: OptimizeSettings,
): Promise<OptimizeOutcome> {
  const { options, state } = settings;
  const { handover } = model;
  if (trajectories.every(({ advantage }) => advantage === 0 && (!handover || trajectories.length === 0)))
    return { status: 'SKIP', attempts: [], next: state };

  const start = await model.snapshot(); // S0: weights and optimizer state before the update
  const attempts: AttemptRecord[] = [];
  const rules = { ...options.trustRegion, adaptToRadius: options.optimizer.adaptToRadius };
  let region = startTrustRegion(rules, state.beta, state.lrScale);
  for (;;) {
    const training: AttemptTraining = model.handover
      ? await advanceHandover(model, trajectories, { ...settings, scale: region.lrScale })
      : await trainAttempt(model, trajectories, { ...settings, start, region });
    const measurement = await measure(model, trajectories, { ...settings, start, training });
    const decision = decideAttempt(region, measurement);
    attempts.push(attemptRecord(region, measurement, decision));
    if (decision.kind === 'accepted') {
      if (training.handover?.finished) await model.handover?.finish();
      return { status: 'ACCEPT', attempts, next: nextState(decision), start, training };
    }
    await model.restore(start); // an attempt that is not accepted is always reverted
    if (decision.kind === 'rejected') {
      const status = decision.reason === 'not_finite' ? 'REJECT_NAN' : 'REJECT_KL';
      return { status, attempts, next: nextState(decision), start, training };
    }
    region = decision.next;
  }
}

interface AttemptSettings extends OptimizeSettings {
  readonly start: SnapshotId;
  readonly region: TrustRegionState;
}

/** Runs all passes over the minibatches; stops early if a loss or gradient norm is not finite. */
async function trainAttempt(
  model: Model,
  trajectories: readonly OwnTrajectory[],
  { options, stream, region, start, signal, onProgress }: AttemptSettings,
): Promise<AttemptTraining> {
  const { beta, lrScale } = region;
  const adamw = { ...options.optimizer, learningRate: options.optimizer.learningRate * lrScale };
  const minibatches = Array.from({ length: options.numIterations }, (_, pass) =>
    shuffledMinibatches(trajectories, options.minibatchSize, stream.child(pass)),
  ).flat();
  const steps: AttemptTraining[] = [];
  for (const [index, minibatch] of minibatches.entries()) {
    onProgress('update', index, minibatches.length);
    const atStart = steps.length === 0;
    const result = await accumulateGradient(model, minibatch, { options, beta, start, atStart, signal });
    if (result === undefined) continue;
    const gradNorm = Number.isFinite(result.loss) ? (await model.step(adamw)).gradNorm : Number.NaN;
    steps.push({ ...result, gradNorm });
    if (!Number.isFinite(gradNorm)) break;
  }
  const meanOf = (name: 'loss' | 'clipRatio' | 'gradNorm') =>
    steps.reduce((sum, step) => sum + step[name], 0) / steps.length;
  return { loss: meanOf('loss'), clipRatio: meanOf('clipRatio'), gradNorm: meanOf('gradNorm') };
}

function shuffledMinibatches<T>(items: readonly T[], size: number, stream: RandomStream): T[][] {
  const order = randomOrder(items.length, shuffleDraws(stream, items.length));
  const shuffled = order.map((k) => items[k]);
  return Array.from({ length: Math.ceil(shuffled.length / size) }, (_, k) =>
    shuffled.slice(k * size, (k + 1) * size),
  );
}

/**
 * Measures the exact KL and total variation (TV) between the policy before the update (S0) and the current
 * policy at every token position of the agent's own messages, including trajectories with advantage 0 (E27),
 * and aggregates them for the trust-region test. Returns NaN without measuring if training produced a value
 * that is not finite.
 */
async function measure(
  model: Model,
  trajectories: readonly OwnTrajectory[],
  {
    options,
    start,
    training,
    signal,
    onProgress,
  }: OptimizeSettings & { readonly start: SnapshotId; readonly training: AttemptTraining },
): Promise<Measurement> {
  const mustBeFinite = [training.loss, training.gradNorm];
  if (!mustBeFinite.every(Number.isFinite)) {
    const none = Number.NaN;
    return { klQuantile: none, klMean: none, klMax: none, klMessageMean: none, tvMean: none, mustBeFinite };
  }
  const sequences = trajectories.flatMap((trajectory) => trajectory.sequences);
  const trajectoryOf = trajectories.flatMap(({ sequences: own }, n) => own.map(() => n));
  onProgress('divergence', 0, sequences.length);
  const { klNewOld, tv } = await model.divergence(sequences, start, {
    temperature: options.temperature,
    ...(signal && { signal }),
  });
  const divergences = {
    kl: klNewOld.flatMap((row) => [...row]),
    tv: tv.flatMap((row) => [...row]),
    messageKl: messageSums(klNewOld, trajectoryOf),
  };
  return {
    ...measureAttempt(divergences, options.trustRegion),
    mustBeFinite,
    ...klQuantilesOf(divergences.kl),
  };
}

/** The values by which an attempt is accepted or rejected, and KL quantiles for reports. */
type Measurement = AttemptMeasurement & Pick<AttemptRecord, 'klQuantiles'>;

/** KL quantiles for charts, rounded to four significant digits. */
function klQuantilesOf(kl: readonly number[]): Pick<AttemptRecord, 'klQuantiles'> {
  if (kl.length === 0 || !kl.every(Number.isFinite)) return {};
  return { klQuantiles: KL_LEVELS.map((level) => Number(inverseCdfQuantile(kl, level).toPrecision(4))) };
}

function nextState(decision: Extract<AttemptDecision, { betaNext: number }>): AgentState {
  return { beta: decision.betaNext, lrScale: decision.lrScaleNext };
}

function attemptRecord(
  { attempt, beta, lrScale }: TrustRegionState,
  { klQuantile, klMean, klMax, klQuantiles, klMessageMean, tvMean }: Measurement,
  decision: AttemptDecision,
): AttemptRecord {
  return {
    ...{ attempt, beta, lrScale, klQuantile, klMean, klMax },
    ...(klQuantiles && { klQuantiles }),
    ...{ klMessageMean, tvMean },
    accepted: decision.kind === 'accepted',
    ...(decision.kind !== 'accepted' && { reason: decision.reason }),
  };
}
