/**
 * The decisions of a run as typed events. They are stored in the run folder's `events.jsonl`; event sinks
 * also display them. An event contains no time. The store adds the field `time`, which may differ in a
 * resumed run; all other fields are reproduced.
 * @module
 */

/**
 * Outcome of one agent's update: accepted; rejected by the trust region (KL), by the acceptance test or
 * because of a NaN or infinity; or skipped, because the agent has no messages or all advantages are 0 (E36,
 * E37, E64).
 */
export type UpdateStatus = 'ACCEPT' | 'REJECT_KL' | 'REJECT_TEST' | 'REJECT_NAN' | 'SKIP';

/** Levels of the quantiles in {@link AttemptRecord.klQuantiles}. */
export const KL_LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;

/**
 * One training attempt of an update (OPTIMIZE, E37). KL in nats; NaN (null in JSON) if training produced a
 * value that is not finite.
 */
export interface AttemptRecord {
  readonly attempt: number;
  readonly beta: number;
  readonly lrScale: number;
  /**
   * Quantile of KL(new||old) over the token positions of the agent's own messages. If the option `slack` is
   * not `none`: an upper confidence bound of the quantile.
   */
  readonly klQuantile: number;
  readonly klMean: number;
  readonly klMax: number;
  /**
   * Quantiles, at the levels {@link KL_LEVELS}, of KL(new||old) over the token positions of the agent's own
   * messages; absent if not measured.
   */
  readonly klQuantiles?: readonly number[];
  readonly klMessageMean: number;
  readonly tvMean: number;
  readonly accepted: boolean;
  /** Reason of the rejection; absent if accepted. */
  readonly reason?: 'kl_quantile' | 'kl_message' | 'not_finite';
}

/**
 * A probe: a small step before an agent's first update. Its measured KL predicts the learning-rate scale of the
 * first attempt; the step is undone. KL in nats; NaN (null in JSON) if training produced a value that is not
 * finite.
 */
export interface ProbeRecord {
  readonly lrScale: number;
  /** As in {@link AttemptRecord}. */
  readonly klQuantile: number;
  readonly klMean: number;
  readonly klMessageMean: number;
}

/** Bounds on the gain of an accepted update or of a stage, from episodes of the validation split (E66). */
export interface CertificateRecord {
  /** Number of validation prompts, with one episode each; 0 if the stage has no accepted update. */
  readonly prompts: number;
  /** Bound on the probability that `gainLower` is above the true gain. */
  readonly delta: number;
  /** Conservative estimate of the gain (E62), reward units. */
  readonly gainMean: number;
  /** Lower confidence bound of `gainMean` (E63), reward units. */
  readonly gainLower: number;
  /**
   * Lower bound on the gain that the SAT paper states (E50), reward units. It is only reported; no decision
   * uses it.
   */
  readonly paperBound: number;
  /** Bias from truncating the importance weights (E61), reward units; absent in a sum over several updates. */
  readonly zeta?: number;
  /** Upper confidence bound of `zeta`, reward units; absent in a sum over several updates. */
  readonly zetaUpper?: number;
  /**
   * Effective sample size of the untruncated weights, divided by the number of episodes, 0..1; absent in a sum
   * over several updates.
   */
  readonly essShare?: number;
  /**
   * Maximum number of turns in which the agent acts in one episode; absent in certificates of more than one
   * update.
   */
  readonly ownTurns?: number;
  /**
   * Penalty, in reward units, for an agent that acts in several turns of an episode, computed from the
   * observed total variation (TV) between old and new policy (E58); a diagnostic.
   */
  readonly horizonPenalty?: number;
  /**
   * The penalty of `horizonPenalty`, computed by a coupling argument (E59) instead, reward units; a
   * diagnostic.
   */
  readonly coupledHorizonPenalty?: number;
}

/**
 * Progress of the replacement of an agent's model. Until the replacement is finished, the agent's policy is a
 * geometric mixture of the old model and the replacement model.
 */
export interface HandoverRecord {
  /**
   * Mean, over the token positions of the agent's own messages, of the weight of the replacement model in the
   * mixture with the old model, 0..1.
   */
  readonly weight: number;
  /**
   * Minimum, over the token positions of the agent's own messages, of the weight of the replacement model in
   * the mixture with the old model, 0..1.
   */
  readonly weightMin: number;
  /** KL limits of all steps towards the replacement model so far, nats per token position. */
  readonly steps: readonly number[];
  /**
   * True if the replacement model has weight 1 at all token positions: after this update the agent's policy
   * is that of the replacement model alone.
   */
  readonly finished: boolean;
}

export interface UpdateRecord {
  readonly stage: number;
  readonly agent: number;
  readonly status: UpdateStatus;
  /** Small steps that set the learning-rate scale; present in an agent's first update only. */
  readonly probes?: readonly ProbeRecord[];
  readonly attempts: readonly AttemptRecord[];
  readonly betaNext: number;
  readonly lrScaleNext: number;
  readonly targetKl: number;
  readonly reward: number;
  /** Standard error of `reward` over the prompts' mean rewards; absent for a single prompt. */
  readonly rewardSe?: number;
  readonly rewardStd: number;
  readonly fracRewardZeroStd: number;
  readonly loss?: number;
  readonly gradNorm?: number;
  readonly clipRatio?: number;
  readonly kl?: number;
  readonly entropy?: number;
  readonly meanLength: number;
  readonly clippedRatio: number;
  /** Number of own messages in episodes with a correct answer; absent in older runs. */
  readonly rewardedMessages?: number;
  /** Share of these messages that were cut off, 0..1; absent if there are none. */
  readonly rewardedClippedRatio?: number;
  readonly trajectories: number;
  readonly tokens: number;
  /** Maximum of |logp_sampler - logp_trainer| over the tokens of this batch (E9), nats. */
  readonly logpMismatchMax: number;
  /** Mean of |logp_sampler - logp_trainer| over the tokens of this batch, nats; absent in older runs. */
  readonly logpMismatchMean?: number;
  readonly meanLogRatioWeight?: number;
  readonly essShare?: number;
  readonly certificate?: CertificateRecord;
  /**
   * Present for an agent that is being replaced by another model; its update is a step towards that model.
   */
  readonly handover?: HandoverRecord;
}

/**
 * Result of one acceptance test, a test by betting (E64). Wealth measures the evidence that the new team is
 * better; it starts at 1, and the test accepts when it reaches 1/alpha.
 */
export interface GateRecord {
  readonly gate: 'promotion' | 'step';
  readonly index: number;
  readonly alpha: number;
  readonly prompts: number;
  readonly wealth: number;
  /** Wealth of the second test, which detects that the new team is worse. */
  readonly harmWealth: number;
  readonly meanDifference: number;
  /**
   * Wealth of both tests after some of the prompts: [prompts used, wealth, harmWealth]; always includes the
   * last prompt.
   */
  readonly path?: readonly (readonly [prompts: number, wealth: number, harmWealth: number])[];
  readonly decision: 'promote' | 'keep' | 'rollback';
}

/**
 * Mean difference of the scores of two teams on the same prompts of the test split, with its 95% confidence
 * interval.
 */
export interface DifferenceRecord {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly prompts: number;
}

export interface AccuracyRecord {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Label of the evaluation of the trained team in the closing comparison. */
export const TRAINED_TEAM = 'trained team';

export interface EvaluationRecord {
  readonly label: string;
  readonly prompts: number;
  readonly samples: number;
  /** Accuracy of the team's answer. */
  readonly team: AccuracyRecord;
  readonly agents: readonly AccuracyRecord[];
}

export type Phase =
  | 'load'
  | 'pretrain'
  | 'rollout'
  | 'score'
  | 'update'
  | 'divergence'
  | 'gate'
  | 'evaluate'
  | 'checkpoint';

export type RunEvent =
  | {
      readonly kind: 'run_started';
      readonly stages: number;
      readonly agents: readonly string[];
      readonly fromStage: number;
    }
  | {
      readonly kind: 'phase';
      readonly stage: number;
      readonly agent?: number;
      readonly phase: Phase;
      readonly done?: number;
      readonly total?: number;
    }
  | { readonly kind: 'stage_started'; readonly stage: number; readonly order: readonly number[] }
  | {
      readonly kind: 'rollout';
      readonly stage: number;
      /** The agent that learns from the batch; absent if all agents of the stage learn from it (`reuse`). */
      readonly agent?: number;
      readonly reward: number;
      readonly trajectories: number;
      readonly tokens: number;
      /** Number of episodes that failed because a context left no room for a message; absent: none. */
      readonly overflows?: number;
    }
  | ({ readonly kind: 'update' } & UpdateRecord)
  | ({ readonly kind: 'gate'; readonly stage: number } & GateRecord)
  | {
      readonly kind: 'stage_finished';
      readonly stage: number;
      readonly reward: number;
      /** Standard error of `reward` over prompts; absent if a batch has a single prompt. */
      readonly rewardSe?: number;
      readonly accepted: number;
      readonly tokens: number;
      readonly certificate?: CertificateRecord;
    }
  | {
      /** Rewards of the current team on prompts of the test split, after each stage. */
      readonly kind: 'stage_evaluation';
      /** Number of completed stages; 0: the base team, before training. */
      readonly stage: number;
      /** Reward of one episode per prompt [P], reward units; prompts and random streams are equal after all stages. */
      readonly rewards: readonly number[];
      /** Accuracy of each agent's own answers, 0..1, for protocols with `agentsAnswer`; null: no answer. */
      readonly agents?: readonly (number | null)[];
    }
  | { readonly kind: 'checkpoint'; readonly stage: number; readonly name: string }
  | ({ readonly kind: 'evaluation'; readonly stage: number } & EvaluationRecord)
  | {
      readonly kind: 'comparison';
      readonly stage: number;
      readonly label: string;
      readonly difference: DifferenceRecord;
    }
  | { readonly kind: 'warning'; readonly stage: number; readonly message: string }
  | { readonly kind: 'run_finished'; readonly stage: number };

/** Receives all events in order and must not throw. `phase` events report progress and are not stored. */
export interface EventSink {
  emit(event: RunEvent): void;
  close?(): Promise<void>;
}
