/**
 * Measures how fast this machine runs a team, and how long its messages are, within a time limit: plays a few
 * episodes of the team's task, and runs the passes of training on small batches (`measure-passes.ts`). Agents
 * with equal base and adapter shape are measured once. The passes change gradients and optimizer state, so the
 * caller must not use the models afterwards and closes them.
 * @module
 */
import { randomStream } from '../core/rng.ts';
import { TaskError } from '../support/errors.ts';
import type { Task } from '../task/task.ts';
import { concurrencyOf } from '../team/concurrency.ts';
import type { TruncatedRule } from '../team/cut-off.ts';
import { firstPrompts, LOOK_AHEAD, noPromptFits } from '../team/first-prompts.ts';
import { rollout } from '../team/rollout.ts';
import type { Team, Trajectory } from '../team/team.ts';
import { ASSUMED_ACTIVE_SHARE, estimateActiveShare } from './active-share.ts';
import { chooseEpisodes, type EpisodeChoice } from './choose-episodes.ts';
import { type AgentMessages, distinctContexts, meanCommonPrefix, messagesOf } from './episode-messages.ts';
import {
  type Clock,
  type CostShape,
  type MeasureOptions,
  measurePasses,
  measureSampling,
  PASS_PARTS,
  SAMPLING_PARTS,
} from './measure-passes.ts';
import type { BatchSize } from './memory.ts';
import { type AgentRates, meanMessage, type SamplingCost, samplingSeconds } from './rates.ts';

/** Facts about an agent that determine what has to be measured. */
export interface MeasuredAgent extends CostShape {
  /** Agents with equal cost keys have equal costs: the same base and shape of the adapter. */
  readonly costKey: string;
  /** Agents with equal policy keys write messages of equal lengths: the same weights and instruction. */
  readonly policyKey: string;
  /** Maximum number of tokens of a micro-batch. */
  readonly budget: number;
  /** See `PackingRule.pairCost`. */
  readonly pairCost?: number | undefined;
}

export interface CalibrateOptions {
  readonly seed: number;
  readonly numGenerations: number;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly agentReward: number;
  /** Treatment of messages that were cut off. */
  readonly truncated: TruncatedRule;
  /** By agent id. */
  readonly agents: readonly MeasuredAgent[];
  /** Maximum number of messages that are decoded concurrently. */
  readonly decodeBatch: number;
  /** Maximum number of tokens of a prefilled batch. */
  readonly prefillBudget: number;
  /** Number of episodes of a batch; no larger batch of an agent's messages is measured. */
  readonly episodes: number;
  /** Whether the run has backward passes with a KL term. */
  readonly needsFull: boolean;
  /** Time limit, s. Default {@link CALIBRATION_SECONDS}. */
  readonly seconds?: number | undefined;
  /** Default: a monotonic clock. */
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called before each part of the measurement. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Calibration {
  /** By agent id. */
  readonly agents: readonly AgentRates[];
  readonly activeShare: number;
  /** Sentences about values that were not measured. */
  readonly assumptions: readonly string[];
  /** Highest resident memory of the process after a part of the measurement, bytes. */
  readonly residentBytes: number;
  /** Ids of the agents whose passes were measured, with the largest batch of each. */
  readonly measured: readonly { readonly agent: number; readonly batch: BatchSize }[];
}

/**
 * Default time limit of a calibration, s. A calibration can take up to half as long again, because the compilation
 * of graphs is not counted and batches are chosen by estimates.
 */
export const CALIBRATION_SECONDS = 16;

/** Share of the time limit for the episodes that give the lengths of messages. */
const EPISODE_SHARE = 0.35;
/** Share of the time limit in which one pass is repeated, divided by the number of measured models. */
const REPEAT_SHARE = 0.075;
/** Share of the time limit that is left unused, because batches are chosen by estimates. */
const MARGIN = 0.15;

/** Second key of the calibration's random streams, after the seed. It differs from all keys of training. */
const CALIBRATION = 1002;

const wallClock: Clock = () => performance.now() / 1000;

/** @throws TaskError if the contexts of the agents have no room for a message */
export async function calibrate(team: Team, task: Task, options: CalibrateOptions): Promise<Calibration> {
  const { clock = wallClock, seconds = CALIBRATION_SECONDS, signal } = options;
  const started = clock();
  const kinds = [...new Set(options.agents.map(({ costKey }) => costKey))];
  const parts = new Parts(2 + kinds.length * (SAMPLING_PARTS + PASS_PARTS), options);
  const play = (episodes: EpisodeChoice, key: number): Promise<Trajectory[]> => {
    parts.next();
    return playEpisodes(team, task, { ...options, ...episodes, key });
  };

  // one token per message: gives the contexts, and compiles the graphs
  const opening = await play({ prompts: 2, samples: 1, maxTokens: 1 }, 0);
  requireMessages(task, opening);
  const context = (id: number) => contextsOf(team, opening, id);
  const measure = (
    id: number,
    more: Pick<MeasureOptions, 'messageTokens' | 'contextTokens' | 'seconds'>,
  ) => ({
    ...more,
    ...options.agents[id],
    vocabulary: context(id),
    vocabSize: team.agents[id].model.tokenizer.vocabSize,
    temperature: options.temperature,
    shape: options.agents[id],
    needsFull: options.needsFull,
    enoughSeconds: (seconds * REPEAT_SHARE) / kinds.length,
    clock,
    signal,
    onPart: () => parts.next(),
  });
  const representative = (kind: string): number =>
    options.agents.findIndex(({ costKey }) => costKey === kind);

  const sampling = new Map<string, SamplingCost>();
  for (const kind of kinds) {
    const id = representative(kind);
    const contextTokens = context(id).length;
    const settings = measure(id, { contextTokens, messageTokens: 1, seconds });
    sampling.set(kind, await measureSampling(team.agents[id].model, settings));
  }
  const samplingOf = (id: number): SamplingCost => sampling.get(options.agents[id].costKey) as SamplingCost; // every kind was measured
  const episodes = chooseEpisodes(messagesOf(team, opening, options.maxTokens), {
    ...options,
    samplingOf,
    seconds: seconds * EPISODE_SHARE,
  });
  const before = clock();
  const trajectories = await play(episodes, 1);
  const elapsed = clock() - before;
  const messages = messagesOf(team, trajectories, options.maxTokens, options.agents);
  const concurrency = concurrencyOf(team.agents);
  const scale = samplingScale(elapsed, trajectories, { ...options, samplingOf, concurrency });

  const costs = new Map<string, Awaited<ReturnType<typeof measurePasses>>>();
  for (const [index, kind] of kinds.entries()) {
    const id = representative(kind);
    const left = seconds * (1 - MARGIN) - (clock() - started);
    const { contextTokens, messageLengths } = messages[id];
    const context = contextTokens.reduce((sum, length) => sum + length, 0) / contextTokens.length;
    const message = meanMessage({ messageLengths });
    const settings = {
      ...measure(id, {
        contextTokens: context,
        messageTokens: message,
        seconds: left / (kinds.length - index),
      }),
      budget: Math.min(
        options.agents[id].budget,
        options.episodes * contextTokens.length * (context + message),
      ),
    };
    costs.set(kind, await measurePasses(team.agents[id].model, settings));
  }
  parts.end();
  const share = estimateActiveShare(rewardGroups(trajectories, episodes.samples), options.numGenerations);
  return {
    agents: team.agents.map(({ id }) => {
      const { batch: _, ...passes } = costs.get(options.agents[id].costKey) as PassMeasurement;
      const { contextTokens, commonTokens, messageLengths, messagesPerEpisode } = messages[id];
      return {
        sampling: scaled(samplingOf(id), scale),
        ...passes,
        ...{ contextTokens, commonTokens, messageLengths, messagesPerEpisode },
      };
    }),
    activeShare: share ?? ASSUMED_ACTIVE_SHARE,
    assumptions: [
      ...lengthAssumptions(team, messages, options.maxTokens),
      ...(share === undefined ? [shareAssumption(trajectories.length / episodes.samples)] : []),
    ],
    residentBytes: parts.residentBytes,
    measured: kinds.map((kind) => ({
      agent: representative(kind),
      batch: (costs.get(kind) as PassMeasurement).batch,
    })),
  };
}

type PassMeasurement = Awaited<ReturnType<typeof measurePasses>>;

/** Counts the parts of the measurement, and reads the memory of the process after each of them. */
class Parts {
  residentBytes = 0;
  readonly #total: number;
  readonly #onProgress: CalibrateOptions['onProgress'];
  #done = 0;

  constructor(total: number, { onProgress }: Pick<CalibrateOptions, 'onProgress'>) {
    this.#total = total;
    this.#onProgress = onProgress;
  }

  next(): void {
    this.residentBytes = Math.max(this.residentBytes, process.memoryUsage.rss());
    this.#onProgress?.(this.#done, this.#total);
    this.#done = Math.min(this.#done + 1, this.#total);
  }

  end(): void {
    this.#done = this.#total;
    this.next();
  }
}

function playEpisodes(
  team: Team,
  task: Task,
  { prompts, samples, key, ...options }: CalibrateOptions & EpisodeChoice & { readonly key: number },
): Promise<Trajectory[]> {
  return rollout(team, task, {
    items: firstPrompts(task, 'train', prompts),
    samples,
    temperature: options.temperature,
    maxTokens: options.maxTokens,
    agentReward: options.agentReward,
    truncated: options.truncated,
    stream: randomStream(options.seed, CALIBRATION, key),
    ...(options.signal && { signal: options.signal }),
  });
}

/** @throws TaskError if no agent wrote a message, so that there is nothing to measure */
function requireMessages(task: Task, trajectories: readonly Trajectory[]): void {
  const [first] = trajectories;
  if (first === undefined) throw noPromptFits(task, 'train', LOOK_AHEAD);
  if (trajectories.some(({ messages }) => messages.length > 0)) return;
  throw new TaskError(
    `task ${task.name}: expected prompts with room for a message, got none among the first ${trajectories.length}, e.g. ${first.item.id}: ${first.verdict.reason}; allow shorter prompts or messages`,
    { code: 'TROUPE_TASK_OVERLONG' },
  );
}

/** Returns a context of an agent; the text of the prompt if the agent did not act. */
function contextsOf(team: Team, trajectories: readonly Trajectory[], id: number): Int32Array {
  const own = trajectories.flatMap(({ messages }) => messages.filter(({ agent }) => agent === id));
  const { tokenizer } = team.agents[id].model;
  return (
    own[0]?.context ?? tokenizer.encodeChat([{ role: 'user', content: trajectories[0]?.item.prompt ?? '' }])
  );
}

/**
 * Returns the measured time of episodes divided by the time that the sampling costs predict for them. Agents
 * with their own devices sample concurrently, which shortens the measured time.
 */
function samplingScale(
  elapsed: number,
  trajectories: readonly Trajectory[],
  {
    agents,
    decodeBatch,
    prefillBudget,
    samplingOf,
    concurrency,
  }: Pick<CalibrateOptions, 'agents' | 'decodeBatch' | 'prefillBudget'> & {
    readonly samplingOf: (id: number) => SamplingCost;
    readonly concurrency: number;
  },
): number {
  const calls = new Map<string, Trajectory['messages'][number][]>();
  for (const message of trajectories.flatMap(({ messages }) => messages)) {
    const key = `${message.turn} ${message.agent}`;
    calls.set(key, [...(calls.get(key) ?? []), message]);
  }
  let predicted = 0;
  for (const messages of calls.values()) {
    const id = messages[0]?.agent ?? 0;
    const contexts = distinctContexts(messages);
    const lengths = messages.map(({ tokens }) => tokens.length);
    predicted += samplingSeconds({ sampling: samplingOf(id) }, lengths, {
      messages: messages.length,
      contexts: contexts.length,
      contextTokens: contexts.reduce((sum, { length }) => sum + length, 0) / contexts.length,
      commonTokens: meanCommonPrefix(contexts),
      slots: decodeBatch,
      budget: prefillBudget,
      pairCost: agents[id].pairCost,
    });
  }
  return predicted > 0 ? Math.min(2, Math.max(0.5 / concurrency, elapsed / predicted)) : 1;
}

function scaled({ message, prefill, step, row, cached }: SamplingCost, scale: number): SamplingCost {
  const { call, token, pair } = prefill;
  return {
    message: scale * message,
    prefill: { call: scale * call, token: scale * token, pair: scale * pair },
    ...{ step: scale * step, row: scale * row, cached: scale * cached },
  };
}

function rewardGroups(trajectories: readonly Trajectory[], samples: number): number[][] {
  const rewards = trajectories.map(({ reward }) => reward);
  return Array.from({ length: rewards.length / samples }, (_, group) =>
    rewards.slice(group * samples, (group + 1) * samples),
  );
}

function shareAssumption(groups: number): string {
  return `${Math.round(100 * ASSUMED_ACTIVE_SHARE)}% of groups have different rewards; none of the ${groups} sampled groups had`;
}

/** Returns a sentence for every policy whose messages were cut off before the limit of the run. */
function lengthAssumptions(team: Team, messages: readonly AgentMessages[], limit: number): string[] {
  const sentences = team.agents.flatMap(({ id, name }) => {
    const { sampled, cut, cutAt, messageLengths } = messages[id];
    if (cut === 0) return [];
    const seen = `${cut} of ${sampled} sampled messages of ${name} were cut off at ${cutAt} tokens`;
    return cut === sampled
      ? [`messages have ${limit} tokens, the limit; ${seen}`]
      : [`messages have ${Math.round(meanMessage({ messageLengths }))} tokens on average; ${seen}`];
  });
  return [...new Set(sentences)];
}
