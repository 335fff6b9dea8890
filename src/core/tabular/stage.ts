/**
 * One exact stage: the agents take the exact per-state step (E39) one after the other, with the advantages of
 * the intermediate team. J never decreases, for any order and any radii. If the agents take these steps
 * simultaneously from the stage's start, J can decrease.
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
  /** J of the team before and after this step, reward units. */
  readonly objectiveBefore: number;
  readonly objectiveAfter: number;
}

/** Result of {@link runExactStage}. */
export interface ExactStage {
  /** J before the stage and after each step [steps + 1], reward units. */
  readonly objective: readonly number[];
  readonly steps: readonly StageStep[];
  readonly policies: TeamPolicy;
}

/** Order and radii of a stage. */
export interface ExactStageOptions {
  /** Agents to update, in this order; an agent may appear once. */
  readonly order: readonly number[];
  /** δ_i per agent id [A], nats. */
  readonly deltas: ArrayLike<number>;
}

/**
 * Returns an agent's policy after the exact step: π ∝ old · exp(η A_i(s, ·)) with KL <= δ_i at every state
 * (E39).
 *
 * @param options - agent, radius δ_i in nats, and the evaluation of `policies` (for a stale update, of the
 *   stage's start)
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
 * Runs one stage (RUN_STAGE of docs/algorithm.md) with exact steps and fresh advantages   (E6, E39).
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
 * Updates all agents simultaneously from the stage's start. SAT replaces this scheme by sequential updates.
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
