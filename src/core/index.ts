/**
 * The algorithm of Sequential Agent Tuning as pure functions on plain arrays: no model engine, no files, no
 * clock, and random draws only from a stream that is passed in. `docs/algorithm.md` defines the equations
 * that the docstrings cite (E36), `docs/paper-map.md` lists the function of each equation, and the header of
 * `weights.ts` defines the names of log-probabilities.
 *
 * An array argument's suffix names its dimensions: `_N` trajectories, `_A` agents, `_V` vocabulary or actions, `_S`
 * states, `_P` prompts, `_D` parameters. Every function throws {@link DomainError} for an argument outside its domain.
 *
 * @example
 * import { groupNormalizedAdvantages, sequenceObjective } from 'troupe/core';
 * groupNormalizedAdvantages([1, 0, 0, 1], [0, 0, 0, 0]); // ≈> [1, -1, -1, 1]
 * sequenceObjective({ logpNew: [[-1]], logpOld: [[-1]], advantages: [2] }).loss; // => -2
 *
 * @module
 */

// Advantages

export { type GroupNormOptions, groupNormalizedAdvantages, groupRelativeAdvantages } from './advantage.ts';
export {
  aggregateOwnTurns,
  type TraceOptions,
  temporalDifferences,
  truncatedGae,
  truncatedGaeBiasBound,
  vtraceAdvantages,
} from './estimator.ts';
export {
  MAX_LOG_RATIO,
  type MessageRatio,
  messageLogRatio,
  prefixWeights,
  suffixWeights,
  type TurnWeights,
  turnLogRatios,
  turnWeights,
} from './weights.ts';

// Loss and optimizer

export { type AdamWOptions, type AdamWState, adamwStep, initialAdamW } from './adamw.ts';
export { type AgentObjective, agentObjective, type KlPenalty, sampledKlPenalty } from './kl-penalty.ts';
export {
  type ClipOptions,
  type Objective,
  type SequenceObjectiveInput,
  sequenceObjective,
  type TurnObjectiveInput,
  turnObjective,
} from './objective.ts';

// Trust region

export {
  type ExactKl,
  exactKl,
  type KlEstimator,
  logSoftmax,
  messageSums,
  type StateDivergence,
  sampledKl,
  stateDivergence,
} from './divergence.ts';
export { type OverlongBuffer, overlongPenalty } from './overlong.ts';
export {
  dkwEpsilon,
  dkwMinimumSize,
  dkwUpperBound,
  inverseCdfQuantile,
  linearQuantile,
  orderStatisticMinimumSize,
  orderStatisticUpperBound,
  type UpperBoundOptions,
} from './quantile.ts';
export {
  type BoundedKl,
  decideProbe,
  type KlBounds,
  type ProbeDecision,
  type ProbeState,
  retryFactor,
  SCALE_MAX,
  SCALE_MIN,
  startProbes,
  usedShare,
} from './step-scale.ts';
export {
  type AttemptDecision,
  type AttemptMeasurement,
  decideAttempt,
  type MonitorOptions,
  type MonitorReadings,
  measureAttempt,
  startTrustRegion,
  type TrustRegionRules,
  type TrustRegionState,
  type ViolationReason,
} from './trust-region.ts';

// Order of updates

export {
  type CrossFittedGain,
  crossFittedGain,
  type FisherModel,
  type InformationGain,
  type InformationGainOptions,
  informationGain,
  type Kappa,
  type KappaRoute,
  kappaFromScores,
  type ScoreSample,
} from './information-gain.ts';
export type { Matrix } from './linear.ts';
export { greedyOrder, predictedGain, randomOrder, reverseOrder, staticOrder } from './order.ts';

// Exports of the acceptance test and the certificate.

export {
  alphaSpending,
  type BettingOptions,
  type BettingStep,
  type BettingTest,
  type BoundedMeanOptions,
  createBettingTest,
  effectiveSampleSize,
  empiricalBernsteinLower,
  hoeffdingLower,
  type TruncatedGain,
  type TruncationBias,
  truncatedGain,
  truncationBias,
} from './acceptance.ts';
export {
  certifyStep,
  type PaperBound,
  type PaperBoundInput,
  paperBound,
  paperBoundCeiling,
  type StepCertificate,
  type StepCertificateOptions,
  type StepEvidence,
  stageLowerBound,
} from './certificate.ts';
export {
  coupledHorizonPenalty,
  expectedTvPenalty,
  horizonPenalty,
  jointPenalty,
  marginalHorizonPenalty,
  type OwnTurns,
  occupancyShift,
  paperOccupancyPenalty,
  type StepSize,
  sharpOccupancyShift,
  sharpPenalty,
  staleSurrogateGap,
  trpoPenalty,
} from './penalty.ts';

// Swaps of models

export { type MessageCandidates, type MessageMixture, messageMixture } from './message-mixture.ts';
export {
  type MixturePair,
  type MixtureSteps,
  mixtureLogp,
  mixturePair,
  mixtureWeight,
  weightAfterSteps,
} from './mixture.ts';
export {
  type Projection,
  projectOntoTrustRegion,
  type SwapSamples,
  type SwapTables,
  sampledSwapCovariance,
  swapCovariance,
} from './projection.ts';

// Exports of statistics, voting, random streams and errors.

export { DomainError } from './errors.ts';
export { type RandomStream, randomStream, type StreamPosition, threefry2x32 } from './rng.ts';
export {
  type BootstrapOptions,
  type Interval,
  mean,
  type PairedIntervalOptions,
  pairedDifferenceInterval,
  passAtK,
  percentileBootstrap,
  populationDeviation,
  sampleVariance,
  wilsonInterval,
} from './stats.ts';
export {
  replayVote,
  VOTE_STOP_RULES,
  type VoteReplay,
  VoteStop,
  type VoteStopOptions,
  type VoteStopRule,
} from './vote-stop.ts';

// Exact tabular worlds

export { type ExactStep, exactStep } from './exact-step.ts';
export {
  type Episode,
  type EpisodeChange,
  type EpisodeEvaluation,
  type EpisodePolicy,
  episodeChange,
  evaluateEpisode,
  observedScores,
} from './tabular/episode.ts';
export {
  agentAdvantage,
  type Evaluation,
  evaluateTeam,
  expectedAdvantage,
  surrogateGain,
} from './tabular/evaluate.ts';
export {
  actionOf,
  checkedMdp,
  jointActions,
  jointDistribution,
  type Policy,
  type TeamMdp,
  type TeamPolicy,
  withPolicy,
} from './tabular/mdp.ts';
export { type MessageDivergence, type MessageTree, messageDivergence, pinsker } from './tabular/message.ts';
export {
  blindGame,
  fullyObserved,
  type ObservedEpisode,
  playedBy,
  truncatedMdp,
} from './tabular/observed-episode.ts';
export {
  type OneStateAttempt,
  type OneStateOptions,
  type OneStateProblem,
  type OneStateResult,
  optimizeOneState,
} from './tabular/optimize.ts';
export {
  jointTvMax,
  type PolicyChange,
  policyChange,
  type StepBounds,
  stepBounds,
} from './tabular/policy-change.ts';
export {
  type ExactStage,
  type ExactStageOptions,
  exactAgentUpdate,
  runExactStage,
  type StageStep,
  simultaneousUpdate,
} from './tabular/stage.ts';
export { binaryTeam, matrixGame } from './tabular/worlds.ts';
