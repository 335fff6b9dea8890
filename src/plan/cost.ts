/**
 * Computes time, floating-point operations and memory of a run from its workload and the rates of a machine.
 * @module
 */
import type { Workload } from './workload.ts';

/**
 * Rates of a machine: how fast it runs the models of a team. Measured by `calibrate.ts`, or read from a file.
 */
export interface MachineRates {
  /** Time to sample one message, s. */
  readonly sampleMessage: number;
  /** Time per token for each kind of pass, s. Tokens of the context and of the message count. */
  readonly forwardToken: number;
  readonly backwardToken: number;
  readonly fullBackwardToken: number;
  readonly divergenceToken: number;
  /** Time of one optimizer step, s. */
  readonly step: number;
  /** Mean length of a message, tokens; `sequenceTokens` also counts the message's context. */
  readonly messageTokens: number;
  readonly sequenceTokens: number;
  /**
   * Share of episodes in groups (samples of one prompt) whose rewards are not all equal; only these have a
   * gradient.
   */
  readonly activeShare: number;
  /** Resident memory of the process after it ran passes on full micro-batches, bytes. */
  readonly residentBytes: number;
  /** Memory of the models that were loaded for the measurement, see {@link modelBytes}. */
  readonly loadedBytes: number;
}

export interface ModelSize {
  readonly parameters: number;
  /** Number of trained parameters: all of them, or those of an adapter. */
  readonly trainedParameters: number;
  /** Frozen base model of an adapter. Agents with the same base folder share its memory. */
  readonly frozen?: { readonly folder: string; readonly bytes: number };
  /**
   * Number of layers x width of the queries. Attention needs 2 x this number of operations per pair of
   * tokens.
   */
  readonly attention: number;
}

export interface StagePlan {
  readonly seconds: number;
  readonly phases: Readonly<Record<'rollout' | 'score' | 'update' | 'divergence', number>>;
  /** Tokens sampled. */
  readonly tokens: number;
  /** Number of floating-point operations. */
  readonly flops: number;
}

export interface Plan {
  readonly stage: StagePlan;
  /**
   * Time of one promotion test (acceptance test of the current team against the deployed one) that does not
   * stop early, s.
   */
  readonly gateSeconds: number;
  /** Number of promotion tests in the run. */
  readonly gates: number;
  /** Time of the evaluation at the end of the run, s. */
  readonly evaluationSeconds: number;
  /** Sampled for training. */
  readonly tokens: number;
  readonly flops: number;
  /**
   * Bounds of the run's time, s: without promotion tests, and with all promotion tests at full length (they
   * may stop early).
   */
  readonly seconds: { readonly least: number; readonly most: number };
  readonly memoryBytes: number;
}

/** Bytes per trained parameter: float32 weight, gradient and two Adam moments. */
const TRAINED = 16;
/** Bytes per parameter of a snapshot: float32 weight and two Adam moments. */
const SNAPSHOT = 12;
/** Bytes per parameter of the untrained team in the evaluation at the end of the run: float32 weight. */
const UNTRAINED = 4;

export function planCost(
  workload: Workload,
  rates: MachineRates,
  {
    models,
    stages,
    promotes,
  }: {
    readonly models: readonly ModelSize[];
    readonly stages: number;
    readonly promotes: boolean;
  },
): Plan {
  const { stage, gateMessages, gates, evaluationMessages } = workload;
  const tokens = (messages: number): number => messages * rates.sequenceTokens;
  const phases = {
    rollout: stage.sampled * rates.sampleMessage,
    score: tokens(stage.scored) * rates.forwardToken,
    update:
      tokens(stage.plainBackward) * rates.backwardToken +
      tokens(stage.fullBackward) * (rates.forwardToken + rates.fullBackwardToken) +
      stage.steps * rates.step,
    divergence: tokens(stage.compared) * rates.divergenceToken,
  };
  const seconds = Object.values(phases).reduce((sum, value) => sum + value, 0);
  const pass = forwardFlops(models, rates.sequenceTokens);
  // cost of a backward pass in units of a forward pass: 1 to recompute the forward pass, 1 for the gradients
  // of activations, and 1 for the gradients of weights if all weights are trained
  const backward = 2 + trainedShare(models);
  const passes =
    stage.sampled +
    stage.scored +
    backward * stage.plainBackward +
    (2 + backward) * stage.fullBackward +
    2 * stage.compared;
  const evaluationSeconds = evaluationMessages * rates.sampleMessage;
  const gateSeconds = gateMessages * rates.sampleMessage;
  const least = stages * seconds + evaluationSeconds;
  return {
    stage: { seconds, phases, tokens: stage.sampled * rates.messageTokens, flops: passes * pass },
    gateSeconds,
    gates,
    evaluationSeconds,
    tokens: stages * stage.sampled * rates.messageTokens,
    flops: stages * passes * pass + evaluationMessages * pass,
    seconds: { least, most: least + gates * gateSeconds },
    memoryBytes: memoryOf(models, rates, promotes),
  };
}

/**
 * Floating-point operations of one forward pass over a message and its context, mean over the agents. Each
 * parameter costs 2 operations per token; attention is added.
 */
function forwardFlops(models: readonly ModelSize[], tokens: number): number {
  const one = ({ parameters, attention }: ModelSize): number =>
    2 * parameters * tokens + 2 * attention * tokens * tokens;
  return models.reduce((sum, model) => sum + one(model), 0) / models.length;
}

function trainedShare(models: readonly ModelSize[]): number {
  const [trained, all] = [sumOf(models, 'trainedParameters'), sumOf(models, 'parameters')];
  return Math.min(1, trained / all);
}

/**
 * Memory of models in training, bytes: trained weights with gradients and moments, and every frozen base
 * model once.
 */
export function modelBytes(models: readonly ModelSize[]): number {
  const frozen = new Map(models.map(({ frozen: base }) => [base?.folder, base?.bytes ?? 0]));
  const frozenBytes = [...frozen.values()].reduce((sum, bytes) => sum + bytes, 0);
  return TRAINED * sumOf(models, 'trainedParameters') + frozenBytes;
}

/**
 * Memory of a run, bytes: the resident memory of the calibration without its models, plus that of the run's
 * models.
 */
function memoryOf(models: readonly ModelSize[], rates: MachineRates, promotes: boolean): number {
  const trained = sumOf(models, 'trainedParameters');
  const largest = Math.max(...models.map(({ trainedParameters }) => trainedParameters));
  const run = modelBytes(models) + trained * (UNTRAINED + (promotes ? SNAPSHOT : 0)) + largest * SNAPSHOT;
  return rates.residentBytes - rates.loadedBytes + run;
}

function sumOf(models: readonly ModelSize[], key: 'parameters' | 'trainedParameters'): number {
  return models.reduce((sum, model) => sum + model[key], 0);
}
