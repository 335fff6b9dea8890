/**
 * Runs one exact stage. The agents are updated one after the other. Each update is the exact KL-constrained
 * step at every state (E39), π ∝ old · exp(η A) with KL <= δ_i. Its advantages A are those of the team after
 * the preceding updates. The expected return J never decreases, for any order of the agents and any KL radii
 * δ_i. If all agents are instead updated simultaneously from the team at the start of the stage, J can
 * decrease.
 * @see SAT (arXiv 2605.05216) Algorithm 1; TeamTR
 * @module
 */
import { checkLength } from '../check.ts';
import { DomainError } from '../errors.ts';
import { exactStep } from '../exact-step.ts';
import { agentAdvantage, type Evaluation, evaluateTeam } from './evaluate.ts';
import { type Policy, type TeamMdp, type TeamPolicy, withPolicy } from './mdp.ts';
import { type StepBounds, stepBounds } from './policy-change.ts';

/** One agent's step within a stage. */
export interface StageStep extends StepBounds {
  readonly agent: number;
  /** J: expected return of the team before and after this step, reward units. */
  readonly objectiveBefore: number;
  readonly objectiveAfter: number;
}

/** Result of {@link runExactStage}. */
export interface ExactStage {
  /** J: expected return before the stage and after each step [steps + 1], reward units. */
  readonly objective: readonly number[];
  readonly steps: readonly StageStep[];
  readonly policies: TeamPolicy;
}

/** Order of the agents and KL radii of a stage. */
export interface ExactStageOptions {
  /** Agents to update, in this order; an agent may appear once. */
  readonly order: readonly number[];
  /** δ_i: KL radius of each agent, indexed by agent id [A], nats. */
  readonly deltas: ArrayLike<number>;
}

/**
 * Returns an agent's policy after the exact step: π ∝ old · exp(η A_i(s, ·)), where A_i is the agent's
 * advantage and η the largest step size with KL <= δ_i, at every state (E39).
 *
 * @param options - agent, radius δ_i in nats, and the evaluation of the team `policies` (for a simultaneous
 *   update, that of the team at the start of the stage)
 * @returns the agent's new policy [S][actions]
 */
export function exactAgentUpdate(
  mdp: TeamMdp,
  policies: TeamPolicy,
  {
    agent,
    delta,
    evaluation,
  }: { readonly agent: number; readonly delta: number; readonly evaluation: Evaluation },
): Policy {
  const scores = agentAdvantage(mdp, policies, { agent, evaluation });
  return policies[agent].map((row, s) => exactStep(row, scores[s], delta).pi);
}

/**
 * Runs one stage (RUN_STAGE of docs/algorithm.md) with exact steps. The advantages are recomputed after each
 * agent's step   (E6, E39).
 *
 * @throws DomainError if a radius is missing, or the order names an unknown agent or one twice
 */
export function runExactStage(
  mdp: TeamMdp,
  start: TeamPolicy,
  { order, deltas }: ExactStageOptions,
): ExactStage {
  checkLength('runExactStage', 'radii', mdp.actions.length, deltas.length);
  checkOrder(order, mdp.actions.length);
  let policies = start;
  let evaluation = evaluateTeam(mdp, policies);
  const objective = [evaluation.objective];
  const steps: StageStep[] = [];
  for (const agent of order) {
    const update = exactAgentUpdate(mdp, policies, { agent, delta: deltas[agent], evaluation });
    const after = withPolicy(policies, agent, update);
    const bounds = stepBounds(mdp, { evaluation, before: policies }, { agent, after });
    const next = evaluateTeam(mdp, after);
    steps.push({
      ...bounds,
      agent,
      objectiveBefore: evaluation.objective,
      objectiveAfter: next.objective,
    });
    objective.push(next.objective);
    policies = after;
    evaluation = next;
  }
  return { objective, steps, policies };
}

/**
 * Updates all agents simultaneously from the team `start`. The SAT algorithm uses sequential updates instead,
 * because simultaneous ones can lower the expected return.
 *
 * @param deltas - δ_i per agent id [A], nats
 * @returns the team after the joint change
 */
export function simultaneousUpdate(mdp: TeamMdp, start: TeamPolicy, deltas: ArrayLike<number>): TeamPolicy {
  checkLength('simultaneousUpdate', 'radii', mdp.actions.length, deltas.length);
  const evaluation = evaluateTeam(mdp, start);
  return start.map((_, agent) => exactAgentUpdate(mdp, start, { agent, delta: deltas[agent], evaluation }));
}

function checkOrder(order: readonly number[], n: number): void {
  const seen = new Set<number>();
  for (const agent of order) {
    if (!(Number.isInteger(agent) && agent >= 0 && agent < n) || seen.has(agent))
      throw new DomainError(`runExactStage: expected distinct agents 0..${n - 1}, got [${order.join(', ')}]`);
    seen.add(agent);
  }
}
