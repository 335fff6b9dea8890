/**
 * Plays one turn of many episodes: every active agent samples its messages of all episodes in one call.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import type { Completion, SampleRequest } from '../engine/engine.ts';
import { runConcurrently } from './concurrency.ts';
import { type Episode, viewOf } from './episode.ts';
import type { Agent, Overflow, Team, TeamMessage } from './team.ts';
import { shareVocabulary } from './vocabularies.ts';

/** An episode that is not over, and the ids of the agents that are active at this turn. */
export interface ActiveEpisode {
  readonly episode: Episode;
  readonly agents: ReadonlySet<number>;
}

export interface TurnOptions {
  readonly turn: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Random stream of the turn's messages. A message draws from the child (agent, group, sample, turn). */
  readonly stream: RandomStream;
  /**
   * Id of the agent that learns from the episodes. If it is given, the other agents draw from the same random
   * streams in all samples of an item (common random numbers), so the samples differ only through the
   * learner; see `rollout`.
   */
  readonly learner?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of messages that have finished since the last call. */
  readonly onFinished: (count: number) => void;
  /** Called when an agent has finished all its messages of this turn. */
  readonly onAgentTurn?: ((agent: number, messages: readonly TeamMessage[]) => void) | undefined;
}

/**
 * Samples one message of every active agent in every episode. Messages of the same turn are not in each
 * other's contexts. A message whose context fills the agent's context window is not sampled, and its episode gets an
 * `overflow`.
 */
export async function playTurn(
  team: Team,
  active: readonly ActiveEpisode[],
  { turn, stream, learner, signal, temperature, maxTokens, onFinished, onAgentTurn }: TurnOptions,
): Promise<void> {
  const isMixed = !shareVocabulary(team);
  const activeAgents = team.agents.flatMap((agent) => {
    const episodes = active.filter(({ agents }) => agents.has(agent.id)).map(({ episode }) => episode);
    return episodes.length === 0 ? [] : [{ ...agent, episodes }];
  });
  const sample = async (agent: Agent & { readonly episodes: readonly Episode[] }, own?: AbortSignal) => {
    const { id, model } = agent;
    const isCompanion = learner !== undefined && id !== learner;
    const { requests, requestOf, episodes, overflows } = requestsOf(team, agent, {
      ...{ turn, stream, isCompanion },
      episodes: agent.episodes,
    });
    if (overflows.length > 0) onFinished(overflows.length);
    const episodesOf = new Uint32Array(requests.length); // number of episodes that share the request
    for (const request of requestOf) episodesOf[request]++;
    const completions =
      requests.length === 0
        ? []
        : await model.sample(requests, {
            temperature,
            maxTokens,
            ...(own === undefined ? {} : { signal: own }),
            onCompletion: (index) => onFinished(episodesOf[index]),
          });
    const messages = requestOf.map((request) =>
      messageOf(agent, {
        turn,
        context: requests[request].context,
        completion: completions[request],
        isMixed,
      }),
    );
    onAgentTurn?.(id, messages);
    return { episodes, messages, overflows };
  };
  for (const { episodes, messages, overflows } of await runConcurrently(activeAgents, sample, signal)) {
    episodes.forEach((episode, i) => {
      episode.messages.push(messages[i]);
    });
    for (const { episode, overflow } of overflows) episode.overflow ??= overflow;
  }
}

interface TurnRequests {
  readonly requests: readonly SampleRequest[];
  /** The episodes whose contexts leave room for a message. */
  readonly episodes: readonly Episode[];
  /** Index into `requests` of each episode's request [episodes]. */
  readonly requestOf: readonly number[];
  readonly overflows: readonly { readonly episode: Episode; readonly overflow: Overflow }[];
}

interface RequestOptions {
  readonly turn: number;
  readonly episodes: readonly Episode[];
  readonly stream: RandomStream;
  /**
   * Whether episodes of an item with equal contexts share one sampling request and get the same message. True
   * for all agents except the learner.
   */
  readonly isCompanion: boolean;
}

/**
 * Creates the requests of an agent at a turn. The context of an item's first message is tokenized once for
 * all samples.
 */
function requestsOf({ protocol }: Team, agent: Agent, options: RequestOptions): TurnRequests {
  const openings = new Map<number, Int32Array>();
  const known = new Map<string, number>();
  const requests: SampleRequest[] = [];
  const episodes: Episode[] = [];
  const requestOf: number[] = [];
  const overflows: { episode: Episode; overflow: Overflow }[] = [];
  const { turn } = options;
  for (const episode of options.episodes) {
    const { group, sample, messages } = episode;
    let context = messages.length === 0 ? openings.get(group) : undefined;
    if (context === undefined) {
      context = agent.model.tokenizer.encodeChat(viewOf(protocol, agent, episode));
      if (messages.length === 0) openings.set(group, context);
    }
    if (context.length >= agent.model.capabilities.maxContext) {
      overflows.push({ episode, overflow: { agent: agent.id, turn, tokens: context.length } });
      continue;
    }
    episodes.push(episode);
    const key = `${group}:${context.join()}`;
    const shared = options.isCompanion ? known.get(key) : undefined;
    requestOf.push(shared ?? requests.length);
    if (shared !== undefined) continue;
    known.set(key, requests.length);
    const name = [agent.id, group, options.isCompanion ? 0 : sample, turn];
    requests.push({ context, stream: options.stream.child(...name) });
  }
  return { requests, episodes, requestOf, overflows };
}

function messageOf(
  agent: Agent,
  {
    turn,
    context,
    completion: { tokens, logp, finish },
    isMixed,
  }: {
    readonly turn: number;
    readonly context: Int32Array;
    readonly completion: Completion;
    readonly isMixed: boolean;
  },
): TeamMessage {
  const text = agent.model.tokenizer.decode(tokens);
  // Means per token are not comparable between vocabularies; means per character are.
  const length = isMixed ? Math.max(1, text.length) : logp.length;
  let logpSum = 0;
  for (const value of logp) logpSum += value;
  const meanLogp = logpSum / length;
  return { turn, agent: agent.id, context, tokens, logpSampler: logp, text, finish, meanLogp };
}
