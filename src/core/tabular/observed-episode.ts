/**
 * Team MDPs and simultaneous games as episodes with one agent per turn. The agents that act in the same step
 * of the MDP act at consecutive turns of the episode and do not observe each other's actions. Code for
 * episodes thus also covers MDPs and games.
 * @module
 */
import { checkInteger, checkLength } from '../check.ts';
import { DomainError } from '../errors.ts';
import type { Episode, EpisodePolicy } from './episode.ts';
import { checkedMdp, jointActions, type TeamMdp, type TeamPolicy } from './mdp.ts';

/** An episode with partial observation of its states. */
export interface ObservedEpisode {
  readonly episode: Episode;
  /**
   * Observation of each state by the active agent of each turn, as a number 0, 1, ... [H][S]. An agent has
   * one distribution per observation, the same at all turns.
   */
  readonly observation: readonly (readonly number[])[];
}

/** Returns the episode with full observation of state and turn. */
export function fullyObserved(episode: Episode): ObservedEpisode {
  const S = episode.initial.length;
  return {
    episode,
    observation: episode.turn.map((_, t) => Array.from({ length: S }, (_, s) => t * S + s)),
  };
}

/**
 * Returns the first `steps` steps of a discounted team MDP as an episode with return R = Σ_{t<steps} γᵗ r_t.
 * Agent k of step t acts at turn t·n + k and observes the MDP's state only. The truncation changes the
 * expected return by at most γ^steps max|r| / (1−γ).
 *
 * The state of turn t·n + k has the number s · Π_{i<k} actions_i + the joint action of agents 0..k−1, where s
 * is the MDP's state.
 *
 * @param steps - number of steps, >= 1
 * @throws DomainError if the MDP is invalid, or there is no agent or no step
 */
export function truncatedMdp(mdp: TeamMdp, steps: number): ObservedEpisode {
  checkInteger('truncatedMdp', 'steps', steps, 1);
  if (mdp.actions.length === 0) throw new DomainError('truncatedMdp: expected at least one agent, got none');
  const { actions, transition, reward, initial, gamma } = checkedMdp(mdp);
  const n = actions.length;
  const S = initial.length;
  const before = actions.map((_, k) => jointActions({ actions: actions.slice(0, k) }));
  const states = S * before[n - 1];
  const perState = <T>(make: (x: number) => T): T[] => Array.from({ length: states }, (_, x) => make(x));
  const perAction = <T>(k: number, make: (a: number) => T): T[] =>
    Array.from({ length: actions[k] }, (_, a) => make(a));
  const turns = Array.from({ length: steps * n }, (_, turn) => ({ step: Math.floor(turn / n), k: turn % n }));
  /**
   * Returns the MDP's state and the joint action so far. Turn k may use fewer state numbers than other turns;
   * larger numbers map to the last one that it uses.
   */
  const decode = (k: number, x: number) => {
    const used = Math.min(x, S * before[k] - 1);
    return { s: Math.floor(used / before[k]), joint: used % before[k] };
  };
  return {
    episode: {
      transition: turns.slice(0, -1).map(({ k }) =>
        perState((x) => {
          const { s, joint } = decode(k, x);
          return perAction(k, (a) => {
            const next = joint * actions[k] + a;
            const law = new Float64Array(states);
            if (k < n - 1) law[s * before[k + 1] + next] = 1;
            else law.set(Float64Array.from(transition[s][next]));
            return law;
          });
        }),
      ),
      reward: turns.map(({ step, k }) =>
        perState((x) => {
          const { s, joint } = decode(k, x);
          return perAction(k, (a) => (k < n - 1 ? 0 : gamma ** step * reward[s][joint * actions[k] + a]));
        }),
      ),
      initial: perState((x) => (x < S ? initial[x] : 0)),
      turn: turns.map(({ k }) => k),
    },
    observation: turns.map(({ k }) => perState((x) => decode(k, x).s)),
  };
}

/**
 * Returns a one-shot simultaneous game as an episode: agent i acts at turn i without an observation, and the
 * payoff follows the last turn.
 *
 * @param actions - number of actions of each agent, one or more agents
 * @param payoff - reward of each joint action, the *last* agent's action varying fastest [joint actions],
 *   reward units
 * @throws DomainError if there is no agent, or the payoffs are not one per joint action
 */
export function blindGame(actions: readonly number[], payoff: ArrayLike<number>): ObservedEpisode {
  if (actions.length > 0) checkLength('blindGame', 'payoffs', jointActions({ actions }), payoff.length);
  const transition = [Array.from(payoff, () => [1])];
  return truncatedMdp({ actions, transition, reward: [payoff], initial: [1], gamma: 0 }, 1);
}

/** Returns a team of the MDP as a policy of the episode: one distribution per turn and state. */
export function playedBy({ episode, observation }: ObservedEpisode, team: TeamPolicy): EpisodePolicy {
  return observation.map((seen, t) => seen.map((s) => team[episode.turn[t]][s]));
}
