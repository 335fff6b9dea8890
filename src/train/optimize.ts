/**
 * Trains one agent on one batch and never keeps an update that leaves the trust region (OPTIMIZE, E37). The
 * state machine in `core/trust-region.ts` decides whether an attempt passes and how the next one starts. This
 * module runs the attempts (`attempt.ts`) and, before an agent's first update, the probes that set its
 * learning-rate scale.
 * @see SAT (arXiv 2605.05216) Sec. 4 "KL control and backtracking"
 * @module
 */
import { decideProbe, startProbes } from '../core/step-scale.ts';
import {
  type AttemptDecision,
  decideAttempt,
  startTrustRegion,
  type TrustRegionState,
} from '../core/trust-region.ts';
import type { Model, SnapshotId } from '../engine/engine.ts';
import { type AttemptSettings, Attempts, type AttemptTraining, type Measurement } from './attempt.ts';
import type { AttemptRecord, ProbeRecord } from './events.ts';
import type { OwnTrajectory } from './minibatch.ts';
import type { TrainOptions } from './options.ts';
import type { AgentState } from './state.ts';

export interface OptimizeSettings extends AttemptSettings {
  /** The agent's KL penalty coefficient beta and its learning-rate scale for the first attempt. */
  readonly state: AgentState;
}

export type OptimizeOutcome = {
  /** Small steps that set the agent's first learning-rate scale; none after its first update. */
  readonly probes: readonly ProbeRecord[];
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
 * If the learning rate adapts to the radius and the agent was never updated, the scale of its first attempt is
 * predicted from a small step, a probe, which is measured and undone.
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
    return { status: 'SKIP', probes: [], attempts: [], next: state };

  const start = await model.snapshot(); // S0: weights and optimizer state before the update
  const runner = new Attempts(model, trajectories, { ...settings, start });
  const isProbed = state.scaleUnknown === true && !handover && adaptsScale(options);
  const { probes, ...first } = isProbed
    ? await firstScale(runner, settings)
    : {
        probes: [],
        lrScale: state.lrScale,
        scaleUnknown: state.scaleUnknown === true && handover !== undefined,
      };
  const unknown = first.scaleUnknown ? { scaleUnknown: true as const } : {};

  const attempts: AttemptRecord[] = [];
  const rules = { ...options.trustRegion, adaptToRadius: options.optimizer.adaptToRadius };
  let region = startTrustRegion(rules, state.beta, first.lrScale);
  for (;;) {
    const { training, measurement } = await runner.run(region);
    const decision = decideAttempt(region, measurement);
    attempts.push(attemptRecord(region, measurement, decision));
    if (decision.kind === 'accepted') {
      if (training.handover?.finished) await model.handover?.finish();
      runner.close();
      const next = { ...nextState(decision), ...unknown };
      return { status: 'ACCEPT', probes, attempts, next, start, training };
    }
    await runner.undo(); // an attempt that is not accepted is always reverted
    if (decision.kind === 'rejected') {
      runner.close();
      const status = decision.reason === 'not_finite' ? 'REJECT_NAN' : 'REJECT_KL';
      const next = { ...nextState(decision), ...unknown };
      return { status, probes, attempts, next, start, training };
    }
    region = decision.next;
  }
}

/** Returns whether the learning-rate scale follows the radius, so that a first scale is worth measuring. */
function adaptsScale({ optimizer, trustRegion }: TrainOptions): boolean {
  return optimizer.adaptToRadius && trustRegion.gate === 'enforce';
}

/**
 * Predicts the scale of the first attempt from probes. The model contains S0 afterwards. If no probe changes
 * the policy, the scale stays unknown, so that the next update probes again.
 */
async function firstScale(
  runner: Attempts,
  { options, state }: OptimizeSettings,
): Promise<{ readonly probes: ProbeRecord[]; readonly lrScale: number; readonly scaleUnknown: boolean }> {
  const probes: ProbeRecord[] = [];
  let probe = startProbes(options.trustRegion);
  for (;;) {
    const { lrScale } = probe;
    const { measurement } = await runner.run({ beta: state.beta, lrScale });
    await runner.undo();
    const { klQuantile, klMean, klMessageMean } = measurement;
    probes.push({ lrScale, klQuantile, klMean, klMessageMean });
    const decision = decideProbe(probe, measurement);
    if (decision.kind === 'scale')
      return { probes, lrScale: decision.lrScale, scaleUnknown: !decision.measured };
    probe = decision.next;
  }
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
