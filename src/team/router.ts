/**
 * `router`: one agent per turn over one shared transcript, in a fixed rotation or at random; the last
 * message is the team's answer. There is no router model: who speaks is a fixed function of the state
 * (E1, masked activation).
 * @module
 */
import { randomStream } from '../core/rng.ts';
import type { Protocol, SpokenMessage } from './team.ts';
import { sharedTranscript } from './transcript.ts';

export interface RouterOptions {
  /** Messages per episode, 1 or more; default: one per agent. */
  readonly turns: number | undefined;
  /** `round_robin`: agents in order of id; `random`: each turn any agent. Default `round_robin`. */
  readonly order: 'round_robin' | 'random';
  /** Names the random choices. Default 1. */
  readonly seed: number;
}

export const DEFAULT_ROUTER: RouterOptions = { turns: undefined, order: 'round_robin', seed: 1 };

/**
 * With order `random` the speaker is drawn from a stream named by the seed, the turn and what was said
 * so far, so that it differs between episodes and yet follows from the transcript alone. The first
 * speaker, before anything is said, is the same in all episodes.
 *
 * @param agents - how many take part
 */
export function createRouter(agents: number, options: Partial<RouterOptions> = {}): Protocol {
  const { order, seed, turns = agents } = { ...DEFAULT_ROUTER, ...options };
  const speaker = (turn: number, spoken: readonly SpokenMessage[]): number =>
    order === 'round_robin' ? turn % agents : randomStream(seed, turn, ...history(spoken)).int(agents);
  return {
    name: 'router',
    maxTurns: turns,
    active: (turn, spoken) => (turn < turns ? [speaker(turn, spoken)] : []),
    view: (item, agent, spoken, instruction) => sharedTranscript(item, agent, { spoken, instruction }),
    decide: (spoken) => spoken[spoken.length - 1],
    moves: { active: (turn, spoken) => [speaker(turn, spoken)], choose: ([only]) => only },
  };
}

/** Every token said so far, with the number of tokens in front of each message. */
function history(spoken: readonly SpokenMessage[]): number[] {
  return spoken.flatMap(({ agent, tokens }) => [agent, tokens.length, ...tokens]);
}
