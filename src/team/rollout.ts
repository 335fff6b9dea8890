/**
 * Plays episodes: prompts in, trajectories out. All episodes advance turn by turn together, so that an
 * agent samples for all of them in one call, and every message has a random stream of its own, so that
 * neither batching nor order changes a draw. With an interactive task the environment answers after every
 * turn; what it says is in every later view and in nobody's tokens (E2).
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import type { Task, TaskItem } from '../task/task.ts';
import { allOrNone, concurrencyOf } from './concurrency.ts';
import { playMoves, resetEnvironment } from './environment.ts';
import type { Episode } from './episode.ts';
import type { Team, TeamMessage, Trajectory } from './team.ts';
import { type Acting, playTurn } from './turn.ts';
import { VerifierCache } from './verifier-cache.ts';

/** Stands where an agent's id does in the names of the environment's draws; no team is that large. */
const ENVIRONMENT = 2 ** 32;

export interface RolloutOptions {
  readonly items: readonly TaskItem[];
  /**
   * Group of each item [items]: its name in streams and trajectories, so that a part of a larger batch draws
   * what the whole would. Default: its position.
   */
  readonly groups?: readonly number[];
  /** G: episodes per item, >= 1. */
  readonly samples: number;
  /** Number of an item's first episode, for those that go on with earlier ones; default 0. */
  readonly firstSample?: number;
  /** tau_s of E9. */
  readonly temperature: number;
  readonly maxTokens: number;
  /**
   * w: reward = (1 - w) * verdict on the team's answer + w * mean verdict on the members' last messages;
   * 0..1, default 0. Only for protocols whose members answer (vote, debate).
   */
  readonly agentReward?: number;
  /**
   * Named by the caller for this call alone. A message draws from its child (agent, group, sample, turn),
   * where group is the item's, and a step of the environment from a like name of its own.
   */
  readonly stream: RandomStream;
  /**
   * The agent the episodes are for: the others' streams are then named without the sample, so that the
   * samples of an item differ by what the learner does (common random numbers). Companions that see the same
   * in several samples say the same there, and are sampled once. Every episode is still a draw from the
   * team's policy; only episodes of one item are coupled. An environment counts among the companions.
   * Absent: all episodes are independent.
   */
  readonly learner?: number;
  readonly signal?: AbortSignal;
  /** Messages finished, and how many there will be if later turns are like this one. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called when an agent has said all it says at a turn, of all episodes or of a wave of them. */
  readonly onSaid?: (agent: number, messages: readonly TeamMessage[]) => void;
  /** Gives the verdicts; pass one to ask it for more of them afterwards. Default: one of its own. */
  readonly judge?: VerifierCache;
}

/**
 * G episodes of every item: trajectories of E2, rewards r(s, a) of E7 at the end of the episode. With an
 * interactive task an episode has as many turns as its environment wants, whatever the protocol's own limit.
 *
 * Agents that act at the same turn do not see each other. They sample one after the other, because two
 * agents may be the same model and calls on a model are not concurrent, or side by side where their models have
 * places of their own ({@link inLanes}). There, turns of different episodes overlap too: episodes go in as many
 * waves as agents, so that the second speaks in one wave while the first does in the next.
 *
 * @returns trajectories in order of item, then sample [items * samples]
 * @throws DomainError if an option is out of range, or the protocol lets nobody speak
 * @throws whatever an engine throws; a verifier that throws is a wrong answer ({@link VerifierCache})
 */
export async function rollout(team: Team, task: Task, options: RolloutOptions): Promise<Trajectory[]> {
  check(team, options);
  checkEnvironment(team, task, options);
  const { judge = new VerifierCache(task) } = options;
  const episodes = beginEpisodes(task, judge, options);
  const waves = wavesOf(team, task, episodes);
  const progress = new Progress(options.onProgress);
  const play = (wave: number, signal?: AbortSignal) =>
    playWave(team, task, waves[wave], { ...options, judge, signal, progress: progress.part(wave) });
  if (waves.length === 1) await play(0, options.signal);
  else
    await allOrNone(
      waves.map((_, wave) => (signal) => play(wave, signal)),
      options.signal,
    );
  return episodes.map((episode) => trajectoryOf(team, judge, { episode, agentReward: options.agentReward }));
}

/** Episodes that advance together; those of one item, which may share messages, in one wave. */
function wavesOf(
  { agents, protocol }: Team,
  { environment }: Task,
  episodes: readonly Episode[],
): Episode[][] {
  const groups = [...new Set(episodes.map(({ group }) => group))];
  const isPipeline = environment === undefined && protocol.maxTurns > 1;
  const waves = isPipeline ? Math.min(concurrencyOf(agents), groups.length) : 1;
  const waveOf = new Map(groups.map((group, place) => [group, Math.floor((place * waves) / groups.length)]));
  return Array.from({ length: waves }, (_, wave) =>
    episodes.filter(({ group }) => waveOf.get(group) === wave),
  );
}

/** Adds up what waves report. */
class Progress {
  readonly #onProgress: RolloutOptions['onProgress'];
  readonly #expected: number[] = [];
  #done = 0;

  constructor(onProgress: RolloutOptions['onProgress']) {
    this.#onProgress = onProgress;
  }

  /** @returns tells how many more messages of a wave are finished, and how many there will be in all */
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
  readonly judge: VerifierCache;
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
  let live = episodes;
  let done = 0;
  for (let turn = 0; turn < maxTurns && live.length > 0; turn++) {
    const acting = actingIn(team, live, turn);
    const planned = acting.reduce((sum, { ids }) => sum + ids.size, 0);
    const expected = done + planned * (maxTurns - turn);
    await playTurn(team, acting, { ...options, turn, onMessages: (count) => progress(count, expected) });
    done += planned;
    if (task.environment) await answerTurn(team, task, acting, { ...options, turn });
    live = acting.map(({ episode }) => episode);
  }
}

/** G episodes of every item, nothing said yet. */
function beginEpisodes(
  { environment }: Task,
  judge: VerifierCache,
  { items, groups, samples, firstSample = 0 }: RolloutOptions,
): Episode[] {
  return items.flatMap((item, position) => {
    const group = groups?.[position] ?? position;
    const scene = environment && resetEnvironment(environment, item, judge);
    return Array.from({ length: samples }, (_, k): Episode => {
      const play = scene && { scene, exchanges: [], replies: [] };
      return { item, group, sample: firstSample + k, spoken: [], messages: [], ...(play && { play }) };
    });
  });
}

/** Episodes that go on at this turn, with those who speak. */
function actingIn({ protocol, agents }: Team, live: readonly Episode[], turn: number): Acting[] {
  return live.flatMap((episode) => {
    const { spoken, play } = episode;
    if (play?.scene.done) return [];
    const active = (play ? protocol.moves : undefined)?.active ?? protocol.active;
    const ids = new Set(active(turn, spoken, agents.length));
    return ids.size === 0 ? [] : [{ episode, ids }];
  });
}

/** What an interactive task does not go with. */
function checkEnvironment({ protocol }: Team, task: Task, { agentReward = 0 }: RolloutOptions): void {
  if (task.environment === undefined) return;
  if (protocol.moves === undefined)
    throw new DomainError(
      `rollout: expected a protocol that takes turns with an environment for task ${task.name}, got ${protocol.name}`,
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
        'its messages are steps, not answers of their own',
    );
  agents.forEach(({ id }, position) => {
    if (id !== position)
      throw new DomainError(`rollout: expected agents with ids 0..n-1 in order, got ${id} at ${position}`);
  });
}

/** Sends one message per episode to the environment, and takes in what it says. */
async function answerTurn(
  { protocol }: Team,
  task: Task,
  acting: readonly Acting[],
  { turn, judge, stream, learner, signal }: Omit<WaveOptions, 'progress'> & { readonly turn: number },
): Promise<void> {
  const sent = acting.flatMap(({ episode }) => {
    const { item, spoken, play, group, sample } = episode;
    if (play === undefined || protocol.moves === undefined) return [];
    const said = spoken.filter((message) => message.turn === turn);
    const message = protocol.moves.choose(said, ({ text }) => judge.verdict(item, text).answer);
    const name = [ENVIRONMENT, group, learner === undefined ? sample : 0, turn];
    const { scene } = play;
    return [{ play, message, move: { item, scene, text: message.text, stream: stream.child(...name) } }];
  });
  const scenes = await playMoves(
    task,
    sent.map(({ move }) => move),
    { judge, signal },
  );
  sent.forEach(({ play, message }, i) => {
    const { observation: reply } = scenes[i];
    play.scene = scenes[i];
    play.exchanges.push({ sent: message, reply });
    if (reply !== undefined) play.replies.push({ turn, text: reply });
  });
}

function trajectoryOf(
  { protocol, agents }: Team,
  judge: VerifierCache,
  { episode, agentReward = 0 }: { readonly episode: Episode; readonly agentReward: number | undefined },
): Trajectory {
  const { item, group, sample, spoken, messages, play } = episode;
  if (play !== undefined) {
    const verdict = judge.outcome(item, play.scene);
    const { replies, exchanges } = play;
    const meanLogp = exchanges.at(-1)?.sent.meanLogp ?? Number.NEGATIVE_INFINITY; // over before it began
    const agentVerdicts = agents.map(() => undefined);
    const { reward } = verdict;
    return { item, group, sample, messages, replies, verdict, meanLogp, agentVerdicts, reward };
  }
  if (spoken.length === 0)
    throw new DomainError(`rollout: expected protocol ${protocol.name} to let an agent speak, got silence`);
  const decided = protocol.decide(spoken, (message) => judge.verdict(item, message.text).answer);
  const verdict = judge.verdict(item, decided.text);
  const agentVerdicts = agents.map(({ id }) => {
    const last = spoken.findLast((message) => message.agent === id);
    return last && judge.verdict(item, last.text);
  });
  const heard = agentVerdicts.filter((member) => member !== undefined);
  const members = heard.reduce((sum, member) => sum + member.reward, 0) / heard.length;
  const reward = (1 - agentReward) * verdict.reward + agentReward * members;
  const { meanLogp } = decided;
  return { item, group, sample, messages, verdict, meanLogp, agentVerdicts, reward };
}
