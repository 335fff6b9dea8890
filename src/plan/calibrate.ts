/**
 * Measures how fast this machine runs a team. Samples a few episodes of the team's task, then runs the
 * forward, backward and divergence passes of training on full micro-batches. The passes change gradients and
 * optimizer state, so the caller must not use the models afterwards and closes them.
 * @module
 */
import { randomStream } from '../core/rng.ts';
import type { Model, Sequence } from '../engine/engine.ts';
import type { Task } from '../task/task.ts';
import { rollout } from '../team/rollout.ts';
import type { Team, Trajectory } from '../team/team.ts';
import type { MachineRates } from './cost.ts';

export interface CalibrateOptions {
  readonly seed: number;
  readonly promptsPerStep: number;
  readonly numGenerations: number;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly agentReward: number;
  readonly sharedCompanions: boolean;
  /** Maximum number of tokens in a micro-batch. */
  readonly tokenBudget: number;
  /** Maximum number of messages that are decoded concurrently. */
  readonly decodeBatch: number;
  readonly signal?: AbortSignal;
}

/** Second key of the calibration's random streams, after the seed. It differs from all keys of training. */
const CALIBRATION = 1002;

const NO_STEP = { learningRate: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

/** Measured rates. `loadedBytes` is missing, because the caller computes it from the sizes of the models. */
export type MeasuredRates = Omit<MachineRates, 'loadedBytes'>;

export async function calibrate(team: Team, task: Task, options: CalibrateOptions): Promise<MeasuredRates> {
  const { numGenerations: samples, promptsPerStep, decodeBatch } = options;
  const prompts = Math.min(promptsPerStep, Math.max(2, Math.ceil((4 * decodeBatch) / samples)));
  const play = (count: number, key: number): Promise<Trajectory[]> =>
    rollout(team, task, {
      items: Array.from({ length: count }, (_, index) => task.item('train', index)),
      samples,
      temperature: options.temperature,
      maxTokens: options.maxTokens,
      agentReward: options.agentReward,
      stream: randomStream(options.seed, CALIBRATION, key),
      ...(options.sharedCompanions && { learner: 0 }),
      ...(options.signal && { signal: options.signal }),
    });
  await play(prompts, 0); // warm-up, because the first call compiles the models' graphs
  const { seconds, result: trajectories } = await timed(() => play(prompts, 1));
  const sampled = new Set(trajectories.flatMap(({ messages }) => messages.map(({ tokens }) => tokens)));
  const messages = trajectories.flatMap((trajectory) => trajectory.messages);
  const passes = await measurePasses(team, messagesByAgent(team, trajectories), options);
  return {
    sampleMessage: seconds / sampled.size,
    messageTokens: mean(messages.map(({ tokens }) => tokens.length)),
    sequenceTokens: mean(messages.map(lengthOf)),
    activeShare: activeShare(trajectories, samples),
    ...passes,
    residentBytes: process.resourceUsage().maxRSS * 1024,
  };
}

type Passes = Pick<
  MachineRates,
  'forwardToken' | 'backwardToken' | 'fullBackwardToken' | 'divergenceToken' | 'step'
>;

/** Means over the agents. */
async function measurePasses(
  { agents }: Team,
  messages: ReadonlyMap<number, readonly Sequence[]>,
  options: CalibrateOptions,
): Promise<Passes> {
  const each: Passes[] = [];
  for (const { id, model } of agents) {
    const own = messages.get(id) ?? [];
    if (own.length === 0) continue;
    options.signal?.throwIfAborted();
    each.push(await measureModel(model, measuredSequences(own, options), options.temperature));
  }
  const of = (key: keyof Passes): number => mean(each.map((passes) => passes[key]));
  return {
    forwardToken: of('forwardToken'),
    backwardToken: of('backwardToken'),
    fullBackwardToken: of('fullBackwardToken'),
    divergenceToken: of('divergenceToken'),
    step: of('step'),
  };
}

async function measureModel(
  model: Model,
  sequences: readonly Sequence[],
  temperature: number,
): Promise<Passes> {
  const tokens = sequences.reduce((sum, sequence) => sum + lengthOf(sequence), 0);
  const params = { temperature };
  const reference = await model.snapshot();
  const cotangents = sequences.map((sequence) => new Float32Array(sequence.tokens.length).fill(-1e-6));
  const perToken = async (pass: () => Promise<unknown>): Promise<number> => {
    await pass(); // warm-up
    const { seconds } = await timed(pass);
    return seconds / tokens;
  };
  const forwardToken = await perToken(() => model.forward(sequences, params));
  const backwardToken = await perToken(() => model.backward(sequences, cotangents, params));
  const kl = { reference, weight: 1e-6 };
  const fullBackwardToken = await perToken(() => model.backward(sequences, cotangents, { ...params, kl }));
  const divergenceToken = await perToken(() => model.divergence(sequences, reference, params));
  const { seconds: step } = await timed(() => model.step(NO_STEP));
  model.release(reference);
  return { forwardToken, backwardToken, fullBackwardToken, divergenceToken, step };
}

function messagesByAgent({ agents }: Team, trajectories: readonly Trajectory[]): Map<number, Sequence[]> {
  return new Map(
    agents.map(({ id }) => [
      id,
      trajectories.flatMap(({ messages }) => messages.filter(({ agent }) => agent === id)),
    ]),
  );
}

/**
 * Returns enough messages to fill two micro-batches, but at most as many as a training batch has. Messages
 * may repeat.
 */
function measuredSequences(own: readonly Sequence[], options: CalibrateOptions): Sequence[] {
  const { tokenBudget, promptsPerStep, numGenerations } = options;
  const count = Math.min(
    promptsPerStep * numGenerations,
    Math.ceil((2 * tokenBudget) / mean(own.map(lengthOf))),
  );
  return Array.from({ length: count }, (_, index) => own[index % own.length] as Sequence);
}

function activeShare(trajectories: readonly Trajectory[], samples: number): number {
  let active = 0;
  for (let from = 0; from < trajectories.length; from += samples) {
    const rewards = trajectories.slice(from, from + samples).map(({ reward }) => reward);
    if (rewards.some((reward) => reward !== rewards[0])) active += rewards.length;
  }
  return active / trajectories.length;
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly seconds: number; readonly result: T }> {
  const start = performance.now();
  const result = await work();
  return { seconds: (performance.now() - start) / 1000, result };
}

function lengthOf({ context, tokens }: Sequence): number {
  return context.length + tokens.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
