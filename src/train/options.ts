/**
 * Options of a training run as plain types. The schema in `config/`, with defaults and descriptions, must produce
 * values assignable to them. Names are those of the YAML file in camelCase.
 * @module
 */

/** Default of the initial weight of the KL term (beta of E38). */
export const DEFAULT_BETA = 0.001;

export interface TrustRegionOptions {
  /**
   * Radius of the trust region, nats: upper bound on a quantile of KL(new||old) over the token positions of
   * the agent's messages (delta_i of E36).
   */
  readonly targetKl: number;
  /**
   * Level of the quantile of the per-position KL that `targetKl` bounds, e.g. 0.99 for the 99th percentile
   * (1 - alpha of E32).
   */
  readonly quantile: number;
  /** Upper bound on the mean KL per message, nats; undefined: no bound (deltaMsg of E36). */
  readonly targetKlMessage?: number;
  readonly slack: 'none' | 'dkw' | 'binom';
  /**
   * Probability that the upper bound of the KL quantile is too low, if `slack` is not `none` (eta of E33 and
   * E34).
   */
  readonly slackConfidence: number;
  readonly maxBacktracks: number;
  /**
   * Factor by which each backtrack multiplies the learning rate, 0..1; at 1 a backtrack only increases beta,
   * the coefficient of the KL penalty (E37). `auto`: at most 1/2, and small enough that the measured KL predicts
   * an attempt inside the trust region.
   */
  readonly stepShrink: number | 'auto';
  /**
   * `enforce`: never keeps an update that leaves the trust region (gate 1). `record`: for baselines without a
   * trust region; divergences are measured, but every update with finite values is kept, and beta, the
   * coefficient of the KL penalty, is constant.
   */
  readonly gate: 'enforce' | 'record';
}

export interface OptimizerOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  /**
   * Adapts the learning rate to the radius of the trust region: the first update of an agent measures the
   * scale at which a step fits, the learning rate grows by a factor of 1.5 after a first attempt that was
   * accepted with less than half of the radius, and it keeps its reduced scale after a backtrack.
   * Differs from the paper, which sets the learning rate by hand.
   */
  readonly adaptToRadius: boolean;
}

export interface GateOptions {
  readonly kind: 'promotion' | 'step' | 'off';
  /** Number of stages between promotion tests. */
  readonly every: number;
  /**
   * Maximum number of prompts in one acceptance test. The old and the new team both play each prompt (N_plan
   * of E64).
   */
  readonly nPlan: number;
  /**
   * Upper bound on the probability that at least one acceptance test of the run accepts a team or an update
   * that is not better.
   */
  readonly alpha: number;
  /**
   * Tolerated loss of mean reward, in reward units, relative to the champion (the last promoted team). The
   * team is only rolled back to the champion if the test proves that its loss is larger.
   */
  readonly tolerance: number;
}

export interface CertificateOptions {
  /** Number of validation prompts of each certificate, with one episode each; 0: no certificates (E66). */
  readonly prompts: number;
  /**
   * Upper bound on the probability that a stage's certificate, the lower bound on its gain, is above the true
   * gain (delta_c of E63).
   */
  readonly confidence: number;
  /**
   * Maximum importance weight of an episode in the estimate of the gain; larger weights are truncated (C of
   * E62).
   */
  readonly cap: number;
  /** Discount factor gamma, in [0, 1), for the lower bound on the gain that the SAT paper states (E50). */
  readonly paperGamma: number;
}

export interface TrainOptions {
  readonly seed: number;
  readonly stages: number;
  readonly rolloutMode: 'fresh' | 'reuse';
  readonly order: 'static' | 'random' | 'reverse' | 'greedy';
  /**
   * `sequential`: an accepted update takes effect at once, so the next agent learns from episodes of the
   * updated team (E6), or from reweighted episodes with rollout mode `reuse`. `simultaneous`: all agents
   * learn from episodes of the team at the start of the stage, and all updates take effect together. SAT
   * replaces the simultaneous scheme, which can lower the reward (G1).
   */
  readonly updateSchedule: 'sequential' | 'simultaneous';
  /**
   * The verdict that an agent learns from. `team`: the verdict on the team's answer, in episodes of the whole
   * team. `own`: the verdict on the agent's own answer, in episodes without teammates; for protocols with
   * `agentsAnswer` and fresh rollouts.
   */
  readonly credit: 'team' | 'own';
  /**
   * Whether the importance weight of a turn in a reused episode includes the ratios of earlier turns, which
   * correct the distribution of the turn's state (E17). false: only the ratios of later turns, as in the
   * paper's text.
   */
  readonly stateWeight: boolean;
  /** Number of prompts per update (fresh rollouts) or per stage (reused rollouts). */
  readonly promptsPerStep: number;
  /** Number of episodes per prompt (G). */
  readonly numGenerations: number;
  /**
   * Random streams of the learner's teammates in the G episodes of a prompt. `shared` (fresh rollouts only):
   * all G episodes use one stream per teammate, so that the rewards of a group differ only through the
   * learner. `independent`, the default: every episode has its own streams.
   *
   * Differs from the paper, whose episodes are independent; the gradient's expectation is the same.
   */
  readonly companions?: 'shared' | 'independent';
  readonly temperature: number;
  readonly maxCompletionLength: number;
  /**
   * Treatment of messages that were cut off, the same in training, tests and evaluations (`TruncatedRule` of
   * the team). `mask`: as `judge`, and the learner's cut-off messages are left out of the loss.
   */
  readonly truncated: 'wrong' | 'judge' | 'mask';
  /**
   * Soft overlong punishment of DAPO (arXiv 2503.14476): the learner's advantages come from its rewards minus
   * a penalty that grows over the last `len` tokens before `maxCompletionLength` from 0 to `penaltyFactor`,
   * reward units. Absent: no penalty. Reported rewards, tests and evaluations are without it.
   */
  readonly overlongBuffer?: { readonly len: number; readonly penaltyFactor: number };
  /** Number of passes over the batch in each attempt of an update (symbol E in E37). */
  readonly numIterations: number;
  /** Number of trajectories per minibatch. */
  readonly minibatchSize: number;
  /** Clipping range of the ratio of new to old policy (E23). */
  readonly epsilon: number;
  /** Clipping range above 1 (ratios up to 1 + epsilonHigh); absent: equal to `epsilon`. */
  readonly epsilonHigh?: number;
  readonly dualClip?: number;
  readonly ratioNorm: 'sum' | 'mean';
  readonly normalise: 'group' | 'mean';
  readonly advantageClip: number;
  /** Initial coefficient of the KL penalty in the loss (beta of E38). */
  readonly beta: number;
  readonly trustRegion: TrustRegionOptions;
  readonly optimizer: OptimizerOptions;
  readonly gate: GateOptions;
  readonly certificate: CertificateOptions;
  /** Weight of the mean reward of the agents' own answers in the team reward (vote, debate); 0..1. */
  readonly agentReward: number;
  /** Number of stages between checkpoints. */
  readonly saveSteps: number;
  /**
   * Number of prompts of the test split that are played after every stage, with one episode each; 0: none.
   */
  readonly stageEvaluationPrompts: number;
  /** Number of prompts of the test split on which the base team and the trained team are compared. */
  readonly evalPrompts: number;
}
