/**
 * Simultaneous games of any number of agents as episodes: the agents act one after the other, none seeing
 * what was played before, so that a game needs no mathematics of its own.
 * @module
 */
import { checkInteger, checkLength } from '../check.ts';
import { DomainError } from '../errors.ts';
import type { Episode, EpisodePolicy } from './episode.ts';
import { jointActions, type TeamPolicy } from './mdp.ts';

/** An episode, and what is seen of its states. */
export interface ObservedEpisode {
  readonly episode: Episode;
  /** What the agent of a turn sees of a state: 0, 1, ... [H][S]. States that look alike are acted in alike. */
  readonly observation: readonly (readonly number[])[];
}

/**
 * Agent i acts at turn i, blind; the state at turn i is the joint action of agents 0..i−1 as a number in
 * mixed radix, and the payoff comes at the last turn.
 *
 * @param actions - number of actions of each agent, one or more agents
 * @param payoff - reward of each joint action, the *last* agent's action varying fastest [joint actions],
 *   reward units
 * @throws DomainError if there is no agent, or the payoffs are not one per joint action
 */
export function blindGame(actions: readonly number[], payoff: ArrayLike<number>): ObservedEpisode {
  if (actions.length === 0) throw new DomainError('blindGame: expected at least one agent, got none');
  for (const count of actions) checkInteger('blindGame', 'number of actions', count, 1);
  checkLength('blindGame', 'payoffs', jointActions({ actions }), payoff.length);
  const H = actions.length;
  const S = jointActions({ actions: actions.slice(0, -1) });
  const perState = <T>(make: (s: number) => T): T[] => Array.from({ length: S }, (_, s) => make(s));
  const perAction = <T>(t: number, make: (a: number) => T): T[] =>
    Array.from({ length: actions[t] }, (_, a) => make(a));
  const oneHot = (s: number) => perState((k) => Number(k === s % S)); // states not reached yet lead anywhere
  return {
    episode: {
      transition: actions
        .slice(0, -1)
        .map((_, t) => perState((s) => perAction(t, (a) => oneHot(s * actions[t] + a)))),
      reward: actions.map((_, t) =>
        perState((s) => perAction(t, (a) => (t === H - 1 ? payoff[s * actions[t] + a] : 0))),
      ),
      initial: perState((s) => Number(s === 0)),
      turn: actions.map((_, t) => t),
    },
    observation: actions.map(() => perState(() => 0)),
  };
}

/** The game's team as a policy of the episode: agent i's one distribution in every state of turn i. */
export function blindPolicy({ observation }: ObservedEpisode, team: TeamPolicy): EpisodePolicy {
  checkLength('blindPolicy', 'agents', observation.length, team.length);
  return observation.map((states, t) => states.map(() => team[t][0]));
}
