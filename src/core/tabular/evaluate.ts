/**
 * Exact values, occupancies and advantages of a team in a finite MDP.
 * @see SAT (arXiv 2605.05216) Sec. 3; docs/algorithm.md, E3–E5
 * @module
 */
import { dot, multiply, solve } from '../linear.ts';
import {
  actionOf,
  checkTeamPolicy,
  jointActions,
  jointDistribution,
  type TeamMdp,
  type TeamPolicy,
} from './mdp.ts';

/** Exact values of a team. */
export interface Evaluation {
  /** Value V(s) of each state [S], reward units. */
  readonly value: Float64Array;
  /** Occupancy d(s) = (1−γ) Σ_t γᵗ P(s_t = s) [S]; sums to 1 (E4). */
  readonly occupancy: Float64Array;
  /** Expected return J = Σ_s initial(s) V(s), reward units (E3). */
  readonly objective: number;
  /** Advantage A(s, a) [S][joint actions], reward units (E5). */
  readonly advantage: readonly Float64Array[];
  /** Largest advantage max_{s,a} |A(s, a)|, reward units. */
  readonly aMax: number;
}

/**
 * Computes exact values, occupancy and advantages of a team: the value V = (I − γP_π)⁻¹ r_π, the occupancy d
 * = (1−γ)(I − γP_πᵀ)⁻¹ initial and the advantage A = r + γPV − V. P_π and r_π are the transition matrix and
 * the reward under the team's policy   (E3, E4, E5).
 *
 * @throws DomainError if the policy's shape does not match the MDP
 */
export function evaluateTeam(mdp: TeamMdp, policies: TeamPolicy): Evaluation {
  checkTeamPolicy(mdp, policies);
  const { initial, gamma } = mdp;
  const S = initial.length;
  const joint = Array.from({ length: S }, (_, s) => jointDistribution(mdp, policies, s));
  const rewardUnder = Float64Array.from(joint, (p, s) => dot(p, mdp.reward[s]));
  const flow = joint.map((p, s) => {
    const next = new Float64Array(S);
    mdp.transition[s].forEach((row, a) => {
      for (let k = 0; k < S; k++) next[k] += p[a] * row[k];
    });
    return next;
  });
  const system = flow.map((row, s) => row.map((p, k) => (s === k ? 1 : 0) - gamma * p));
  const transposed = system.map((_, k) => Float64Array.from(system, (row) => row[k]));
  const value = solve(system, rewardUnder);
  const occupancy = solve(transposed, initial).map((x) => (1 - gamma) * x);
  const advantage = mdp.reward.map((row, s) => {
    const future = multiply(mdp.transition[s], value);
    return Float64Array.from(row, (r, a) => r + gamma * future[a] - value[s]);
  });
  const aMax = advantage.reduce((max, row) => row.reduce((m, x) => Math.max(m, Math.abs(x)), max), 0);
  return { value, occupancy, objective: dot(initial, value), advantage, aMax };
}

/**
 * Returns the advantage of agent i's own action: A_i(s, a_i) = E_{a_−i ~ π_−i}[ A(s, a) ], the expectation
 * over the actions of the other agents   (E39).
 *
 * @param options - the agent, and the evaluation of the team `policies`
 * @returns advantages [S][actions of the agent], reward units
 */
export function agentAdvantage(
  mdp: TeamMdp,
  policies: TeamPolicy,
  { agent, evaluation }: { readonly agent: number; readonly evaluation: Evaluation },
): Float64Array[] {
  const count = jointActions(mdp);
  // with the agent's own factor replaced by 1, the product of policies is the joint distribution of the other
  // agents
  const others = policies.map((policy, i) =>
    i === agent ? policy.map((row) => new Float64Array(row.length).fill(1)) : policy,
  );
  return evaluation.advantage.map((row, s) => {
    const weight = jointDistribution(mdp, others, s);
    const own = new Float64Array(mdp.actions[agent]);
    for (let a = 0; a < count; a++) own[actionOf(mdp.actions, a, agent)] += weight[a] * row[a];
    return own;
  });
}

/**
 * Returns the surrogate gain of the change to the team `next`, with the occupancy d and the advantage A of
 * the team before the change: L = (1/(1−γ)) E_{s~d, a~π′} A(s, a), where π′ is the policy of `next`. If only
 * agent i changes, L is its surrogate gain L_i. For a whole stage, L is the first term of E56.
 *
 * @param evaluation - evaluation of the team before the change
 * @param next - team after the change
 * @returns surrogate gain, reward units
 */
export function surrogateGain(mdp: TeamMdp, evaluation: Evaluation, next: TeamPolicy): number {
  let sum = 0;
  for (let s = 0; s < mdp.initial.length; s++)
    sum += evaluation.occupancy[s] * expectedAdvantage(mdp, evaluation, { policies: next, s });
  return sum / (1 - mdp.gamma);
}

/**
 * Returns the expected advantage at a state, f(s) = E_{a~π′}[ A(s, a) ], reward units; π′ is the team
 * `policies`, and A the advantage of the evaluated team; f is 0 if both teams are equal (E5).
 */
export function expectedAdvantage(
  mdp: TeamMdp,
  evaluation: Evaluation,
  { policies, s }: { readonly policies: TeamPolicy; readonly s: number },
): number {
  return dot(jointDistribution(mdp, policies, s), evaluation.advantage[s]);
}
