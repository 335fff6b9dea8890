/**
 * Enumerates all trajectories ("plays") of a small episode with their probabilities, for exact expectations.
 * @module
 */
import type { Episode, EpisodePolicy } from '../core/tabular/episode.ts';

/** One trajectory. */
export interface Play {
  /** Probability of the trajectory under the policy that chose the actions. */
  readonly probability: number;
  readonly states: readonly number[];
  readonly actions: readonly number[];
  /** r_t [H], reward units. */
  readonly rewards: readonly number[];
  /** R = sum_t r_t. */
  readonly total: number;
  /**
   * Returns the likelihood ratio of another policy to the policy that chose the actions: prod_t
   * other(a_t|s_t) / policy(a_t|s_t).
   */
  ratio(other: EpisodePolicy): number;
}

/** Yields all trajectories with positive probability. */
export function* enumeratePlays(episode: Episode, policy: EpisodePolicy): Generator<Play> {
  const H = episode.reward.length;
  function* from(
    states: readonly number[],
    actions: readonly number[],
    probability: number,
  ): Generator<Play> {
    const t = actions.length;
    const s = states[t];
    for (const [a, likelihood] of Array.from(policy[t][s]).entries()) {
      const p = probability * likelihood;
      if (p === 0) continue;
      const done = [...actions, a];
      if (t + 1 === H) yield playOf(episode, policy, { states, actions: done, probability: p });
      else
        for (const [next, q] of Array.from(episode.transition[t][s][a]).entries())
          if (q > 0) yield* from([...states, next], done, p * q);
    }
  }
  for (const [s, p] of Array.from(episode.initial).entries()) if (p > 0) yield* from([s], [], p);
}

function playOf(
  { reward }: Episode,
  policy: EpisodePolicy,
  played: Pick<Play, 'states' | 'actions' | 'probability'>,
): Play {
  const { states, actions } = played;
  const rewards = actions.map((a, t) => reward[t][states[t]][a]);
  return {
    ...played,
    rewards,
    total: rewards.reduce((sum, r) => sum + r, 0),
    ratio: (other) =>
      actions.reduce((product, a, t) => (product * other[t][states[t]][a]) / policy[t][states[t]][a], 1),
  };
}
