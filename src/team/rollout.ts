/**
 * Plays episodes of a team on the items of a task. All episodes advance together, turn by turn, so that an
 * agent samples the messages of all episodes in one call. Every message has its own random stream, so its
 * draws depend neither on the batch nor on the order of sampling. With an interactive task the environment
 * replies after every turn. Its replies are part of all later prompts and never of an agent's tokens (E2).
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import type { Task, TaskItem } from '../task/task.ts';
import { allOrNone, concurrencyOf } from './concurrency.ts';
import { MessageJudge, type TruncatedRule } from './cut-off.ts';
import { playMoves, resetEnvironment } from './environment.ts';
import type { Episode } from './episode.ts';
import type { Team, TeamMessage, Trajectory } from './team.ts';
import { trajectoryOf } from './trajectory.ts';
import { type ActiveEpisode, playTurn } from './turn.ts';
import { VerifierCache } from './verifier-cache.ts';

/** Used instead of an agent id in the names of the environment's random streams; larger than any agent id. */
const ENVIRONMENT = 2 ** 32;

export interface RolloutOptions {
  readonly items: readonly TaskItem[];
  /**
   * Group number of each item [items], used in the names of random streams and in trajectories. If a caller
   * plays a part of a larger batch with the groups of that batch, the draws are those of the whole batch.
   * Default: the item's position.
   */
  readonly groups?: readonly number[];
  /** Number of episodes per item (G), >= 1. */
  readonly samples: number;
  /**
   * Sample number of the first episode of each item; > 0 continues an earlier rollout of the same items.
   * Default 0.
   */
  readonly firstSample?: number;
  /** Sampling temperature (tau_s of E9), > 0. */
  readonly temperature: number;
  readonly maxTokens: number;
  /**
   * Weight w, 0..1, of the agents' own answers in the reward: (1 - w) * reward of the team's answer + w *
   * mean reward of the agents' last messages; 0..1, default 0. Only for protocols with `agentsAnswer` (vote,
   * debate, parts).
   */
  readonly agentReward?: number;
  /** Treatment of messages that were cut off. Default `judge`. Teams that are compared need the same rule. */
  readonly truncated?: TruncatedRule;
  /**
   * Random stream of all draws; calls with equal streams draw equal numbers. A message draws from the child
   * (agent, group, sample, turn), a step of the environment from the child (2^32, group, sample, turn).
   */
  readonly stream: RandomStream;
  /**
   * Id of the agent that learns from the episodes. If it is given, the other agents, its companions, draw
   * from the same random streams in all samples of an item. The samples of an item then differ only through
   * the learner (common random numbers). Companions with equal contexts in several samples write equal
   * messages, which are sampled once. Every episode is still a draw from the team's policy, but episodes of
   * the same item are correlated. An environment is treated as a companion. Absent: all episodes are
   * independent.
   */
  readonly learner?: number;
  readonly signal?: AbortSignal;
  /**
   * Called with the number of finished messages and the expected total, which assumes that later turns have
   * as many messages as the current one.
   */
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * Called when an agent has sampled its messages of a turn, for all episodes or for one group of episodes
   * that are played together (a wave; see `rollout`).
   */
  readonly onAgentTurn?: (agent: number, messages: readonly TeamMessage[]) => void;
  /**
   * Cache of the task's verdicts. Pass an own cache to reuse its verdicts after the call. Default: a new
   * cache.
   */
  readonly verifier?: VerifierCache;
}

/**
 * Plays `samples` episodes of every item. The reward is given at the end of the episode (E7). The number of
 * turns of an interactive episode is limited by its environment, not by the protocol.
 *
 * Messages of the same turn are not in each other's contexts. Agents sample one after the other, because two
 * agents may share a model and a model takes one call at a time. Agents whose models have their own devices
 * sample concurrently (`concurrency.ts`). The episodes are then divided into groups, called waves, one per
 * concurrent model: while one model works on a turn of one wave, another model works on the next wave.
 *
 * @returns trajectories in order of item, then sample [items * samples]
 * @throws DomainError if an option is out of range, or the protocol activates no agent
 * @throws errors of engines; an error of the verifier counts as a wrong answer ({@link VerifierCache})
 */
export async function rollout(team: Team, task: Task, options: RolloutOptions): Promise<Trajectory[]> {
  check(team, options);
  checkEnvironment(team, task, options);
  const { verifier = new VerifierCache(task), truncated = 'judge' } = options;
  const judge = new MessageJudge(verifier, truncated);
  const episodes = createEpisodes(task, verifier, options);
  const waves = wavesOf(team, task, episodes);
  const progress = new Progress(options.onProgress);
  const play = (wave: number, signal?: AbortSignal) =>
    playWave(team, task, waves[wave], { ...options, verifier, judge, signal, progress: progress.part(wave) });
  if (waves.length === 1) await play(0, options.signal);
  else
    await allOrNone(
      waves.map((_, wave) => (signal) => play(wave, signal)),
      options.signal,
    );
  return episodes.map((episode) =>
    trajectoryOf(
      team,
      { judge, rewardRange: task.rewardRange },
      { episode, agentReward: options.agentReward },
    ),
  );
}

/**
 * Divides the episodes into waves (groups of episodes that are played together). All episodes of an item are
 * in one wave, because they may share messages.
 */
function wavesOf(
  { agents, protocol }: Team,
  { environment }: Task,
  episodes: readonly Episode[],
): Episode[][] {
  const groups = [...new Set(episodes.map(({ group }) => group))];
  const isPipeline = environment === undefined && protocol.maxTurns > 1;
  const waves = isPipeline ? Math.min(concurrencyOf(agents), groups.length) : 1;
  const waveOf = new Map(groups.map((group, index) => [group, Math.floor((index * waves) / groups.length)]));
  return Array.from({ length: waves }, (_, wave) =>
    episodes.filter(({ group }) => waveOf.get(group) === wave),
  );
}

/** Sums the progress of all waves (groups of episodes that are played together). */
class Progress {
  readonly #onProgress: RolloutOptions['onProgress'];
  readonly #expected: number[] = [];
  #done = 0;

  constructor(onProgress: RolloutOptions['onProgress']) {
    this.#onProgress = onProgress;
  }

  /**
   * Returns the progress callback of one wave (a group of episodes that are played together). Its arguments:
   * the number of messages finished since the previous call, and the expected number of messages of the wave.
   */
  part(wave: number): (count: number, expected: number) => void {
    return (count, expected) => {
      this.#done += count;
      this.#expected[wave] = expected;
      this.#onProgress?.(
        this.#done,
        this.#expected.reduce((sum, value) => sum + value, 0),
      );
    };
  }
}

interface WaveOptions extends Omit<RolloutOptions, 'signal'> {
  readonly verifier: VerifierCache;
  readonly judge: MessageJudge;
  readonly signal: AbortSignal | undefined;
  readonly progress: (count: number, expected: number) => void;
}

async function playWave(
  team: Team,
  task: Task,
  episodes: readonly Episode[],
  { progress, ...options }: WaveOptions,
): Promise<void> {
  const maxTurns = task.environment?.maxTurns ?? team.protocol.maxTurns;
  let running = episodes;
  let done = 0;
  for (let turn = 0; turn < maxTurns && running.length > 0; turn++) {
    const active = activeEpisodes(team, running, { turn, judge: options.judge });
    const planned = active.reduce((sum, { agents }) => sum + agents.size, 0);
    const expected = done + planned * (maxTurns - turn);
    await playTurn(team, active, { ...options, turn, onFinished: (count) => progress(count, expected) });
    done += planned;
    if (task.environment) await stepEnvironments(team, task, active, { ...options, turn });
    running = active.map(({ episode }) => episode);
  }
}

/** Creates the episodes of every item, without messages. */
function createEpisodes(
  { environment }: Task,
  verifier: VerifierCache,
  { items, groups, samples, firstSample = 0 }: RolloutOptions,
): Episode[] {
  return items.flatMap((item, position) => {
    const group = groups?.[position] ?? position;
    const firstStep = environment && resetEnvironment(environment, item, verifier);
    return Array.from({ length: samples }, (_, k): Episode => {
      const play = firstStep && { lastStep: firstStep, exchanges: [] };
      return { item, group, sample: firstSample + k, messages: [], ...(play && { play }) };
    });
  });
}

/** Returns the unfinished episodes, each with the agents that are active at this turn. */
function activeEpisodes(
  { protocol, agents }: Team,
  episodes: readonly Episode[],
  { turn, judge }: { readonly turn: number; readonly judge: MessageJudge },
): ActiveEpisode[] {
  return episodes.flatMap((episode) => {
    const { messages, play, overflow } = episode;
    if (play?.lastStep.done || overflow !== undefined) return [];
    const lastMove = play?.exchanges.at(-1)?.sent;
    if (lastMove && judge.isRejected(lastMove)) return [];
    const active = (play ? protocol.moves : undefined)?.active ?? protocol.active;
    const ids = new Set(active(turn, messages, agents.length));
    return ids.size === 0 ? [] : [{ episode, agents: ids }];
  });
}

/** Rejects teams and options that do not support interactive tasks. */
function checkEnvironment({ protocol }: Team, task: Task, { agentReward = 0 }: RolloutOptions): void {
  if (task.environment === undefined) return;
  if (protocol.moves === undefined)
    throw new DomainError(
      `rollout: expected a protocol for interactive tasks for task ${task.name}, got ${protocol.name}`,
    );
  if (agentReward > 0)
    throw new DomainError(
      `rollout: expected agentReward 0 with task ${task.name}, whose messages are moves, got ${agentReward}`,
    );
}

function check(
  { protocol, agents }: Team,
  { items, groups, samples, agentReward = 0 }: RolloutOptions,
): void {
  if (!Number.isInteger(samples) || samples < 1)
    throw new DomainError(`rollout: expected samples to be an integer >= 1, got ${samples}`);
  if (groups !== undefined && (groups.length !== items.length || new Set(groups).size !== groups.length))
    throw new DomainError(`rollout: expected ${items.length} different groups, got ${groups.join(', ')}`);
  if (!(agentReward >= 0 && agentReward <= 1))
    throw new DomainError(`rollout: expected agentReward from 0 to 1, got ${agentReward}`);
  if (agentReward > 0 && protocol.agentsAnswer !== true)
    throw new DomainError(
      `rollout: expected agentReward 0 with protocol ${protocol.name}, got ${agentReward}; ` +
        'its messages are steps, not complete answers',
    );
  agents.forEach(({ id }, position) => {
    if (id !== position)
      throw new DomainError(`rollout: expected agents with ids 0..n-1 in order, got ${id} at ${position}`);
  });
}

/** Passes one message of every interactive episode to the environment and records the reply. */
async function stepEnvironments(
  { protocol }: Team,
  task: Task,
  active: readonly ActiveEpisode[],
  {
    turn,
    verifier,
    judge,
    stream,
    learner,
    signal,
  }: Omit<WaveOptions, 'progress'> & { readonly turn: number },
): Promise<void> {
  const sent = active.flatMap(({ episode }) => {
    const { item, messages, play, group, sample } = episode;
    if (play === undefined || protocol.moves === undefined || episode.overflow !== undefined) return [];
    const ofTurn = messages.filter((message) => message.turn === turn);
    const message = protocol.moves.choose(ofTurn, judge.answerOf(item));
    if (judge.isRejected(message)) {
      play.exchanges.push({ sent: message, reply: undefined });
      return [];
    }
    const name = [ENVIRONMENT, group, learner === undefined ? sample : 0, turn];
    const { lastStep } = play;
    return [{ play, message, move: { item, lastStep, text: message.text, stream: stream.child(...name) } }];
  });
  const steps = await playMoves(
    task,
    sent.map(({ move }) => move),
    { verifier, signal },
  );
  sent.forEach(({ play, message }, i) => {
    play.lastStep = steps[i];
    play.exchanges.push({ sent: message, reply: steps[i].observation });
  });
}
