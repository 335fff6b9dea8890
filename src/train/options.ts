/**
 * Options of a training run as plain types. The schema in `config/`, with defaults and descriptions, must produce
 * values assignable to them. Names are those of the YAML file in camelCase.
 * @module
 */

export interface TrustRegionOptions {
  /** delta_i: radius on the quantile of the exact per-state KL, nats (E36). */
  readonly targetKl: number;
  /** 1 - alpha of E32, e.g. 0.99. */
  readonly quantile: number;
  /** Upper bound on the mean KL per message, nats; undefined: no bound (deltaMsg of E36). */
  readonly targetKlMessage?: number;
  readonly slack: 'none' | 'dkw' | 'binom';
  /** eta of E33/E34. */
  readonly slackConfidence: number;
  readonly maxBacktracks: number;
  /** Factor of the learning rate per backtrack; 1: only beta grows (E37). */
  readonly stepShrink: number;
  /**
   * `enforce`: gate 1; an update that leaves the region is never kept. `record`: divergences are measured but every
   * update without NaN is kept, and beta is constant; for baselines without a trust region.
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
   * Adapts the learning rate to the radius: it grows by a factor of 1.5 after a first attempt that was accepted with
   * less than half of the radius, and keeps its reduced scale after a backtrack.
   * Differs from the paper, which sets the learning rate by hand.
   */
  readonly adaptToRadius: boolean;
}

export interface GateOptions {
  readonly kind: 'promotion' | 'step' | 'off';
  /** Stages between promotion tests. */
  readonly every: number;
  /** Maximum number of paired prompts of one test (N_plan of E64). */
  readonly nPlan: number;
  /** Bound on the probability of any false acceptance in the run. */
  readonly alpha: number;
  /** Loss against the champion beyond which proved harm triggers a rollback, reward units. */
  readonly tolerance: number;
}

export interface CertificateOptions {
  /** Validation prompts of each certificate, with one episode each; 0: no certificates (E66). */
  readonly prompts: number;
  /** delta_c: bound on the probability that a stage's lower bound is wrong. */
  readonly confidence: number;
  /** C of E62. */
  readonly cap: number;
  /** Discount for the paper's bound (E50), in [0, 1). */
  readonly paperGamma: number;
}

export interface TrainOptions {
  readonly seed: number;
  readonly stages: number;
  readonly rolloutMode: 'fresh' | 'reuse';
  readonly order: 'static' | 'random' | 'reverse' | 'greedy';
  /**
   * `sequential`: an accepted update takes effect at once, so the next agent learns from episodes of the updated team
   * (E6). `simultaneous`: all agents learn from episodes of the team at the start of the stage, and all updates take
   * effect together: the scheme that SAT replaces (G1).
   */
  readonly updateSchedule: 'sequential' | 'simultaneous';
  /**
   * The verdict that an agent learns from. `team`: on the team's answer, in episodes of the team. `own`: on its own
   * answer, in episodes without teammates; for protocols with `agentsAnswer` and fresh rollouts.
   */
  readonly credit: 'team' | 'own';
  /**
   * Whether the weight of a turn in a reused episode includes the ratios before the turn, i.e. of its state (E17).
   * false: only those after it, as in the paper's text.
   */
  readonly stateWeight: boolean;
  /** Prompts per update (fresh) or per stage (reuse). */
  readonly promptsPerStep: number;
  /** G: episodes per prompt. */
  readonly numGenerations: number;
  /**
   * Random streams of the learner's teammates in the G episodes of a prompt. `shared` (fresh rollouts only): one per
   * prompt, not per episode, so that the returns of a group differ only through the learner.
   * Differs from the paper, whose episodes are independent; the gradient's expectation is the same.
   * Default `independent`.
   */
  readonly companions?: 'shared' | 'independent';
  readonly temperature: number;
  readonly maxCompletionLength: number;
  /** Passes over the batch per attempt (E of E37). */
  readonly numIterations: number;
  /** Trajectories per minibatch. */
  readonly minibatchSize: number;
  /** epsilon of E23. */
  readonly epsilon: number;
  /** epsilon of the upper clipping bound; absent: the same as `epsilon`. */
  readonly epsilonHigh?: number;
  readonly dualClip?: number;
  readonly ratioNorm: 'sum' | 'mean';
  readonly normalise: 'group' | 'mean';
  readonly advantageClip: number;
  /** Initial beta of E38. */
  readonly beta: number;
  readonly trustRegion: TrustRegionOptions;
  readonly optimizer: OptimizerOptions;
  readonly gate: GateOptions;
  readonly certificate: CertificateOptions;
  /** Weight of the mean reward of the agents' own answers in the team reward (vote, debate); 0..1. */
  readonly agentReward: number;
  /** Stages between checkpoints. */
  readonly saveSteps: number;
  /** Prompts of the test split played after every stage, with one episode each; 0: none. */
  readonly stageEvaluationPrompts: number;
  /** Prompts of the test split in the comparison before/after training. */
  readonly evalPrompts: number;
}
