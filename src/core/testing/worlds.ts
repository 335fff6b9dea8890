/**
 * Seeded random MDPs ("worlds"), episodes and teams, for tests and for `troupe theory`.
 * @module
 */
import { type RandomStream, randomStream } from '../rng.ts';
import type { Episode, EpisodePolicy } from '../tabular/episode.ts';
import { checkedMdp, jointActions, type Policy, type TeamMdp, type TeamPolicy } from '../tabular/mdp.ts';

/** Shape of a random MDP. */
export interface WorldShape {
  readonly states: number;
  /** Actions per agent. */
  readonly actions: readonly number[];
  readonly gamma: number;
}

/**
 * Draws a random distribution over `size` outcomes: uniform on the simplex (Dirichlet(1)) at sharpness 1,
 * closer to the corners at larger values.
 *
 * @param sharpness - exponent of the exponential draws that are normalised to the distribution, >= 1
 */
export function randomDistribution(stream: RandomStream, size: number, sharpness = 1): Float64Array {
  const mass = Float64Array.from(
    { length: size },
    () => (-Math.log(1 - stream.uniform()) + 1e-9) ** sharpness,
  );
  const total = mass.reduce((sum, x) => sum + x, 0);
  return mass.map((x) => x / total);
}

/** Returns an MDP with random transitions and initial distribution, and rewards uniform in [-1, 1]. */
export function randomWorld(seed: number, { states, actions, gamma }: WorldShape): TeamMdp {
  const stream = randomStream(seed, 1);
  const joint = jointActions({ actions });
  const perAction = <T>(draw: () => T) =>
    Array.from({ length: states }, () => Array.from({ length: joint }, draw));
  return checkedMdp({
    actions,
    transition: perAction(() => randomDistribution(stream, states, 2)),
    reward: perAction(() => 2 * stream.uniform() - 1),
    initial: randomDistribution(stream, states),
    gamma,
  });
}

/** Returns a team with random policies for an MDP. */
export function randomTeam(seed: number, mdp: TeamMdp): TeamPolicy {
  const stream = randomStream(seed, 2);
  return mdp.actions.map((actions) =>
    Array.from({ length: mdp.initial.length }, () => randomDistribution(stream, actions)),
  );
}

/** Returns a policy mixed with a random policy: (1 − share) · policy + share · random. */
export function perturbed(seed: number, policy: Policy, share: number): Policy {
  const stream = randomStream(seed, 3);
  return policy.map((row) => {
    const other = randomDistribution(stream, row.length);
    return Float64Array.from(row, (p, a) => (1 - share) * p + share * other[a]);
  });
}

/** Returns an episode with random transitions, and rewards in [0, 1] at every turn. */
export function randomEpisode(
  seed: number,
  {
    states,
    actions,
    turn,
  }: { readonly states: number; readonly actions: number; readonly turn: readonly number[] },
): Episode {
  const stream = randomStream(seed, 4);
  const perAction = <T>(draw: () => T) =>
    turn.map(() => Array.from({ length: states }, () => Array.from({ length: actions }, draw)));
  return {
    transition: perAction(() => randomDistribution(stream, states, 2)),
    reward: perAction(() => stream.uniform()),
    initial: randomDistribution(stream, states),
    turn,
  };
}

/** Returns random distributions for every turn and state of an episode. */
export function randomEpisodePolicy(seed: number, episode: Episode): EpisodePolicy {
  const stream = randomStream(seed, 5);
  return episode.reward.map((rows) => rows.map((row) => randomDistribution(stream, row.length)));
}
