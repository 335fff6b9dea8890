/**
 * Plays episodes with the options of the run; used by training, acceptance tests, certificates (lower bounds
 * on the gain), checks and stage evaluations.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import { TaskError } from '../support/errors.ts';
import type { TaskItem } from '../task/task.ts';
import { rollout } from '../team/rollout.ts';
import type { Team, TeamMessage, Trajectory } from '../team/team.ts';
import { VerifierCache } from '../team/verifier-cache.ts';
import type { RunContext } from './context.ts';

export interface EpisodeRequest {
  readonly stage: number;
  readonly items: readonly TaskItem[];
  /** Episodes per item. */
  readonly samples: number;
  /**
   * Random stream of all draws. Two calls with equal streams draw equal numbers, as a paired comparison
   * needs.
   */
  readonly stream: RandomStream;
  /**
   * Id of the agent that learns from the episodes, if the draws of its teammates are shared by all episodes
   * of an item (common random numbers); see `learner` in `rollout`.
   */
  readonly learner?: number;
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * Called when an agent has sampled its messages of a turn, for all episodes or for one group of episodes
   * that are played together (a wave).
   */
  readonly onAgentTurn?: (agent: number, messages: readonly TeamMessage[]) => void;
}

/**
 * Plays `samples` episodes of every item.
 *
 * @returns trajectories in order of item, then sample
 * @throws TaskError if a reward is NaN or outside of the task's range
 */
export async function playEpisodes(
  { task, options, signal, emit }: Pick<RunContext, 'task' | 'options' | 'signal' | 'emit'>,
  team: Team,
  { stage, onProgress, ...request }: EpisodeRequest,
): Promise<Trajectory[]> {
  const trajectories = await rollout(team, task, {
    ...request,
    temperature: options.temperature,
    maxTokens: options.maxCompletionLength,
    agentReward: options.agentReward,
    truncated: options.truncated,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    verifier: new VerifierCache(task, (message) => emit({ kind: 'warning', stage, message })),
  });
  const [lowest, highest] = task.rewardRange;
  for (const { item, reward } of trajectories)
    if (!(reward >= lowest && reward <= highest))
      throw new TaskError(
        `task ${task.name}: expected a reward from ${lowest} to ${highest} for item ${item.id}, got ${reward}; correct the verifier or its rewardRange`,
      );
  return trajectories;
}
