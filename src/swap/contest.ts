/**
 * After a swap: the team before and the teams that could replace it on the same test prompts, and the
 * acceptance test that decides.
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

/** The same team with another model in one seat. */
export function withModel(team: Team, agent: number, model: Model): Team {
  return { ...team, agents: team.agents.map((own) => (own.id === agent ? { ...own, model } : own)) };
}

export interface Contender {
  /** `before`, `raw swap`, `stage-0`. */
  readonly label: string;
  readonly team: Team;
}

export interface ContestEntry {
  readonly evaluation: TeamEvaluation;
  /** Accuracy minus that of the team before; absent for that team. */
  readonly difference?: DifferenceRecord;
}

/**
 * Measures one contender; all are measured on the same prompts with like streams.
 *
 * @param against - the team before; absent for that team itself
 */
export async function measureContender(
  { label, team }: Contender,
  task: Task,
  { against, ...options }: Omit<EvaluateOptions, 'label'> & { readonly against?: TeamEvaluation },
): Promise<ContestEntry> {
  const evaluation = await evaluateTeam(team, task, { ...options, label });
  return { evaluation, ...(against && { difference: compare(evaluation.team, against.team) }) };
}

export interface Decision extends PairedTestResult {
  readonly alpha: number;
  readonly action: 'promote' | 'keep' | 'cannot_tell';
}

/**
 * Whether the swapped team is proved better than the one before on prompts nothing has seen: `promote` with
 * at most alpha probability of being wrong, `keep` the old team when harm beyond `gate.tolerance` is proved,
 * else `cannot_tell`   (E64).
 *
 * @param context - of a run to be made of the swapped team; its validation prompts are used up, its count of tests
 *   grows
 */
export async function decide(
  context: RunContext,
  { before, after }: { readonly before: Team; readonly after: Team },
): Promise<Decision> {
  const { state, options } = context;
  const index = ++state.gate.tests;
  const alpha = alphaSpending(options.gate.alpha, index);
  const contest = { old: snapshotWithOwnModels(before), new: snapshotWithOwnModels(after) };
  const strict = { ...context, options: { ...options, gate: { ...options.gate, tolerance: 0 } } };
  const result = await pairedTest(strict, contest, { stage: 0, index, alpha });
  state.prompts.validation = context.prompts.validation.position;
  const action = ({ better: 'promote', harm: 'keep', undecided: 'cannot_tell' } as const)[result.verdict];
  return { ...result, alpha, action };
}
