/**
 * `relay`: agents speak in turn over one shared transcript; the last message is the team's answer.
 * The same as `router` with order `round_robin` and rounds times agents turns. With an interactive task the
 * agents take turns until the task's episode is over.
 * @module
 */
import type { Protocol } from './team.ts';
import { sharedTranscript } from './transcript.ts';

export interface RelayOptions {
  /** How often every agent speaks, 1 or more. Default 1. */
  readonly rounds: number;
}

export const DEFAULT_RELAY: RelayOptions = { rounds: 1 };

/** @param agents - how many take part */
export function createRelay(agents: number, { rounds }: RelayOptions = DEFAULT_RELAY): Protocol {
  return {
    name: 'relay',
    maxTurns: rounds * agents,
    active: (turn) => (turn < rounds * agents ? [turn % agents] : []),
    view: (item, agent, spoken, instruction) => sharedTranscript(item, agent, { spoken, instruction }),
    decide: (spoken) => spoken[spoken.length - 1],
    moves: { active: (turn) => [turn % agents], choose: ([only]) => only },
  };
}
