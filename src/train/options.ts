/**
 * Options of a training run, in plain types: `config/` has the schema these must be assignable from,
 * with defaults and descriptions. Names are the YAML's in camelCase.
 * @module
 */

export interface TrustRegionOptions {
  /** delta_i: radius on the quantile of the exact per-state KL, nats (E36). */
  readonly targetKl: number;
  /** 1 - alpha of E32, e.g. 0.99. */
  readonly quantile: number;
  /** Cap on the mean per-message KL, nats; undefined: off (E36 deltaMsg). */
  readonly targetKlMessage?: number;
  readonly slack: 'none' | 'dkw' | 'binom';
  /** eta of E33/E34. */
  readonly slackConfidence: number;
  readonly maxBacktracks: number;
  /** Factor on the step per backtrack; 1: only beta grows (E37). */
  readonly stepShrink: number;
  /**
   * `enforce`: gate 1, an update that leaves the region is never kept. `record`: the same numbers are
   * measured and decide nothing, and beta stays; for baselines without a trust region.
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
   * Scales the learning rate by the radius: after an acceptance in the first attempt with less than half
   * of the radius used the agent's rate grows by 1.5, after a backtrack it keeps the shrunken scale.
   * Differs from the paper, which sets the rate by hand.
   */
  readonly adaptToRadius: boolean;
}

export interface GateOptions {
  readonly kind: 'promotion' | 'step' | 'off';
  /** Stages between promotion tests. */
  readonly every: number;
  /** Most paired prompts of one test (E64's N_plan). */
  readonly nPlan: number;
  /** Total false-acceptance probability over the whole run. */
  readonly alpha: number;
  /** Loss of reward against the champion that triggers a roll-back, reward units. */
  readonly tolerance: number;
}

export interface CertificateOptions {
  /** Validation prompts of each certificate, one episode each; 0: none (E66). */
  readonly prompts: number;
  /** delta_c: probability with which a stage's lower bound may be wrong. */
  readonly confidence: number;
  /** C of E62. */
  readonly cap: number;
  /** Discount at which the paper's bound is quoted (E50). */
  readonly paperGamma: number;
}

export interface TrainOptions {
  readonly seed: number;
  readonly stages: number;
  readonly rolloutMode: 'fresh' | 'reuse';
  readonly order: 'static' | 'random' | 'reverse' | 'greedy';
  /**
   * `sequential`: an agent's update counts as soon as it is accepted, so the next one learns from the team
   * as it is now (E6). `simultaneous`: every agent learns from the stage's start, and all new weights are
   * installed together: the scheme SAT replaces (G1).
   */
  readonly updateSchedule: 'sequential' | 'simultaneous';
  /**
   * Whose verdict an agent learns from. `team`: the team's answer, in episodes of the whole team. `own`:
   * its own answer, in episodes it plays alone; for protocols whose members answer, with fresh rollouts.
   */
  readonly credit: 'team' | 'own';
  /**
   * Whether reused episodes are weighted for the state a turn was played in (E17). false: for what came
   * after it alone, the paper's text.
   */
  readonly stateWeight: boolean;
  /** Prompts per agent step (fresh) or per stage (reuse). */
  readonly promptsPerStep: number;
  /** G: episodes per prompt. */
  readonly numGenerations: number;
  /**
   * What the learner's teammates do in the G episodes of a prompt. `shared` (fresh rollouts only): draws of
   * their own per prompt, not per episode, so that returns of a group differ by the learner's doing.
   * Differs from the paper, whose episodes are independent; the gradient's expectation is the same.
   * Default `independent`.
   */
  readonly companions?: 'shared' | 'independent';
  readonly temperature: number;
  readonly maxCompletionLength: number;
  /** Passes over the batch per attempt (E of E37). */
  readonly numIterations: number;
  /** Minibatches per pass, in trajectories. */
  readonly minibatchSize: number;
  /** epsilon of E23. */
  readonly epsilon: number;
  /** epsilon of the upper end, where it differs. */
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
  /** Share of the members' own mean verdict in the team reward (vote, debate); 0..1. */
  readonly agentReward: number;
  /** Checkpoint every this many stages. */
  readonly saveSteps: number;
  /** Test prompts played after every stage, one episode each; 0: none. */
  readonly stageEvaluationPrompts: number;
  /** Test prompts of the before/after comparison. */
  readonly evalPrompts: number;
}
