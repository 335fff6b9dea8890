/**
 * Worked examples as MDPs and episodes: a coordination game in which simultaneous updates decrease the
 * expected return J, and an episode in which an update decreases J because it is computed from the state
 * distribution at the start of the stage (a stale occupancy).
 * @see docs/algorithm.md, section 4.5, G1, G2, G4
 * @module
 */
import { checkLength } from '../check.ts';
import { exactStep } from '../exact-step.ts';
import { type EpisodePolicy, evaluateEpisode, observedScores } from './episode.ts';
import type { TeamMdp, TeamPolicy } from './mdp.ts';
import type { ObservedEpisode } from './observed-episode.ts';

/**
 * Returns a two-agent game as a one-state MDP with discount 0, so that the expected return is the expected
 * payoff.
 *
 * @param payoff - reward of (action of agent 0, action of agent 1), reward units
 * @throws DomainError if the rows differ in length
 */
export function matrixGame(payoff: readonly ArrayLike<number>[]): TeamMdp {
  for (const row of payoff) checkLength('matrixGame', 'payoffs per row', payoff[0].length, row.length);
  const reward = payoff.flatMap((row) => Array.from(row));
  return {
    actions: [payoff.length, payoff[0].length],
    transition: [reward.map(() => [1])],
    reward: [reward],
    initial: [1],
    gamma: 0,
  };
}

/** Returns the team of a game in which agent i plays action 1 with probability p_i. */
export function binaryTeam(...p: readonly number[]): TeamPolicy {
  return p.map((x) => [[1 - x, x]]);
}

/**
 * Example G2 of docs/algorithm.md: agent 0 chooses between states 1 and 2; agent 1 then acts without
 * observing the state.
 */
export interface StaleOccupancyWorld {
  /** Probability with which agent 0 goes to state 1. */
  readonly p1: number;
  /** Probability with which agent 1 plays action 1, in both states. */
  readonly b: number;
  /** The reward is 1 + bonus for action 1 in state 1, 1 for action 0 in state 2, and 0 otherwise. */
  readonly bonus: number;
  /** KL radii δ of agents 0 and 1, nats. */
  readonly deltas: readonly [number, number];
}

/** Result of {@link staleOccupancyStage}. Objectives are the expected return J, in reward units. */
export interface StaleOccupancyOutcome {
  readonly objective: number;
  /** Probability that agent 0 goes to state 1, and the expected return J, after agent 0's exact step. */
  readonly p1After: number;
  readonly objectiveAfterAgent0: number;
  /**
   * Probability of action 1 after agent 1's exact step with the occupancy at the start of the stage, and the
   * expected return J after this step.
   */
  readonly bStale: number;
  readonly objectiveStale: number;
  /**
   * Probability of action 1 after agent 1's exact step with the occupancy of the intermediate team (the team
   * after agent 0's step), and the expected return J after this step.
   */
  readonly bIntermediate: number;
  readonly objectiveIntermediate: number;
}

/**
 * Runs one stage of example G2. Agent 0 is updated first. Agent 1's update is computed twice: with the state
 * distribution before agent 0's update (stale) and with the one after it.
 */
export function staleOccupancyStage({ p1, b, bonus, deltas }: StaleOccupancyWorld): StaleOccupancyOutcome {
  const { episode } = blindFollower(bonus);
  const start = evaluateEpisode(episode, followerPolicy(p1, b));
  const p1After = exactStep([1 - p1, p1], start.q[0][0], deltas[0]).pi[1];
  const between = evaluateEpisode(episode, followerPolicy(p1After, b));
  const blindStep = (law: ArrayLike<number>) =>
    exactStep([1 - b, b], observedScores(law, between.q[1], [0, 0])[0], deltas[1]).pi[1];
  const bStale = blindStep(start.law[1]);
  const bIntermediate = blindStep(between.law[1]);
  const objectiveOf = (act: number) => evaluateEpisode(episode, followerPolicy(p1After, act)).objective;
  return {
    objective: start.objective,
    p1After,
    objectiveAfterAgent0: between.objective,
    bStale,
    objectiveStale: objectiveOf(bStale),
    bIntermediate,
    objectiveIntermediate: objectiveOf(bIntermediate),
  };
}

/**
 * Returns the episode of example G2: agent 0 chooses the next state; agent 1 does not observe the state and
 * gets a reward for the action that matches it.
 *
 * @param bonus - the reward is 1 + bonus for action 1 in s1 and 1 for action 0 in s2, reward units
 */
export function blindFollower(bonus: number): ObservedEpisode {
  const choose = [
    [0, 1],
    [1, 0],
  ];
  return {
    episode: {
      // s1 and s2 of the example are states 0 and 1 of the second turn
      transition: [[choose, choose]],
      reward: [
        [
          [0, 0],
          [0, 0],
        ],
        [
          [0, 1 + bonus],
          [1, 0],
        ],
      ],
      initial: [1, 0],
      turn: [0, 1],
    },
    observation: [
      [0, 1],
      [0, 0],
    ],
  };
}

/**
 * Returns a policy of example G2: in every state, agent 0 goes to s1 with probability `go` and agent 1 plays
 * action 1 with probability `act`.
 */
export function followerPolicy(go: number, act: number): EpisodePolicy {
  const everywhere = (p: number) => [
    [1 - p, p],
    [1 - p, p],
  ];
  return [everywhere(go), everywhere(act)];
}
