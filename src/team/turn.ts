/**
 * One turn of many episodes: every agent that acts in some of them samples for all of these in one call.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import type { Completion, SampleRequest } from '../engine/engine.ts';
import { runConcurrently } from './concurrency.ts';
import { type Episode, viewOf } from './episode.ts';
import type { Agent, Team, TeamMessage } from './team.ts';
import { spokenOf } from './transcript.ts';
import { shareVocabulary } from './vocabularies.ts';

/** An episode that goes on, and who speaks in it now. */
export interface Acting {
  readonly episode: Episode;
  readonly ids: ReadonlySet<number>;
}

export interface TurnOptions {
  readonly turn: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** A message draws from the child (agent, group, sample, turn). */
  readonly stream: RandomStream;
  /** The agent the episodes are for; the others' streams are then named without the sample. */
  readonly learner?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How many more messages are finished. */
  readonly onMessages: (count: number) => void;
  /** Called when an agent has said all it says at this turn. */
  readonly onSaid?: ((agent: number, messages: readonly TeamMessage[]) => void) | undefined;
}

/** Lets every acting agent speak once, each without seeing what the others say at this turn. */
export async function playTurn(
  team: Team,
  acting: readonly Acting[],
  { turn, stream, learner, signal, temperature, maxTokens, onMessages, onSaid }: TurnOptions,
): Promise<void> {
  const isMixed = !shareVocabulary(team);
  const speaking = team.agents.flatMap((agent) => {
    const episodes = acting.filter(({ ids }) => ids.has(agent.id)).map(({ episode }) => episode);
    return episodes.length === 0 ? [] : [{ ...agent, episodes }];
  });
  const speak = async (agent: Agent & { readonly episodes: readonly Episode[] }, own?: AbortSignal) => {
    const { id, model, episodes } = agent;
    const isCompanion = learner !== undefined && id !== learner;
    const { requests, askedBy } = requestsOf(team, agent, { turn, episodes, stream, isCompanion });
    const episodesOf = new Uint32Array(requests.length); // how many a request answers
    for (const asked of askedBy) episodesOf[asked]++;
    const completions = await model.sample(requests, {
      temperature,
      maxTokens,
      ...(own === undefined ? {} : { signal: own }),
      onCompletion: (index) => onMessages(episodesOf[index]),
    });
    const messages = askedBy.map((asked) =>
      messageOf(agent, { turn, context: requests[asked].context, completion: completions[asked], isMixed }),
    );
    onSaid?.(id, messages);
    return { episodes, messages };
  };
  for (const { episodes, messages } of await runConcurrently(speaking, speak, signal))
    episodes.forEach((episode, i) => {
      episode.messages.push(messages[i]);
      episode.spoken.push(spokenOf(messages[i]));
    });
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
  const askedBy = at.episodes.map((episode) => {
    const { group, sample, spoken } = episode;
    let context = spoken.length === 0 ? openings.get(group) : undefined;
    if (context === undefined) {
      context = agent.model.tokenizer.encodeChat(viewOf(protocol, agent, episode));
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
