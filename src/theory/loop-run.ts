/**
 * Runs the training loop on worlds (small MDPs or episodes) with a known expected return J: `runStage`, which
 * also trains language models, and the exact J of the team after every update.
 * @module
 */
import type { EpisodePolicy } from '../core/tabular/episode.ts';
import type { ObservedEpisode } from '../core/tabular/observed-episode.ts';
import { createContext } from '../train/context.ts';
import type { RunEvent, UpdateRecord } from '../train/events.ts';
import type { TrainOptions } from '../train/options.ts';
import { runStage } from '../train/stage.ts';
import { initialState } from '../train/state.ts';
import { createWorldTask } from './world-task.ts';
import { ACTION_TOKENS, type CreateModel, createWorldTeam, exactObjective } from './world-team.ts';

/**
 * Training options for exact worlds: plain gradient steps on advantages without normalisation, with a
 * learning rate that adapts to the share of the KL radius that the updates use.
 */
export const LOOP_OPTIONS: TrainOptions = {
  seed: 1,
  stages: 1,
  rolloutMode: 'fresh',
  order: 'static',
  updateSchedule: 'sequential',
  credit: 'team',
  stateWeight: true,
  promptsPerStep: 64,
  numGenerations: 8,
  companions: 'independent',
  temperature: 1,
  maxCompletionLength: ACTION_TOKENS,
  truncated: 'judge', // an action has a fixed length
  numIterations: 1,
  minibatchSize: 1_000_000, // one step on the whole batch
  epsilon: 0.2,
  dualClip: 3,
  ratioNorm: 'sum',
  normalise: 'mean',
  advantageClip: 1_000_000, // no effect: raw advantages are not clipped
  beta: 0.001,
  trustRegion: {
    targetKl: 0.02,
    quantile: 0.99,
    slack: 'none',
    slackConfidence: 0.05,
    maxBacktracks: 8,
    stepShrink: 0.5,
    gate: 'enforce',
  },
  optimizer: {
    learningRate: 2,
    beta1: 0,
    beta2: 0,
    epsilon: 1, // far above every gradient here, which makes Adam's step a plain gradient step
    weightDecay: 0,
    maxGradNorm: Number.POSITIVE_INFINITY,
    adaptToRadius: true,
  },
  gate: { kind: 'off', every: 1, nPlan: 400, alpha: 0.05, tolerance: 0.05 },
  certificate: { prompts: 0, confidence: 0.05, cap: 2, paperGamma: 0.99 },
  agentReward: 0,
  saveSteps: 1,
  stageEvaluationPrompts: 0,
  evalPrompts: 0,
};

/** World, initial policy, options and number of stages of a run. */
export interface LoopRun {
  readonly world: ObservedEpisode;
  readonly policy: EpisodePolicy;
  readonly options: TrainOptions;
  readonly stages: number;
}

/** One update of a run, with the exact J before and after it. */
export interface WatchedUpdate extends UpdateRecord {
  readonly objectiveBefore: number;
  readonly objectiveAfter: number;
}

/** Result of {@link watchStages}. */
export interface WatchedRun {
  /** Expected return J before the first stage and after each stage [stages + 1], reward units. */
  readonly objectives: readonly number[];
  readonly updates: readonly WatchedUpdate[];
  readonly events: readonly RunEvent[];
}

/**
 * Runs stages and computes the exact J after every update.
 *
 * @param setup - function that creates the tabular models, and the seed of the world's own draws (first
 *   states and transitions); `options.seed` is the seed of the training run
 */
export async function watchStages(
  { world, policy, options, stages }: LoopRun,
  { createModel, seed }: { readonly createModel: CreateModel; readonly seed: number },
): Promise<WatchedRun> {
  const team = createWorldTeam(world, policy, createModel);
  const events: RunEvent[] = [];
  const updates: WatchedUpdate[] = [];
  let objectiveBefore = exactObjective(world, team);
  const context = createContext({
    task: createWorldTask(world, { seed }),
    options,
    state: initialState(team.agents.length, options.beta),
    emit(event) {
      if (event.kind === 'phase') return;
      events.push(event);
      if (event.kind !== 'update') return;
      const { kind: _, ...record } = event;
      const objectiveAfter = exactObjective(world, team);
      updates.push({ ...record, objectiveBefore, objectiveAfter });
      objectiveBefore = objectiveAfter;
    },
    transcribe() {},
  });
  const objectives = [objectiveBefore];
  for (let stage = 1; stage <= stages; stage++) {
    const { reward, accepted, certificate } = await runStage(context, team, stage);
    const tokens = context.state.tokens;
    events.push({
      kind: 'stage_finished',
      stage,
      reward,
      accepted,
      tokens,
      ...(certificate && { certificate }),
    });
    objectives.push(exactObjective(world, team));
  }
  return { objectives, updates, events };
}
