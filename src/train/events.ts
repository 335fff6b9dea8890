/**
 * The decisions of a run as typed events. The run folder's `events.jsonl` contains them, and sinks render them. Events
 * contain no times; the store adds `time` outside of the fields that a resumed run must reproduce.
 * @module
 */

/** Verdict of one agent's update (E36, E37, E64). */
export type UpdateStatus = 'ACCEPT' | 'REJECT_KL' | 'REJECT_TEST' | 'REJECT_NAN' | 'SKIP';

/** Levels of {@link AttemptRecord.klQuantiles}. */
export const KL_LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;

/** One attempt of OPTIMIZE. KL in nats; NaN (null in JSON) if training produced a value that is not finite. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly beta: number;
  readonly lrScale: number;
  /** Empirical quantile of KL(new||old) over own token states, or its upper bound under `slack`. */
  readonly klQuantile: number;
  readonly klMean: number;
  readonly klMax: number;
  /** Quantiles of KL(new||old) over own token states at {@link KL_LEVELS}; absent if not measured. */
  readonly klQuantiles?: readonly number[];
  readonly klMessageMean: number;
  readonly tvMean: number;
  readonly accepted: boolean;
  /** Reason of the rejection; absent if accepted. */
  readonly reason?: 'kl_quantile' | 'kl_message' | 'not_finite';
}

/** Bounds on the gain of an accepted update or of a stage, from episodes of the validation split (E66). */
export interface CertificateRecord {
  /** Number of validation prompts, with one episode each; 0 for a stage without accepted updates. */
  readonly prompts: number;
  /** Bound on the probability that `gainLower` is above the true gain. */
  readonly delta: number;
  /** Conservative estimate of the gain (E62) and its lower bound (E63), reward units. */
  readonly gainMean: number;
  readonly gainLower: number;
  /** The paper's certificate (E50), reward units. For information: no decision uses it. */
  readonly paperBound: number;
  /** Truncation bias (E61) and its upper bound, reward units; absent in the sum over the steps of a stage. */
  readonly zeta?: number;
  readonly zetaUpper?: number;
  /** ESS / N of the untruncated weights, 0..1; absent in the sum over the steps of a stage. */
  readonly essShare?: number;
  /** Single steps only: maximum number of own turns, and empirical E58 and E59, reward units. */
  readonly ownTurns?: number;
  readonly horizonPenalty?: number;
  readonly coupledHorizonPenalty?: number;
}

/** Progress of an agent that is being replaced. */
export interface HandoverRecord {
  /** Mean and minimum weight of the replacement over own token states, 0..1. */
  readonly weight: number;
  readonly weightMin: number;
  /** Radii of all steps so far, nats per token. */
  readonly steps: readonly number[];
  /** From this update on the agent is the replacement model alone. */
  readonly finished: boolean;
}

export interface UpdateRecord {
  readonly stage: number;
  readonly agent: number;
  readonly status: UpdateStatus;
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
  readonly trajectories: number;
  readonly tokens: number;
  /** Maximum of |logp_sampler - logp_trainer| over the tokens of this batch (E9), nats. */
  readonly logpMismatchMax: number;
  /** Mean of the same difference, nats; absent in older runs. */
  readonly logpMismatchMean?: number;
  readonly meanLogRatioWeight?: number;
  readonly essShare?: number;
  readonly certificate?: CertificateRecord;
  /** Present for an agent that is being replaced; its update is a step towards the replacement. */
  readonly handover?: HandoverRecord;
}

/** Wealth path and decision of one acceptance test (E64). */
export interface GateRecord {
  readonly gate: 'promotion' | 'step';
  readonly index: number;
  readonly alpha: number;
  readonly prompts: number;
  readonly wealth: number;
  /** Wealth of the mirrored test, which detects harm. */
  readonly harmWealth: number;
  readonly meanDifference: number;
  /** Thinned path of both wealths: [prompts used, wealth, harmWealth]; always includes the last point. */
  readonly path?: readonly (readonly [prompts: number, wealth: number, harmWealth: number])[];
  readonly decision: 'promote' | 'keep' | 'rollback';
}

/** Mean paired difference on prompts of the test split, with its 95% interval. */
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
      /** 0: the base team. */
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
