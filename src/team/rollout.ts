/**
 * Plays episodes: prompts in, trajectories out. All episodes advance turn by turn together, so that an
 * agent samples for all of them in one call, and every message has a random stream of its own, so that
 * neither batching nor order changes a draw.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import type { Completion, SampleRequest } from '../engine/engine.ts';
import type { Task, TaskItem } from '../task/task.ts';
import { Judge } from './judge.ts';
import type { Agent, SpokenMessage, Team, TeamMessage, Trajectory } from './team.ts';
import { spokenOf } from './transcript.ts';
import { shareVocabulary } from './vocabularies.ts';

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
  readonly memberReward?: number;
  /**
   * Named by the caller for this call alone. A message draws from its child (agent, group, sample, turn),
   * where group is the item's.
   */
  readonly stream: RandomStream;
  /**
   * The agent the episodes are for: the others' streams are then named without the sample, so that the
   * samples of an item differ by what the learner does (common random numbers). Companions that see the same
   * in several samples say the same there, and are sampled once. Every episode is still a draw from the
   * team's policy; only episodes of one item are coupled. Absent: all episodes are independent.
   */
  readonly learner?: number;
  readonly signal?: AbortSignal;
  /** Messages finished, and how many there will be if later turns are like this one. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Gives the verdicts; pass one to ask it for more of them afterwards. Default: one of its own. */
  readonly judge?: Judge;
}

/** An episode under way. */
interface Episode {
  readonly item: TaskItem;
  readonly group: number;
  readonly sample: number;
  readonly spoken: SpokenMessage[];
  readonly messages: TeamMessage[];
}

/** An episode that goes on, and who speaks in it now. */
interface Acting {
  readonly episode: Episode;
  readonly ids: ReadonlySet<number>;
}

/**
 * G episodes of every item: trajectories of E2, rewards r(s, a) of E7 at the end of the episode.
 *
 * Agents that act at the same turn do not see each other. They sample one after the other, because two
 * agents may be the same model and calls on a model are not concurrent.
 *
 * @returns trajectories in order of item, then sample [items * samples]
 * @throws DomainError if an option is out of range, or the protocol lets nobody speak
 * @throws whatever an engine throws; a verifier that throws is a wrong answer ({@link Judge})
 */
export async function rollout(team: Team, task: Task, options: RolloutOptions): Promise<Trajectory[]> {
  check(team, options);
  const { protocol, agents } = team;
  const { groups, firstSample = 0 } = options;
  const episodes = options.items.flatMap((item, position) =>
    Array.from({ length: options.samples }, (_, k): Episode => {
      const group = groups?.[position] ?? position;
      return { item, group, sample: firstSample + k, spoken: [], messages: [] };
    }),
  );
  let live = episodes;
  let done = 0;
  for (let turn = 0; turn < protocol.maxTurns && live.length > 0; turn++) {
    const acting = live
      .map((episode): Acting => {
        return { episode, ids: new Set(protocol.active(turn, episode.spoken, agents.length)) };
      })
      .filter(({ ids }) => ids.size > 0);
    const planned = acting.reduce((sum, { ids }) => sum + ids.size, 0);
    const total = done + planned * (protocol.maxTurns - turn);
    await playTurn(
      team,
      { turn, acting },
      {
        ...options,
        onMessages: (count) => {
          done += count;
          options.onProgress?.(done, total);
        },
      },
    );
    live = acting.map(({ episode }) => episode);
  }
  const { judge = new Judge(task) } = options;
  return episodes.map((episode) =>
    trajectoryOf(team, judge, { episode, memberReward: options.memberReward }),
  );
}

function check(
  { protocol, agents }: Team,
  { items, groups, samples, memberReward = 0 }: RolloutOptions,
): void {
  if (!Number.isInteger(samples) || samples < 1)
    throw new DomainError(`rollout: expected samples to be an integer >= 1, got ${samples}`);
  if (groups !== undefined && (groups.length !== items.length || new Set(groups).size !== groups.length))
    throw new DomainError(`rollout: expected ${items.length} different groups, got ${groups.join(', ')}`);
  if (!(memberReward >= 0 && memberReward <= 1))
    throw new DomainError(`rollout: expected memberReward from 0 to 1, got ${memberReward}`);
  if (memberReward > 0 && protocol.membersAnswer !== true)
    throw new DomainError(
      `rollout: expected memberReward 0 with protocol ${protocol.name}, got ${memberReward}; ` +
        'its messages are steps, not answers of their own',
    );
  agents.forEach(({ id }, position) => {
    if (id !== position)
      throw new DomainError(`rollout: expected agents with ids 0..n-1 in order, got ${id} at ${position}`);
  });
}

/** Lets every acting agent speak once, each without seeing what the others say at this turn. */
async function playTurn(
  team: Team,
  { turn, acting }: { readonly turn: number; readonly acting: readonly Acting[] },
  options: RolloutOptions & { readonly onMessages: (count: number) => void },
): Promise<void> {
  const said: { readonly episode: Episode; readonly message: TeamMessage }[] = [];
  for (const agent of team.agents) {
    const episodes = acting.filter(({ ids }) => ids.has(agent.id)).map(({ episode }) => episode);
    if (episodes.length === 0) continue;
    options.signal?.throwIfAborted();
    const isCompanion = options.learner !== undefined && agent.id !== options.learner;
    const { requests, askedBy } = requestsOf(team, agent, {
      turn,
      episodes,
      stream: options.stream,
      isCompanion,
    });
    const episodesOf = new Uint32Array(requests.length); // how many a request answers
    for (const asked of askedBy) episodesOf[asked]++;
    const completions = await agent.model.sample(requests, {
      temperature: options.temperature,
      maxTokens: options.maxTokens,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onCompletion: (index) => options.onMessages(episodesOf[index]),
    });
    episodes.forEach((episode, i) => {
      const asked = askedBy[i];
      const message = messageOf(agent, {
        turn,
        context: requests[asked].context,
        completion: completions[asked],
        isMixed: !shareVocabulary(team),
      });
      said.push({ episode, message });
    });
  }
  for (const { episode, message } of said) {
    episode.messages.push(message);
    episode.spoken.push(spokenOf(message));
  }
}

interface Asked {
  readonly requests: readonly SampleRequest[];
  /** Index of the request that answers each episode. */
  readonly askedBy: readonly number[];
}

interface AskedAt {
  readonly turn: number;
  readonly episodes: readonly Episode[];
  readonly stream: RandomStream;
  /** Samples that see the same share one request. */
  readonly isCompanion: boolean;
}

/** What an agent is asked at a turn; samples of one item that see the same share one context. */
function requestsOf({ protocol }: Team, agent: Agent, at: AskedAt): Asked {
  const openings = new Map<number, Int32Array>();
  const known = new Map<string, number>();
  const requests: SampleRequest[] = [];
  const askedBy = at.episodes.map(({ item, group, sample, spoken }) => {
    let context = spoken.length === 0 ? openings.get(group) : undefined;
    if (context === undefined) {
      context = agent.model.tokenizer.encodeChat(protocol.view(item, agent.id, spoken, agent.instruction));
      if (spoken.length === 0) openings.set(group, context);
    }
    const key = `${group}:${context.join()}`;
    const same = at.isCompanion ? known.get(key) : undefined;
    if (same !== undefined) return same;
    known.set(key, requests.length);
    const name = [agent.id, group, at.isCompanion ? 0 : sample, at.turn];
    return requests.push({ context, stream: at.stream.child(...name) }) - 1;
  });
  return { requests, askedBy };
}

function messageOf(
  agent: Agent,
  said: {
    readonly turn: number;
    readonly context: Int32Array;
    readonly completion: Completion;
    readonly isMixed: boolean;
  },
): TeamMessage {
  const { tokens, logp, finish } = said.completion;
  const text = agent.model.tokenizer.decode(tokens);
  return {
    turn: said.turn,
    agent: agent.id,
    context: said.context,
    tokens,
    logpSampler: logp,
    text,
    finish,
    ...(said.isMixed && { characters: Math.max(1, text.length) }),
  };
}

function trajectoryOf(
  { protocol, agents }: Team,
  judge: Judge,
  { episode, memberReward = 0 }: { readonly episode: Episode; readonly memberReward: number | undefined },
): Trajectory {
  const { item, group, sample, spoken, messages } = episode;
  if (spoken.length === 0)
    throw new DomainError(`rollout: expected protocol ${protocol.name} to let an agent speak, got silence`);
  const decided = protocol.decide(spoken, (message) => judge.verdict(item, message.text).answer);
  const verdict = judge.verdict(item, decided.text);
  const memberVerdicts = agents.map(({ id }) => {
    const last = spoken.findLast((message) => message.agent === id);
    return last && judge.verdict(item, last.text);
  });
  const heard = memberVerdicts.filter((member) => member !== undefined);
  const members = heard.reduce((sum, member) => sum + member.reward, 0) / heard.length;
  const reward = (1 - memberReward) * verdict.reward + memberReward * members;
  return { item, group, sample, messages, verdict, memberVerdicts, reward };
}
