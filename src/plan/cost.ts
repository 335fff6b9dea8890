/**
 * Computes time, floating-point operations and memory of a run from its workload and the rates of a machine.
 * @module
 */

import { type BatchSize, type ModelSize, passBytes, recomputedShare, runModelBytes } from './memory.ts';
import { packedRows } from './packed-rows.ts';
import {
  type AgentRates,
  commonOf,
  contextOf,
  type MachineRates,
  meanMessage,
  type PassCost,
  passSeconds,
  ratesOf,
  samplingSeconds,
} from './rates.ts';
import { type PassCall, type SamplingCall, sampledBy, type Workload } from './workload.ts';

export interface StagePlan {
  readonly seconds: number;
  readonly phases: Readonly<
    Record<'rollout' | 'score' | 'update' | 'divergence' | 'certificate' | 'evaluate', number>
  >;
  /** Tokens sampled for training. */
  readonly tokens: number;
  /** Number of floating-point operations. */
  readonly flops: number;
}

export interface Plan {
  readonly stage: StagePlan;
  /**
   * Time before the first stage, s: loading the team, the check of sampler and trainer, and the evaluation of
   * the base team.
   */
  readonly startSeconds: number;
  /**
   * Time of one further attempt of every agent's update in a stage, s. With a single optimizer step per update
   * it reuses the gradient.
   */
  readonly retrySeconds: number;
  /**
   * Time of one promotion test (acceptance test of the current team against the deployed one) that does not
   * stop early, s.
   */
  readonly gateSeconds: number;
  /** Time of the probes before the first update of every agent, s; 0 without probes. */
  readonly probeSeconds: number;
  /** Number of promotion tests in the run. */
  readonly gates: number;
  /** Time of the evaluation at the end of the run, s, with as many teams as it compares at most. */
  readonly evaluationSeconds: number;
  /** Time to write all checkpoints, s. */
  readonly checkpointSeconds: number;
  /** Sampled for training. */
  readonly tokens: number;
  readonly flops: number;
  /**
   * Bounds of the run's time, s: without promotion tests, and with all promotion tests at full length (they
   * may stop early).
   */
  readonly seconds: { readonly least: number; readonly most: number };
  /** Memory of the run at its peak, bytes. */
  readonly memoryBytes: number;
  /** Part of the memory for weights, gradients, moments and snapshots, bytes. */
  readonly modelBytes: number;
}

/** Facts of a run that its workload does not contain. */
export interface PlannedRun {
  /** Sizes of the models by agent id. */
  readonly models: readonly ModelSize[];
  readonly stages: number;
  /** Whether the run has promotion tests. */
  readonly promotes: boolean;
  /** Maximum number of messages that are decoded together. */
  readonly decodeBatch: number;
  /** Maximum number of tokens of a micro-batch, if the size of the model does not limit it further. */
  readonly tokenBudget: number;
  /** Speed of writing checkpoints, bytes per second. Absent: the time is not counted. */
  readonly diskBytesPerSecond?: number | undefined;
}

/** Bytes of a checkpoint per trained parameter: float32 weight and two Adam moments. */
const CHECKPOINT = 12;

export function planCost(workload: Workload, rates: MachineRates, run: PlannedRun): Plan {
  const { calls } = workload;
  const sampling = (of: readonly SamplingCall[]): number => samplingTime(of, rates, run);
  const passes = (of: readonly PassCall[]): number => passTime(of, { rates, run });
  const perAgent = run.models.map((_, id) => ratesOf(rates, id));
  const steps = calls.stage.stepsPerAttempt * sum(perAgent.map(({ step }) => step));
  const phases = {
    rollout: sampling(calls.stage.rollout),
    score: passes(calls.stage.score),
    update: passes(calls.stage.update) + steps + sum(perAgent.map(({ snapshot }) => snapshot)),
    divergence: passes(calls.stage.divergence),
    certificate: sampling(calls.stage.certificate),
    evaluate: sampling(calls.stage.evaluate),
  };
  const seconds = sum(Object.values(phases));
  const gradient = calls.stage.stepsPerAttempt > 1 ? passes(calls.stage.update) : 0;
  const evaluation = sampling(calls.evaluation);
  const { least: fewest, most: all } = workload.contestants;
  const startSeconds = rates.loadSeconds + sampling(calls.start.sampling) + passes(calls.start.passes);
  const trained = sum(run.models.map(({ trainedParameters }) => trainedParameters));
  const checkpointBytes = workload.checkpoints * CHECKPOINT * trained;
  const checkpointSeconds = checkpointBytes / (run.diskBytesPerSecond ?? Number.POSITIVE_INFINITY);
  const gateSeconds = sampling(calls.gate);
  const probeSeconds = calls.probe.length === 0 ? 0 : passes(calls.probe) + steps;
  const least = startSeconds + run.stages * seconds + probeSeconds + fewest * evaluation + checkpointSeconds;
  const tokens = sampledTokens(calls.stage.rollout, rates);
  const { stage } = calls;
  const sampled = [...stage.rollout, ...stage.certificate, ...stage.evaluate];
  const flops =
    passFlops([...stage.score, ...stage.update, ...stage.divergence], rates, run) +
    samplingFlops(sampled, rates, run.models);
  return {
    stage: { seconds, phases, tokens, flops },
    startSeconds,
    retrySeconds: phases.divergence + steps + gradient,
    probeSeconds,
    gateSeconds,
    gates: workload.gates,
    evaluationSeconds: all * evaluation,
    checkpointSeconds,
    tokens: run.stages * tokens,
    flops:
      run.stages * flops +
      passFlops(calls.probe, rates, run) +
      all * samplingFlops(calls.evaluation, rates, run.models),
    seconds: { least, most: least + workload.gates * gateSeconds + (all - fewest) * evaluation },
    memoryBytes: memoryOf(workload, rates, run),
    modelBytes: runModelBytes(run.models, run.promotes),
  };
}

function samplingTime(
  calls: readonly SamplingCall[],
  rates: MachineRates,
  { decodeBatch, tokenBudget, models }: PlannedRun,
): number {
  return sum(
    calls.map(({ agent, round, messages, contexts, times }) => {
      const own = ratesOf(rates, agent);
      const tokens = { contextTokens: contextOf(own, round), commonTokens: commonOf(own, round) };
      const work = { contexts, messages, ...tokens, pairCost: modelOf({ models }, agent).passes?.pairCost };
      const limits = { slots: decodeBatch, budget: tokenBudget };
      return times * samplingSeconds(own, own.messageLengths, { ...work, ...limits });
    }),
  );
}

function passTime(
  calls: readonly PassCall[],
  { rates, run }: { readonly rates: MachineRates; readonly run: PlannedRun },
): number {
  return sum(
    calls.map(({ kind, agent, messages, perContext, times }) => {
      const own = ratesOf(rates, agent);
      const model = modelOf(run, agent);
      const { rows, length, budget } = passRows(own, { model, messages, perContext, run });
      const work = { sequences: rows, length, budget };
      const seconds = (cost: PassCost): number => passSeconds(cost, work);
      const batch = { tokens: rows * length, length, cachedTokens: 0 };
      const isBackward = kind === 'backward' || kind === 'fullBackward';
      const again = isBackward ? recomputedShare(model, batch) * seconds(own.forward) : 0;
      // a full backward pass needs the log-probabilities of the current weights, from a forward pass
      const before = kind === 'fullBackward' ? seconds(own.forward) : 0;
      return times * (seconds(own[kind]) + again + before);
    }),
  );
}

/** Rows of the micro-batches of a pass over an agent's messages, and the maximum tokens of a micro-batch. */
function passRows(
  own: AgentRates,
  {
    model,
    messages,
    perContext,
    run,
  }: {
    readonly model: ModelSize;
    readonly messages: number;
    readonly perContext: number;
    readonly run: PlannedRun;
  },
): { readonly rows: number; readonly length: number; readonly budget: number } {
  const { microBatchTokens = Number.POSITIVE_INFINITY, sharedRowTokens = microBatchTokens } =
    model.passes ?? {};
  const budget = Math.min(run.tokenBudget, microBatchTokens);
  const messageTokens = meanMessage(own);
  const sizes = {
    sequences: messages,
    contexts: messages / perContext,
    contextTokens: meanContext(own),
    commonTokens: sum(own.commonTokens) / own.commonTokens.length,
    messageTokens,
  };
  const rule = { budget: Math.min(budget, sharedRowTokens), pairCost: model.passes?.pairCost };
  return { ...packedRows(sizes, rule), budget };
}

function modelOf({ models }: Pick<PlannedRun, 'models'>, agent: number): ModelSize {
  return models[Math.min(agent, models.length - 1)];
}

/**
 * Mean input tokens of an agent's message with its context, over all of its rounds. The last token of a message is
 * no input.
 */
export function sequenceTokens(rates: AgentRates): number {
  return meanContext(rates) + meanMessage(rates) - 1;
}

function meanContext({ contextTokens }: AgentRates): number {
  return sum(contextTokens) / contextTokens.length;
}

/** Number of tokens that calls sample. */
function sampledTokens(calls: readonly SamplingCall[], rates: MachineRates): number {
  return sum(
    calls.map(({ agent, messages, times }) => messages * times * meanMessage(ratesOf(rates, agent))),
  );
}

/**
 * Floating-point operations of one forward pass over a row of tokens. Each parameter costs 2
 * operations per token; attention is added.
 */
function forwardFlops({ parameters, attention }: ModelSize, tokens: number): number {
  return 2 * parameters * tokens + 2 * attention * tokens * tokens;
}

function samplingFlops(
  calls: readonly SamplingCall[],
  rates: MachineRates,
  models: readonly ModelSize[],
): number {
  return sum(
    calls.map((call) => {
      const model = models[Math.min(call.agent, models.length - 1)];
      return sampledBy([call]) * forwardFlops(model, sequenceTokens(ratesOf(rates, call.agent)));
    }),
  );
}

function passFlops(calls: readonly PassCall[], rates: MachineRates, run: PlannedRun): number {
  const passes = calls.map(({ kind, agent, messages, perContext, times }) => {
    const model = modelOf(run, agent);
    // cost of a backward pass in units of a forward pass: 1 to recompute the forward pass, 1 for the
    // gradients of activations, and 1 for the gradients of weights if all weights are trained
    const backward = 2 + Math.min(1, model.trainedParameters / model.parameters);
    const units = { forward: 1, backward, fullBackward: 2 + backward, divergence: 2 }[kind];
    const { rows, length } = passRows(ratesOf(rates, agent), { model, messages, perContext, run });
    return units * times * rows * forwardFlops(model, length);
  });
  return sum(passes);
}

/** Memory of a run, bytes: the process with its code, the models, and the largest batch of an agent. */
function memoryOf({ calls }: Workload, rates: MachineRates, run: PlannedRun): number {
  const batches = run.models.map((model, id) => passBytes(model, largestBatch(id, { calls, rates, run })));
  return rates.processBytes + runModelBytes(run.models, run.promotes) + Math.max(0, ...batches);
}

function largestBatch(
  id: number,
  {
    calls,
    rates,
    run,
  }: { readonly calls: Workload['calls']; readonly rates: MachineRates; readonly run: PlannedRun },
): BatchSize {
  const own = ratesOf(rates, id);
  const messages = calls.stage.minibatchMessages;
  const perContext = calls.stage.update.find(({ agent }) => agent === id)?.perContext ?? 1;
  const { rows, length } = passRows(own, { model: modelOf(run, id), messages, perContext, run });
  const sampling = [...calls.stage.rollout, ...calls.evaluation, ...calls.gate].filter(
    ({ agent }) => agent === id,
  );
  const longest = Math.max(...own.messageLengths);
  return {
    // some stage has a minibatch in which all messages have a gradient
    tokens: rows * length,
    length,
    cachedTokens: Math.max(
      0,
      ...sampling.map(({ messages, contexts, round }) => {
        const context = contextOf(own, round);
        return Math.min(run.decodeBatch, messages) * (context + longest) + contexts * context;
      }),
    ),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
