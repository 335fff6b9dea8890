/**
 * Results derived from a run's view: pure functions that views call when they draw. No Node imports: the
 * dashboard's page bundles this file.
 * @module
 */
import type { UpdateRecord, UpdateStatus } from '../train/events.ts';
import type { StageEvaluationRow } from './rows.ts';
import type { GateView, RunView, StageView } from './run-view.ts';

/** Stages in order, without the base team (stage 0). */
export function playedStages({ stages }: Pick<RunView, 'stages'>): StageView[] {
  return [...stages.values()].filter(({ stage }) => stage > 0).sort((a, b) => a.stage - b.stage);
}

/** Finished stages in order. */
export function finishedStages(view: RunView): (StageView & { reward: number })[] {
  return playedStages(view).filter(
    (stage): stage is StageView & { reward: number } => stage.reward !== undefined,
  );
}

/** Mean team reward of each finished stage [stages]. */
export function stageRewards(view: RunView): number[] {
  return finishedStages(view).map(({ reward }) => reward);
}

/** Mean reward of the last finished stage, or of the newest rollout before there is one. */
export function newestReward(view: RunView): number | undefined {
  return finishedStages(view).at(-1)?.reward ?? view.latestReward;
}

/** Stage evaluations in order, that of the base team first. */
export function stageEvaluations({ stages }: Pick<RunView, 'stages'>): StageEvaluationRow[] {
  return [...stages.values()]
    .flatMap(({ evaluation }) => (evaluation === undefined ? [] : [evaluation]))
    .sort((a, b) => a.stage - b.stage);
}

/** Promotion tests and step tests in order. */
export function gatesOf({ stages }: Pick<RunView, 'stages'>): GateView[] {
  return [...stages.values()].flatMap(({ gates }) => gates).sort((a, b) => a.index - b.index);
}

/** Name of an agent; `agent 2` if the view has no `run_started` row. */
export function agentName({ agents }: Pick<RunView, 'agents'>, agent: number): string {
  return agents[agent] ?? `agent ${agent}`;
}

/** All updates in order, or those of one agent. */
export function updatesOf(view: Pick<RunView, 'stages'>, agent?: number): UpdateRecord[] {
  const found: UpdateRecord[] = []; // a loop: the live view reads thousands of updates ten times a second
  for (const { updates } of playedStages(view))
    for (const update of updates) if (agent === undefined || update.agent === agent) found.push(update);
  return found;
}

/** Attempts of an update after its first one. */
export function backtracksOf({ attempts }: Pick<UpdateRecord, 'attempts'>): number {
  return Math.max(0, attempts.length - 1);
}

export interface UpdateTotals {
  readonly updates: number;
  readonly byStatus: Readonly<Record<UpdateStatus, number>>;
  readonly attempts: number;
  readonly backtracks: number;
  /** Largest KL quantile of an accepted update, as a share of its radius; undefined if none was accepted. */
  readonly largestKlShare: number | undefined;
}

export function updateTotals(updates: readonly UpdateRecord[]): UpdateTotals {
  const byStatus = { ACCEPT: 0, REJECT_KL: 0, REJECT_TEST: 0, REJECT_NAN: 0, SKIP: 0 };
  let attempts = 0;
  let backtracks = 0;
  let largestKlShare: number | undefined;
  for (const update of updates) {
    byStatus[update.status]++;
    attempts += update.attempts.length;
    backtracks += backtracksOf(update);
    if (update.status !== 'ACCEPT') continue;
    const share = (update.attempts.at(-1)?.klQuantile ?? Number.NaN) / update.targetKl;
    largestKlShare = Math.max(largestKlShare ?? share, share);
  }
  return { updates: updates.length, byStatus, attempts, backtracks, largestKlShare };
}

/** Number of acceptance tests (E64) by decision. */
export function testCounts(view: RunView): Readonly<Record<GateView['decision'], number>> {
  const counts = { promote: 0, keep: 0, rollback: 0 };
  for (const { decision } of gatesOf(view)) counts[decision]++;
  return counts;
}

/** Number of stages with a certificate (E66), and of those whose lower bound of the gain is above 0. */
export function certificateCounts(view: RunView): { readonly stages: number; readonly positive: number } {
  const certificates = finishedStages(view).flatMap(({ certificate }) => certificate ?? []);
  return {
    stages: certificates.length,
    positive: certificates.filter(({ gainLower }) => gainLower > 0).length,
  };
}

/** Largest |sampler - trainer| log-probability per token of the whole run (E9), nats. */
export function logpMismatchMax(view: RunView): number {
  return updatesOf(view).reduce((max, { logpMismatchMax }) => Math.max(max, logpMismatchMax), 0);
}

/** Tokens sampled for training, those of the stage in progress included. */
export function sampledTokens({ stages }: Pick<RunView, 'stages'>): number {
  return sum([...stages.values()].map(({ tokens }) => tokens));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
