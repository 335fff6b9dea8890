/**
 * Everything a run decides, as typed events: the run folder's `events.jsonl` is this list, sinks render
 * it. Nothing here reads a clock; the store stamps `time` outside the fields that resume compares.
 * @module
 */

/** Verdict of one agent's update (E36, E37, E64). */
export type UpdateStatus = 'ACCEPT' | 'REJECT_KL' | 'REJECT_TEST' | 'REJECT_NAN' | 'SKIP';

/** Levels of {@link AttemptRecord.klQuantiles}. */
export const KL_LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;

/** One attempt of OPTIMIZE. All KL in nats; NaN (null in JSON) where training broke down before measuring. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly beta: number;
  readonly lrScale: number;
  /** Empirical quantile of KL(new||old) over own token states, or its upper bound under `slack`. */
  readonly klQuantile: number;
  readonly klMean: number;
  readonly klMax: number;
  /** Quantiles of KL(new||old) over own token states at {@link KL_LEVELS}; absent where none was measured. */
  readonly klQuantiles?: readonly number[];
  readonly klMessageMean: number;
  readonly tvMean: number;
  readonly accepted: boolean;
  /** Why not; absent when accepted. */
  readonly reason?: 'kl_quantile' | 'kl_message' | 'not_finite';
}

/** What held-out episodes say about the gain of an accepted update or of a stage (E66). */
export interface CertificateRecord {
  /** Test prompts, one episode each; 0 for a stage that changed nothing. */
  readonly prompts: number;
  /** Probability with which `gainLower` may be above the true gain. */
  readonly delta: number;
  /** Conservative estimate of the gain (E62) and its lower bound (E63), reward units. */
  readonly gainMean: number;
  readonly gainLower: number;
  /** The paper's certificate (E50), reward units. For information: no decision uses it. */
  readonly paperBound: number;
  /** What truncation hides (E61) and its upper bound, reward units; absent for a sum of steps, as `essShare`. */
  readonly zeta?: number;
  readonly zetaUpper?: number;
  /** ESS / N of the full ratios, 0..1. */
  readonly essShare?: number;
  /** Of a single step: most own turns, and E58 and E59 from what was seen, reward units. */
  readonly ownTurns?: number;
  readonly horizonPenalty?: number;
  readonly coupledHorizonPenalty?: number;
}

/** How far an agent that is being replaced has come. */
export interface HandoverRecord {
  /** Mean and least weight of the replacement over own token states, 0..1. */
  readonly weight: number;
  readonly weightMin: number;
  /** Radii of all steps so far, nats per token. */
  readonly steps: readonly number[];
  /** The replacement stands alone from here on. */
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
  /** Standard error of `reward` over prompts, whose episodes are averaged first; absent for a single prompt. */
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
  /** Largest |sampler - trainer| logp per token of this batch (E9), nats. */
  readonly logpMismatchMax: number;
  /** The same on average; absent in runs of before it was recorded. */
  readonly logpMismatchMean?: number;
  readonly meanLogRatioWeight?: number;
  readonly essShare?: number;
  readonly certificate?: CertificateRecord;
  /** Of an agent in the middle of an upgrade, whose update is a step towards its replacement. */
  readonly handover?: HandoverRecord;
}

/** Wealth path and verdict of one acceptance test (E64). */
export interface GateRecord {
  readonly gate: 'promotion' | 'step';
  readonly index: number;
  readonly alpha: number;
  readonly prompts: number;
  readonly wealth: number;
  /** Wealth of the mirrored test for harm. */
  readonly harmWealth: number;
  readonly meanDifference: number;
  /** Both wealths on the way: [prompts seen, wealth, harmWealth], thinned, the last one always there. */
  readonly path?: readonly (readonly [prompts: number, wealth: number, harmWealth: number])[];
  readonly decision: 'promote' | 'keep' | 'rollback';
}

/** A comparison on test prompts with its paired 95% interval. */
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
  /** The team's answer. */
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
      /** The agent the batch is for; absent when one batch serves the whole stage (`reuse`). */
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
      /** Standard error of `reward` over prompts; absent where it is not known. */
      readonly rewardSe?: number;
      readonly accepted: number;
      readonly tokens: number;
      readonly certificate?: CertificateRecord;
    }
  | {
      /** What the team that enters the next stage gets on test prompts; 0: the base team. */
      readonly kind: 'stage_evaluation';
      readonly stage: number;
      /** One episode per prompt [P], reward units; the same prompts and streams every time. */
      readonly rewards: readonly number[];
      /**
       * Share of right answers among each member's own in these episodes, where the protocol's members
       * answer; null for one that never spoke.
       */
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

/** Receives every event in order; a sink must not throw. `phase` events are progress only and are not stored. */
export interface EventSink {
  emit(event: RunEvent): void;
  close?(): Promise<void>;
}
