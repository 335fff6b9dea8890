/**
 * A finite discounted team MDP and its policies. It is so small that every value, occupancy and divergence
 * can be computed exactly, so tests check claims about learning with exact numbers instead of estimates.
 * @see SAT (arXiv 2605.05216) Sec. 3 "Team MDP"
 * @module
 */
import { checkDistribution, checkFinite, checkLength } from '../check.ts';
import { DomainError } from '../errors.ts';

/** One agent's policy: a distribution over its actions in every state [S][actions]. */
export type Policy = readonly ArrayLike<number>[];

/** One policy per agent; agents act independently given the state (E1). */
export type TeamPolicy = readonly Policy[];

/**
 * A team MDP with states 0..S−1. A joint action is a mixed-radix number in which the *last* agent's action
 * varies fastest.
 */
export interface TeamMdp {
  /** Number of actions of each agent [A]. */
  readonly actions: readonly number[];
  /** Transition probability P(s′ | s, a) [S][joint actions][S]. */
  readonly transition: readonly (readonly ArrayLike<number>[])[];
  /** Reward r(s, a) [S][joint actions], reward units. */
  readonly reward: readonly ArrayLike<number>[];
  /** Distribution of the first state s_0 [S]. */
  readonly initial: ArrayLike<number>;
  /** Discount, 0 <= γ < 1. */
  readonly gamma: number;
}

/**
 * Checks shapes and distributions of an MDP once, so that other functions do not need to check them.
 *
 * @returns the same MDP
 * @throws DomainError that names the first invalid shape, distribution or number
 */
export function checkedMdp(mdp: TeamMdp): TeamMdp {
  const where = 'TeamMdp';
  const S = mdp.initial.length;
  const joint = jointActions(mdp);
  checkDistribution(where, 'initial', mdp.initial);
  if (!(mdp.gamma >= 0 && mdp.gamma < 1))
    throw new DomainError(`${where}: expected 0 <= gamma < 1, got ${mdp.gamma}`);
  checkLength(where, 'transition states', S, mdp.transition.length);
  checkLength(where, 'reward states', S, mdp.reward.length);
  for (let s = 0; s < S; s++) {
    checkLength(where, `joint actions in transition[${s}]`, joint, mdp.transition[s].length);
    checkLength(where, `joint actions in reward[${s}]`, joint, mdp.reward[s].length);
    checkFinite(where, `reward[${s}]`, mdp.reward[s]);
    mdp.transition[s].forEach((next, a) => {
      checkLength(where, `next states in transition[${s}][${a}]`, S, next.length);
      checkDistribution(where, `transition[${s}][${a}]`, next);
    });
  }
  return mdp;
}

/** @throws DomainError unless `policies` has one distribution per agent and state of the MDP */
export function checkTeamPolicy(mdp: TeamMdp, policies: TeamPolicy): void {
  checkLength('TeamPolicy', 'agents', mdp.actions.length, policies.length);
  policies.forEach((policy, i) => {
    checkLength('TeamPolicy', `states of agent ${i}`, mdp.initial.length, policy.length);
    policy.forEach((row, s) => {
      checkLength('TeamPolicy', `actions of agent ${i} in state ${s}`, mdp.actions[i], row.length);
      checkDistribution('TeamPolicy', `policy of agent ${i} in state ${s}`, row);
    });
  });
}

/** Number of joint actions. */
export function jointActions({ actions }: Pick<TeamMdp, 'actions'>): number {
  return actions.reduce((product, count) => product * count, 1);
}

/** Returns the action of `agent` within a joint action. */
export function actionOf(actions: readonly number[], joint: number, agent: number): number {
  let stride = 1;
  for (let i = actions.length - 1; i > agent; i--) stride *= actions[i];
  return Math.floor(joint / stride) % actions[agent];
}

/**
 * Returns the joint distribution of the team at a state: π(a|s) = Π_i π^(i)(a_i|s), the product of the
 * agents' policies   (E1).
 *
 * @returns probabilities [joint actions]
 */
export function jointDistribution(
  { actions }: Pick<TeamMdp, 'actions'>,
  policies: TeamPolicy,
  s: number,
): Float64Array {
  let joint = Float64Array.of(1);
  for (let i = 0; i < actions.length; i++) {
    const own = policies[i][s];
    const next = new Float64Array(joint.length * actions[i]);
    for (let a = 0; a < joint.length; a++)
      for (let b = 0; b < actions[i]; b++) next[a * actions[i] + b] = joint[a] * own[b];
    joint = next;
  }
  return joint;
}

/** Returns the team with one agent's policy replaced (E6). */
export function withPolicy(policies: TeamPolicy, agent: number, policy: Policy): TeamPolicy {
  return policies.map((old, i) => (i === agent ? policy : old));
}
