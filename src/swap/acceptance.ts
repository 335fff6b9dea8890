/**
 * Evaluates a swap of one agent's model: scores the team before the swap and the candidate teams on the same
 * test prompts, and runs the acceptance test that decides whether to keep the swap.
 * @see docs/algorithm.md, E64
 * @module
 */
import { alphaSpending } from '../core/acceptance.ts';
import type { Model } from '../engine/engine.ts';
import { compare } from '../evaluate/compare.ts';
import { type EvaluateOptions, evaluateTeam, type TeamEvaluation } from '../evaluate/evaluate.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import type { RunContext } from '../train/context.ts';
import type { DifferenceRecord } from '../train/events.ts';
import { type PairedTestResult, pairedTest } from '../train/paired-test.ts';
import { snapshotWithOwnModels } from '../train/team-snapshot.ts';

/** Returns the team with another model for one agent. */
export function withModel(team: Team, agent: number, model: Model): Team {
  return { ...team, agents: team.agents.map((own) => (own.id === agent ? { ...own, model } : own)) };
}

export interface SwapCandidate {
  /** Name of the candidate, e.g. `before`, `raw swap`, `stage-0`. */
  readonly label: string;
  readonly team: Team;
}

export interface CandidateEvaluation {
  readonly evaluation: TeamEvaluation;
  /**
   * Accuracy of the candidate team minus that of the team before the swap; absent for the team before the
   * swap.
   */
  readonly difference?: DifferenceRecord;
}

/**
 * Evaluates one candidate team. Candidates that are evaluated with equal options are paired: they get the
 * same prompts and random streams.
 *
 * @param options.against - evaluation of the team before the swap; absent when that team itself is
 *   evaluated
 */
export async function evaluateCandidate(
  { label, team }: SwapCandidate,
  task: Task,
  { against, ...options }: Omit<EvaluateOptions, 'label'> & { readonly against?: TeamEvaluation },
): Promise<CandidateEvaluation> {
  const evaluation = await evaluateTeam(team, task, { ...options, label });
  return { evaluation, ...(against && { difference: compare(evaluation.team, against.team) }) };
}

export interface SwapDecision extends PairedTestResult {
  readonly alpha: number;
  readonly action: 'promote' | 'keep' | 'cannot_tell';
}

/**
 * Tests the swapped team against the team before the swap, on unused validation prompts (E64). Result
 * `promote`: the swapped team is proved better; the probability of this result without an improvement is at
 * most alpha. `keep`: it is proved worse, so the old team is kept. `cannot_tell`: neither is proved.
 *
 * @param context - context of the run with the swapped team; its numbers of used validation prompts and of
 *   acceptance tests are updated
 */
export async function decideSwap(
  context: RunContext,
  { before, after }: { readonly before: Team; readonly after: Team },
): Promise<SwapDecision> {
  const { state, options } = context;
  const index = ++state.gate.tests;
  const alpha = alphaSpending(options.gate.alpha, index);
  const pair = { old: snapshotWithOwnModels(before), new: snapshotWithOwnModels(after) };
  // tolerance 0: any proved loss of reward keeps the old team
  const strict = { ...context, options: { ...options, gate: { ...options.gate, tolerance: 0 } } };
  const result = await pairedTest(strict, pair, { stage: 0, index, alpha });
  state.prompts.validation = context.prompts.validation.position;
  const action = ({ better: 'promote', harm: 'keep', undecided: 'cannot_tell' } as const)[result.verdict];
  return { ...result, alpha, action };
}
